/// What differs between two DBC files, as far as decoding and its words are concerned.
///
/// Shape: messages are the same by identifier, signals by name. One row for each message or signal that only one file
///   has, and for each property that differs.
/// Threads: pure function.
/// Limits: as many rows as the caller wants.
#pragma once

#include "can/dbc/file.hpp"

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace furrow::can {

struct dbc_difference {
  std::string object;   // "EEC1" or "EEC1.engine_speed"
  std::string property; // "factor"; "message" and "signal" for what only one file has
  std::string before;   // empty: not there
  std::string after;
};

[[nodiscard]] std::vector<dbc_difference>
differences(const dbc_file& before,
            const dbc_file& after,
            std::size_t rows_max = std::numeric_limits<std::size_t>::max());

} // namespace furrow::can
