/// One machine as a node knows it, in tables for people: how it stands, its values with age and
/// source, faults, ECUs, implements.
///
/// Shape: takes the JSON of /api/v1/equipment/{name}; a part that is empty is left out.
/// Threads: pure functions.
#pragma once

#include "tools/furrow/output.hpp"

#include <string>
#include <vector>

namespace furrow::cli {

struct titled_table {
  std::string title; // empty: none
  cli::table table;
};

[[nodiscard]] std::vector<titled_table> machine_tables(const json& machine);

/// 0.2 s, 45 s, 17 min, 5 h, 2860 d.
[[nodiscard]] std::string age_text(const json& age_ms);
/// Of a quantity of the API: 1450.5, yes, forward, 41.502345 -96.123456.
[[nodiscard]] std::string quantity_text(const json& seen);

} // namespace furrow::cli
