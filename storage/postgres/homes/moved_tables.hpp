/// What becomes of each table when a farm moves: every table of the schema is here.
///
/// Shape: a test compares the list with the catalogue, so that a new table cannot be forgotten.
/// Threads: constant.
/// Source: docs/decisions/0042-a-farm-moves-forward.md.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace furrow::storage {

enum class moved_as : std::uint8_t {
  admitted, // small: with the step `admit`
  numbered, // by item numbers, with the step `follow`
  part,     // by machine and key, with the step `follow`
  stays,    // of a database or of the cluster
};

struct moved_table {
  std::string_view name;
  moved_as how;
  std::string_view why = {}; // of `stays`
};
[[nodiscard]] std::span<const moved_table> moved_tables();

/// A table that follows by machine.
struct moved_part {
  std::string_view table;
  std::string_view of_machine; // the condition; $1 stands for the machine
  std::string_view
    key; // "time", "signal, minute": the order within a machine; empty: all its rows at once
  std::string_view key_types; // "::timestamptz", "::int, ::timestamptz"
  std::string_view
    rest; // of the INSERT, for a row that the target has; {sets}: every column as it comes
};
[[nodiscard]] std::span<const moved_part> moved_parts();

} // namespace furrow::storage
