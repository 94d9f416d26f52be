/// The checks for every log format and any text: all frames are valid, all faults have a position, the
/// result is the same in pieces and after save and restore, and every written line reads back the same.
#pragma once

#include "can/logs/log_format.hpp"
#include "tests/fuzz/fuzz_target.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace furrow::tests {

/// Reads written lines back; none may be a fault.
inline void read_back(can::log_format format, const std::string& text, std::uint64_t frames) {
  can::log_reader reader{format};
  can::log_line line;
  can::log_payload payload;
  reader.feed(text);
  reader.finish();
  std::uint64_t found = 0;
  while (reader.next(line, payload)) {
    hold(line.kind != can::line_kind::fault);
    found += line.kind == can::line_kind::frame || line.kind == can::line_kind::message;
  }
  hold(found == frames);
}

/// Reads the text as this format (unknown: as the detected format), in pieces of the size that the
/// first byte gives.
inline void read_log_as(can::log_format format, const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return;
  const std::size_t piece = data[0] < 8 ? data[0] + std::size_t{1} : size;
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  can::log_reader reader{format};
  can::log_line line;
  can::log_payload payload;
  std::string written;
  std::uint64_t frames = 0;
  const auto as = can::can_write(format) ? format : can::log_format::candump;
  can::log_writer writer{as};
  std::uint64_t lines = 0;
  const auto take = [&] {
    while (reader.next(line, payload)) {
      hold(reader.line() == ++lines);
      if (line.kind == can::line_kind::fault)
        hold(line.fault != nullptr && line.column >= 1 && line.column <= can::line_bytes_max + 1);
      if (line.kind == can::line_kind::message)
        hold(line.message.length <= can::message_bytes_max);
      if (line.kind == can::line_kind::message && as == can::log_format::canboat)
        frames += writer.append(written, line.time_us, line.message, payload.data()) == nullptr;
      if (line.kind != can::line_kind::frame)
        continue;
      hold(can::fault_of(line.header) == can::frame_fault::none
           && can::is_interface_name(line.interface));
      frames += writer.append(written, {line.time_us, line.header, payload.data()}, line.interface)
                == nullptr;
    }
  };
  for (std::size_t at = 0; at < text.size(); at += std::min(piece, text.size() - at)) {
    reader.feed(text.substr(at, piece));
    take();
  }
  reader.finish();
  take();
  hold(reader.offset() == text.size());
  can::log_reader again;
  hold(again.restore(reader.save()) && again.save() == reader.save());
  writer.finish(written);
  read_back(as, written, frames);
}

} // namespace furrow::tests
