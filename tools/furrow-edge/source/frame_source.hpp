/// Where a gateway's frames and records come from: a log, standard input, the CAN interfaces of this machine.
///
/// Shape: `next` gives one frame or record, or says why there is none now.
/// Units: microseconds since 1970-01-01T00:00:00Z.
/// Threads/ownership: used by one thread; what a frame points to is valid until the next call.
#pragma once

#include "can/frame/frame.hpp"
#include "tools/furrow-edge/spool/errc.hpp"
#include "tools/furrow-edge/spool/spool.hpp"

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
  can::frame_header header; // bus 0: the interface is a name here
  std::string_view interface;
  const std::uint8_t* data = nullptr;
  const can::record* record = nullptr; // instead of all the above but the time
};

enum class source_status : std::uint8_t {
  frame = 0, // `out` holds one
  quiet = 1, // nothing came within the patience
  end = 2,   // nothing will come
  broken = 3 // nothing more can be had; `trouble` says why
};

class frame_source {
public:
  virtual ~frame_source() = default;

  [[nodiscard]] virtual source_status next(source_frame& out,
                                           std::chrono::milliseconds patience) = 0;
  /// The frame that `next` gave last is in a block: `progress` counts it from now on.
  virtual void taken() = 0;
  /// How far it has been read, up to the last frame that was taken or refused; what the spool
  /// saves.
  [[nodiscard]] virtual source_row& progress() = 0;
  /// The source will not wait for room: what is not taken is lost and must be counted.
  [[nodiscard]] virtual bool live() const = 0;
  /// The last frame cannot be taken: counted, and told as a bad line where there are lines.
  virtual void refuse(const char* why) = 0;
  [[nodiscard]] virtual const std::string& trouble() const = 0;
};

/// Told of `FILE:LINE:COLUMN: message` and the like.
using bad_line_report = std::function<void(const std::string&)>;

} // namespace furrow::edge
