/// Writes stored frames as text, in the format that a request names.
///
/// Shape: candump: the format of `candump -L`. asc: Vector ASC. trc: PEAK TRC 2.1. jsonl: one object a line: seq, time,
///   bus, can_id (hex, as in candump), extended, remote, error, kind ("classic", "fd", "xl"), length, pgn (null except
///   for extended frames), name of the message (null where no definition knows it), payload (hex); fd_flags, raw_dlc and
///   direction where the frame has them. csv: RFC 4180 with a header; its columns are all members of jsonl.
/// Errors: ASC and TRC cannot express every frame. Such a frame is left out; a comment at the end says how many and why.
/// Threads: plain values.
/// Limits: a writer of ASC and TRC knows 255 buses.
#pragma once

#include "can/logs/log_format.hpp"
#include "tools/furrowd/api/bodies/bus_names.hpp"
#include "tools/furrowd/http/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::http {

enum class frames_format : std::uint8_t { candump, jsonl, asc, trc, csv };

inline constexpr const char* frames_format_hint = "it is candump, jsonl, asc, trc or csv";
[[nodiscard]] std::optional<frames_format> parse_frames_format(std::string_view name);
/// Gives an answer the type of its content. The formats of files for other programs get a file name too.
void set_form(response& answer, frames_format format, const std::string& equipment);

[[nodiscard]] inline bool has_pgn(can::frame_header header) {
  return header.extended() && !header.error();
}

/// Appends one frame as a line of jsonl. `bus` is a quoted JSON string.
void append_frame_json(std::string& out,
                       const can::frame_view& frame,
                       std::uint64_t seq,
                       std::string_view bus,
                       std::string_view name);

/// One answer, frame by frame.
class frame_text {
public:
  explicit frame_text(frames_format format, bus_names names = {});

  /// The name of a bus as `append` takes it.
  [[nodiscard]] std::string written(const std::string& bus) const;
  /// Before the first frame.
  void begin(std::string& out) const;
  void append(std::string& out,
              const can::frame_view& frame,
              std::uint64_t seq,
              std::string_view written_bus);
  /// After the last frame.
  void finish(std::string& out) const;

private:
  frames_format format_;
  bus_names names_;
  can::log_writer writer_; // of asc and trc
  std::uint64_t left_out_ = 0;
  const char* why_ = nullptr; // the first frame was left out
};

} // namespace furrow::http
