/// Records of a file or of standard input: JSON lines or CSV (record_lines.hpp).
///
/// Shape, errors: as in log_source: a file continues where the spool says; an invalid line is reported as
///   FILE:LINE:COLUMN, counted, and given as a record of kind can::record_kind_rejected_line, which the node puts into
///   quarantine. An invalid header ends the source. A last line of a file without a line end waits for it, unless it is
///   a complete JSON object; a file that has nothing else counts as one line that could not be read.
/// Limits: a line of record_lines::line_bytes_max; a longer line is a bad line.
#pragma once

#include "tools/furrow-edge/source/frame_source.hpp"
#include "tools/furrow-edge/source/record_lines.hpp"
#include "tools/furrow-edge/source/source_file.hpp"

#include <optional>
#include <string>
#include <vector>

namespace furrow::edge {

class record_source final : public frame_source {
public:
  static constexpr unsigned bad_lines_told_max = 20;

  /// `path` is a file or `-`. `kind` nullptr: each record names its kind.
  [[nodiscard]] static result<std::unique_ptr<record_source>>
  open(const std::string& path, const can::record_kind* kind, bad_line_report report);

  [[nodiscard]] log_start find_in(const std::vector<source_row>& rows) const;
  [[nodiscard]] std::optional<std::string> digest() const { return file_->digest(); }
  [[nodiscard]] result<done> start_at(const source_row& row);

  [[nodiscard]] source_status next(source_frame& out, std::chrono::milliseconds patience) override;
  void taken() override;
  [[nodiscard]] source_row& progress() override;
  [[nodiscard]] bool live() const override { return false; }
  void refuse(const char* why) override;
  [[nodiscard]] const std::string& trouble() const override { return trouble_; }
  [[nodiscard]] bool drained() const override { return !file_->regular() && begin_ >= lines_to_; }
  [[nodiscard]] logs::input_tally tally() const override {
    return {records_, bad_lines_ - bad_before_ + (half_line_ && row_.offset == 0 ? 1 : 0)};
  }

private:
  record_source(std::unique_ptr<source_file> file,
                const can::record_kind* kind,
                bad_line_report report);
  enum class filled : std::uint8_t { more, nothing_yet, end, broken };
  filled fill(std::chrono::milliseconds patience);
  /// Puts the next line into line_. Returns false if the line is not complete yet.
  bool next_line();
  /// Reads what follows the last line end of a file. Returns whether it is a record.
  bool read_unended_line();
  void give(source_frame& out);
  void give_rejected(source_frame& out);
  [[nodiscard]] std::string place_of(std::size_t column) const;
  void bad_line(std::size_t column, const std::string& why);
  void tell_rest();

  std::unique_ptr<source_file> file_;
  bad_line_report report_;
  record_lines lines_;
  source_row row_; // up to the last taken record
  std::string trouble_;

  std::vector<char> bytes_;
  std::string buffer_; // read and not yet parsed, from begin_ on
  std::size_t begin_ = 0;
  std::size_t lines_to_ = 0; // in buffer_, the end of the last whole line
  std::string line_;
  std::uint64_t offset_ = 0; // in the file, after line_
  std::uint64_t number_ = 0; // of line_
  bool overlong_ = false;    // the rest of a line that is too long is skipped
  bool at_end_ = false;
  bool half_line_ = false; // the file ends in one
  std::uint64_t records_ = 0;
  std::uint64_t bad_lines_ = 0;  // since the file was first read
  std::uint64_t bad_before_ = 0; // before this opening
  std::uint64_t told_ = 0;
  std::uint64_t untold_ = 0;
  can::record record_;
};

} // namespace furrow::edge
