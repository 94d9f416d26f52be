/// A source of the gateway's frames and records: a log, standard input, or the CAN interfaces of this computer.
///
/// Shape: `next` gives one frame or record, or says why there is none now.
/// Units: microseconds since 1970-01-01T00:00:00Z.
/// Threads/ownership: used by one thread; what a frame points to is valid until the next call.
#pragma once

#include "can/frame/frame.hpp"
#include "tools/furrow-edge/spool/errc.hpp"
#include "tools/furrow-edge/spool/spool.hpp"
#include "tools/logs/input_tally.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::edge {

struct source_frame {
  std::int64_t time_us = 0;
  can::frame_header header; // bus 0: a source names the interface
  std::string_view interface;
  const std::uint8_t* data = nullptr;
  const can::record* record = nullptr; // if set, replaces everything above except the time
};

enum class source_status : std::uint8_t {
  frame = 0, // `out` has a frame or record
  quiet = 1, // nothing arrived within `patience`
  end = 2,   // nothing more will arrive
  broken = 3 // the source has failed; `trouble` says why
};

class frame_source {
public:
  virtual ~frame_source() = default;

  [[nodiscard]] virtual source_status next(source_frame& out,
                                           std::chrono::milliseconds patience) = 0;
  /// The last frame of `next` is in a block: `progress` counts it from now on.
  virtual void taken() = 0;
  /// How far the source has been read, up to the last frame that was taken or refused. The spool saves this.
  [[nodiscard]] virtual source_row& progress() = 0;
  /// True if the source does not wait for room: a frame that is not taken is lost and must be counted.
  [[nodiscard]] virtual bool live() const = 0;
  /// Refuses the last frame: it is counted, and reported as a bad line if the source has lines.
  virtual void refuse(const char* why) = 0;
  /// Whether the next call may wait for what has not arrived yet. False while more is at hand, as in a file.
  [[nodiscard]] virtual bool drained() const { return true; }
  [[nodiscard]] virtual const std::string& trouble() const = 0;
  /// What it has read since it was opened.
  [[nodiscard]] virtual logs::input_tally tally() const { return {}; }
};

/// Receives texts such as `FILE:LINE:COLUMN: message`.
using bad_line_report = std::function<void(const std::string&)>;

} // namespace furrow::edge
