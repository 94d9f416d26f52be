/// Every log format behind one reader and one writer: which format a text is in, what its lines
/// say, and how to say it.
///
/// Shape: a reader is fed bytes as they come, in pieces of any size, and gives line after line:
///     log_reader reader;
///     while (piece = ...) { reader.feed(piece); while (reader.next(line, payload)) ... }
///     reader.finish();      while (reader.next(line, payload)) ...
///   The format is found from the content of the first line that tells it; until then a line that
///   tells nothing is a fault (comments and blank lines are not). What a heading says is kept for
///   the lines under it.
/// Units: microseconds. See the header of each format for what its times mean.
/// Errors: a line that cannot be read is a fault; the next is read all the same.
/// Threads: plain values.
/// Limits: line_bytes_max a line; a longer one is one fault. Memory: one line, and the names of 255
/// channels.
#pragma once

#include "can/logs/channel_table.hpp"
#include "can/logs/log_line.hpp"
#include "can/logs/n2k_text.hpp"
#include "can/logs/peak_trc.hpp"
#include "can/logs/vector_asc.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::can {

enum class log_format : std::uint8_t {
  unknown = 0,
  candump = 1,
  asc = 2,
  trc = 3,
  canboat = 4,
  ydwg = 5,
  actisense = 6, // this and those below are read only
  garmin = 7,
  pcdin = 8,
  rp1210 = 9
};

/// The name that a user gives and sees: `candump`, `asc` ...
[[nodiscard]] std::string_view to_string(log_format format);
[[nodiscard]] std::optional<log_format> parse_log_format(std::string_view name);
[[nodiscard]] bool can_write(log_format format);

/// The format that a line tells; unknown when it tells none, as a comment does.
[[nodiscard]] log_format format_of_line(std::string_view line);
/// The format of a text by its first lines.
[[nodiscard]] log_format format_of(std::string_view text);

class log_reader {
public:
  /// Without a format it is found from the content.
  explicit log_reader(log_format format = log_format::unknown) : format_{format} {}

  /// The next bytes, once `next` has returned false for those before. They stay the caller's and
  /// must live until then.
  void feed(std::string_view bytes);
  /// There are no more: a last line without an end is given too.
  void finish() { finished_ = true; }
  /// The next line; false when all that was fed is used up.
  bool next(log_line& out, log_payload& payload);

  [[nodiscard]] log_format format() const { return format_; }
  /// The number of the line that `next` gave last, and the bytes of the log up to its end.
  [[nodiscard]] std::uint64_t line() const { return line_; }
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  /// Whether the line that `next` gave last had no end: it may have been cut off, even where it
  /// reads well.
  [[nodiscard]] bool unterminated() const { return unterminated_; }

  /// All that the reader knows after the line that `next` gave last, as one line of text: a reader
  /// that is given it goes on at `offset()` of the same log as if it had read all before.
  [[nodiscard]] std::string save() const;
  /// False, and the reader is as it was, when the text was not made by `save`.
  [[nodiscard]] bool restore(std::string_view saved);

private:
  [[nodiscard]] std::optional<std::string_view> take_line();
  void parse(std::string_view line, log_line& out, log_payload& payload);
  void tell_message(log_line& out);
  void parse_candump_line(std::string_view line, log_line& out, log_payload& payload);

  log_format format_;
  std::string_view fed_;    // not yet used
  std::string part_;        // the beginning of a line whose end was not fed yet
  bool part_given_ = false; // part_ holds the line given last
  bool overlong_ = false;   // the line that part_ began is too long; its bytes are only counted
  bool finished_ = false;
  bool unterminated_ = false;
  std::uint64_t line_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t skipped_ = 0; // bytes of an overlong line

  std::string unnamed_; // candump: the interface that a heading gave
  asc_state asc_;
  trc_state trc_;
  day_clock clock_;
  channel_table channels_;
  bool assembled_ = false; // canboat: the log holds messages that were put together
};

/// Writes a log in one format.
class log_writer {
public:
  explicit log_writer(log_format format, trc_version trc = trc_version::v2_1)
    : format_{format}, trc_{trc} {}

  /// Appends a frame, and what must stand before it. nullptr, or why this format has no form for
  /// the frame.
  const char* append(std::string& out, const frame_view& frame, std::string_view interface);
  /// Appends a whole message; only canboat has a form for those.
  const char* append(std::string& out,
                     std::int64_t time_us,
                     const message_head& head,
                     const std::uint8_t* data);
  /// Closes the log.
  void finish(std::string& out) const;

private:
  log_format format_;
  asc_writer asc_;
  trc_writer trc_;
};

} // namespace furrow::can
