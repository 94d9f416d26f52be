/// One row of somebody else's table as a frame, or why it cannot be one.
///
/// Shape: bit 31 of an identifier says that it has 29 bits, bit 30 remote, bit 29 error, as SocketCAN has them; without
///   bit 31 an identifier above 7FF has 29 bits all the same, and an `extended` column says it for all.
/// Errors: the reason in words; the frame is then not to be used.
/// Threads: a plain function.
/// Limits: data of 0 to 8 bytes (classic), or one of CAN FD's lengths up to 64.
/// Source: linux/can.h.
#pragma once

#include "can/frame/frame.hpp"
#include "can/logs/bus_table.hpp"
#include "storage/row_source.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace furrow::cli {

struct imported_frame {
  std::int64_t time_us = 0;
  bool dated = false; // also of a row that is no frame
  can::frame_header header;
  std::array<std::uint8_t, can::fd_bytes_max> payload{};
};

/// Empty: it is a frame.
[[nodiscard]] std::string read_row(const storage::source_row& row,
                                   storage::time_unit unit,
                                   can::bus_table& buses,
                                   imported_frame& out);

/// The row as a JSON object of texts, as quarantine keeps it.
[[nodiscard]] std::string row_as_json(const storage::source_row& row);

} // namespace furrow::cli
