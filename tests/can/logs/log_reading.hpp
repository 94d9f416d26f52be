/// Reads complete logs, and writes frames as a log.
#pragma once

#include "can/logs/log_format.hpp"
#include "can/text/civil_time.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::tests {

using namespace can; // log lines use its types

/// 2017-09-30 15:06:13.191, the date in python-can's files.
inline constexpr std::int64_t september_us =
  days_of({2017, 9, 30}) * day_us + to_us({15, 6, 13, 191'000});

struct read_frame {
  std::int64_t time_us = 0;
  frame_header header;
  std::string interface;
  std::vector<std::uint8_t> data;

  friend bool operator==(const read_frame&, const read_frame&) = default;
  [[nodiscard]] frame_view view() const { return {time_us, header, data.data()}; }
};

inline std::string hex(const std::vector<std::uint8_t>& data) {
  std::string text;
  for (const auto byte : data) {
    text += "0123456789ABCDEF"[byte >> 4];
    text += "0123456789ABCDEF"[byte & 0xF];
  }
  return text;
}

struct read_log {
  log_format format = log_format::unknown;
  std::vector<read_frame> frames;
  std::vector<message_head> messages;
  std::vector<std::string> faults; // line:column: text
  std::uint64_t lines = 0;
};

inline std::string all_faults(const read_log& log) {
  std::string text;
  for (const auto& fault : log.faults)
    text += fault + "\n";
  return text;
}

inline void take(log_reader& reader, read_log& log) {
  log_line line;
  log_payload payload;
  while (reader.next(line, payload)) {
    const auto* data = payload.data();
    if (line.kind == line_kind::frame)
      log.frames.push_back({line.time_us,
                            line.header,
                            std::string{line.interface},
                            {data, data + line.header.payload_bytes()}});
    else if (line.kind == line_kind::message)
      log.messages.push_back(line.message);
    else if (line.kind == line_kind::fault)
      log.faults.push_back(std::to_string(reader.line()) + ":" + std::to_string(line.column) + ": "
                           + line.fault);
  }
}

inline read_log read_text(std::string_view text, std::size_t piece = std::string_view::npos) {
  log_reader reader;
  read_log log;
  for (std::size_t at = 0; at < text.size(); at += std::min(piece, text.size() - at)) {
    reader.feed(text.substr(at, piece));
    take(reader, log);
  }
  reader.finish();
  take(reader, log);
  log.format = reader.format();
  log.lines = reader.line();
  CHECK(reader.offset() == text.size());
  return log;
}

inline std::string write_text(const std::vector<read_frame>& frames,
                              log_format format,
                              trc_version trc = trc_version::v2_1) {
  log_writer writer{format, trc};
  std::string text;
  for (const auto& frame : frames)
    REQUIRE(writer.append(text, frame.view(), frame.interface) == nullptr);
  writer.finish(text);
  return text;
}

/// The value behind `"name":` in a line of JSON.

} // namespace furrow::tests
