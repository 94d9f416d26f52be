/// All log formats behind one reader and one writer, and the detection of the format of a text.
///
/// Shape: a reader is fed bytes in pieces of any size and returns line after line:
///    log_reader reader;
///    while (piece = ...) { reader.feed(piece); while (reader.next(line, payload)) ... }
///    reader.finish();      while (reader.next(line, payload)) ...
///   The reader finds the format from the first line that identifies one. Until then any other line is a fault, except
///   comments and blank lines. The settings of a heading are kept for the lines below it. The text may be UTF-8 or
///   UTF-16, with a byte order mark or without (can/text/encoded_input.hpp).
/// Units: microseconds. The header of each format describes its times.
/// Errors: an invalid line is a fault; the reader goes on with the next line.
/// Threads: plain values.
/// Limits: line_bytes_max a line; a longer line is one fault. Memory: one line, and the names of 255 channels.
#pragma once

#include "can/logs/channel_table.hpp"
#include "can/logs/log_line.hpp"
#include "can/logs/n2k_text.hpp"
#include "can/logs/peak_trc.hpp"
#include "can/logs/vector_asc.hpp"
#include "can/text/encoded_input.hpp"

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
  actisense = 6, // from here on: read only
  garmin = 7,
  pcdin = 8,
  rp1210 = 9,
  gvret = 10
};
inline constexpr auto log_format_last = log_format::gvret;

/// The name for users: `candump`, `asc` ...
[[nodiscard]] std::string_view to_string(log_format format);
[[nodiscard]] std::optional<log_format> parse_log_format(std::string_view name);
[[nodiscard]] bool can_write(log_format format);

/// The format that a line identifies; unknown for a comment, for example.
[[nodiscard]] log_format format_of_line(std::string_view line);
/// The format of a text in UTF-8 by its first lines.
[[nodiscard]] log_format format_of(std::string_view text);

class log_reader {
public:
  /// Without a format the reader finds it from the content.
  explicit log_reader(log_format format = log_format::unknown) : format_{format} {}

  /// Feeds the next bytes, after `next` has returned false for the previous ones. The caller owns them; they must live
  /// until `next` returns false again.
  void feed(std::string_view bytes);
  /// Ends the input: `next` then also returns a last line without an end.
  void finish();
  /// The next line; false when all fed bytes are used.
  bool next(log_line& out, log_payload& payload);

  [[nodiscard]] log_format format() const { return format_; }
  /// The number of the last line from `next`, and the bytes of the log up to its end.
  [[nodiscard]] std::uint64_t line() const { return line_; }
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  /// Whether the last line from `next` had no line end. Such a line may be truncated even if it is valid.
  [[nodiscard]] bool unterminated() const { return unterminated_; }

  /// The state of the reader after the last line from `next`, as one line of text. A reader that restores it goes on at
  /// `offset()` of the same log as if it had read everything before.
  [[nodiscard]] std::string save() const;
  /// False, and the reader is unchanged, when the text was not made by `save`.
  [[nodiscard]] bool restore(std::string_view saved);

private:
  [[nodiscard]] std::optional<std::string_view> take_line();
  void parse(std::string_view line, log_line& out, log_payload& payload);
  void tell_message(log_line& out, const log_payload& payload);
  void parse_candump_line(std::string_view line, log_line& out, log_payload& payload);

  log_format format_;
  text::encoded_input input_;
  std::string_view fed_;    // text that is not used yet
  std::string part_;        // the beginning of a line whose end is not fed yet
  bool part_given_ = false; // part_ is the last line from `next`
  bool overlong_ = false;   // the line in part_ is too long; its bytes are only counted
  bool finished_ = false;
  bool unterminated_ = false;
  std::uint64_t line_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t skipped_ = 0; // bytes of text of an overlong line

  std::string unnamed_; // candump: the interface of the heading
  asc_state asc_;
  trc_state trc_;
  day_clock clock_;
  channel_table channels_;
  bool assembled_ = false; // canboat: the log contains assembled messages
  bool packets_ = false;   // canboat: the log contains packets of proprietary messages
};

/// Writes a log in one format.
class log_writer {
public:
  explicit log_writer(log_format format, trc_version trc = trc_version::v2_1)
    : format_{format}, trc_{trc} {}

  /// Appends a frame, and a heading if it needs one. Returns null, or the reason why this format cannot express the
  /// frame.
  const char* append(std::string& out, const frame_view& frame, std::string_view interface);
  /// Appends a whole message; only canboat can express one.
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
