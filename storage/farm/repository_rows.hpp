/// The records of the repositories as rows of texts, and the statements that both databases share.
///
/// Shape: each entity is a list of columns; a row has a text or nothing for each. PostgreSQL casts
///   the texts to the type that the column names, SQLite by the column's affinity.
/// Errors: none; texts that are no numbers read as absent.
/// Threads: pure functions.
#pragma once

#include "storage/farm/repositories.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

using text_row = std::vector<std::optional<std::string>>;

struct column {
  const char* name = "";
  const char* type = ""; // in PostgreSQL
  bool filter = false;   // a list may be narrowed by it
};

struct entity_shape {
  const char* table = "";          // quoted where it must be
  const char* owner = "";          // the column that holds the farm's row id
  std::span<const column> columns; // the first is the name; the version is not among them
  const char* needed = ""; // a condition on `t` under which a row stays, @ for the schema; or none
};

[[nodiscard]] const entity_shape& shape_of(entity what);
[[nodiscard]] text_row to_row(const record& row);
[[nodiscard]] std::string number_text(double value); // the shortest that reads back as the same
/// Columns in the order of the shape, then the version.
[[nodiscard]] record to_record(entity what, const text_row& row);

/// Changes of one kind that one statement can carry out: no name stands in it twice.
struct change_run {
  entity what{};
  action how{};
  std::vector<const change*> changes;
  std::size_t place = 0; // of the first
};
[[nodiscard]] std::vector<change_run> runs_of(const std::vector<change>& changes,
                                              std::size_t place);

/// "name, crop, ..., version", each with `prefix` before it and `suffix` behind.
[[nodiscard]] std::string
column_list(entity what, std::string_view prefix, std::string_view suffix, bool version);

/// The filter's column when the entity has it.
[[nodiscard]] const column* filter_of(entity what, std::string_view name);

/// Of fields whose box holds the position, those whose boundary does.
[[nodiscard]] std::vector<field_record> fields_with(std::vector<record> rows,
                                                    const geo_position& at);

/// The rejection of a change that met another row than it
/// wanted. `standing` is the version that stands, nothing when none does.
[[nodiscard]] rejection
met_other(const change& wanted, std::size_t place, const std::optional<std::int64_t>& standing);

} // namespace furrow::storage
