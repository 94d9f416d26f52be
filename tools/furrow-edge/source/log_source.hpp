/// Frames of a log in any format that can::log_reader reads: a file, or standard input.
///
/// Shape: a file that was read before continues where the spool says. A file is recognised by its first 4 KiB, its size
///   and the bytes before that place, so that it may have grown or moved.
/// Errors: a line that is not a frame is reported as FILE:LINE:COLUMN and counted. The first 20 are reported, the
///   number of the rest at the end. A last line of a file without a line end may be half a line: it is reported, not
///   counted, and waits in the file for its end; in a file that has nothing else it counts as a bad
///   line. The last line of a pipe is whole.
/// Limits: a line of at most can::line_bytes_max bytes; a longer line is a bad line.
#pragma once

#include "can/logs/log_format.hpp"
#include "tools/furrow-edge/source/frame_source.hpp"
#include "tools/furrow-edge/source/source_file.hpp"
#include "tools/logs/log_clock.hpp"

#include <optional>
#include <string>
#include <vector>

namespace furrow::edge {

class log_source final : public frame_source {
public:
  static constexpr unsigned bad_lines_told_max = 20;

  /// `path` is a file or `-`. `paced`: `progress` may be called while a frame waits to be taken.
  [[nodiscard]] static result<std::unique_ptr<log_source>> open(const std::string& path,
                                                                bad_line_report report,
                                                                bool paced = false,
                                                                logs::log_times times = {});
  log_source(const log_source&) = delete;
  log_source& operator=(const log_source&) = delete;

  /// Finds this file among the files that were read before.
  [[nodiscard]] log_start find_in(const std::vector<source_row>& rows) const;
  [[nodiscard]] std::optional<std::string> digest() const { return file_->digest(); }
  /// Continues where the row says. By then the spool has given the row an id.
  [[nodiscard]] result<done> start_at(const source_row& row);

  [[nodiscard]] source_status next(source_frame& out, std::chrono::milliseconds patience) override;
  void taken() override;
  [[nodiscard]] source_row& progress() override;
  [[nodiscard]] bool live() const override { return false; }
  void refuse(const char* why) override;
  [[nodiscard]] const std::string& trouble() const override { return file_->trouble(); }
  [[nodiscard]] bool drained() const override {
    return !file_->regular() && reader_.offset() >= lines_to_;
  }
  [[nodiscard]] logs::input_tally tally() const override {
    return {frames_, bad_lines_ - bad_before_ + (half_line_ && row_.offset == 0 ? 1 : 0)};
  }

  /// Frames that were dropped before the log was written, as the log reports.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

private:
  log_source(std::unique_ptr<source_file> file,
             bool paced,
             bad_line_report report,
             logs::log_times times);
  enum class filled : std::uint8_t { more, nothing_yet, end, broken };
  filled fill(std::chrono::milliseconds patience);
  void bad_line(std::uint32_t column, const char* why);
  void tell_rest();
  void tell_half_line();

  std::unique_ptr<source_file> file_;
  bool paced_;
  bad_line_report report_;
  source_row row_; // up to the last taken frame

  std::vector<char> bytes_; // the last bytes for the reader
  can::log_reader reader_;
  std::uint64_t fed_to_ = 0;   // in the file
  std::uint64_t lines_to_ = 0; // in the file, the end of the last whole line at hand
  bool at_end_ = false;
  bool half_line_ = false; // the file ends in one
  logs::log_clock clock_;
  std::uint64_t frames_ = 0;
  std::uint64_t bad_lines_ = 0;  // since the file was first read
  std::uint64_t bad_before_ = 0; // before this opening
  std::uint64_t told_ = 0;
  std::uint64_t untold_ = 0;
  std::uint64_t dropped_ = 0;
  can::log_line parsed_;
  can::log_payload payload_;
};

} // namespace furrow::edge
