/// The live view of one machine as tables for people: its state, its values with age and source, faults, ECUs,
/// implements.
///
/// Shape: the input is the JSON of /api/v1/equipment/{name}; empty parts are left out.
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

/// Formats an age: 0.2 s, 45 s, 17 min, 5 h, 2860 d; "3 h ahead" for a time that the node has not reached yet.
[[nodiscard]] std::string age_text(const json& age_ms);
/// Formats a quantity of the API: 1450.5, yes, forward, 41.502345 -96.123456.
[[nodiscard]] std::string quantity_text(const json& seen);

} // namespace furrow::cli
