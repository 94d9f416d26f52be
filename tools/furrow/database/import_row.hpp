/// Converts one row of a foreign table to a frame, or says why it cannot be a frame.
///
/// Shape: as in SocketCAN, bit 31 of an identifier means 29 bits, bit 30 remote, bit 29 error. A true `extended` column
///   means 29 bits, too. Without that column, an identifier above 7FF has 29 bits.
/// Errors: the reason in words; the frame must then not be used.
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
  bool dated = false; // `time_us` is valid; possible for an invalid row, too
  can::frame_header header;
  std::array<std::uint8_t, can::fd_bytes_max> payload{};
};

/// Returns why the row is not a frame; empty if it is one.
[[nodiscard]] std::string read_row(const storage::source_row& row,
                                   storage::time_unit unit,
                                   can::bus_table& buses,
                                   imported_frame& out);

/// Returns the row as a JSON object of texts, as quarantine keeps it.
[[nodiscard]] std::string row_as_json(const storage::source_row& row);

} // namespace furrow::cli
