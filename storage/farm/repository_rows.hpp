/// Repository records as rows of texts, and the statements that both databases share.
///
/// Shape: each entity is a list of columns; a row has a text for each, or none. PostgreSQL casts
///   the texts to the column's type, SQLite by the column's affinity.
/// Errors: none; an invalid number reads as absent.
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
  bool filter = false;   // a list can be filtered by it
  bool sort = false;     // a list can be sorted by it; it is never null
};

struct entity_shape {
  const char* table = "";          // quoted if SQL needs it
  const char* owner = "";          // the column that holds the farm's row id
  std::span<const column> columns; // the first is the name; the version is not included
  const char* needed = ""; // a condition on `t` that forbids removal, @ for the schema; or empty
};

[[nodiscard]] const entity_shape& shape_of(entity what);
[[nodiscard]] text_row to_row(const record& row);
[[nodiscard]] std::string number_text(double value); // the shortest that reads back as the same
[[nodiscard]] std::optional<double> number_in(std::string_view text); // a finite number alone
/// Columns in the order of the shape, then the version.
[[nodiscard]] record to_record(entity what, const text_row& row);

/// Changes of one kind that one statement can carry out: each name occurs once.
struct change_run {
  entity what{};
  action how{};
  std::vector<const change*> changes;
  std::size_t place = 0; // number of the first change
};
[[nodiscard]] std::vector<change_run> runs_of(const std::vector<change>& changes,
                                              std::size_t place);

/// "name, crop, ..., version", with `prefix` and `suffix` around each.
[[nodiscard]] std::string
column_list(entity what, std::string_view prefix, std::string_view suffix, bool version);

/// The filter's column when the entity has it.
[[nodiscard]] const column* filter_of(entity what, std::string_view name);

/// The column to sort by when the entity has it.
[[nodiscard]] const column* sort_of(entity what, std::string_view name);

/// Where the page of a list begins and how it is sorted: conditions and an order of SQL on `t`.
struct page_clause {
  std::string after;
  std::string order;
};
/// `key` and `value`: the column to sort by and the parameter after_value, of one type; `name`: the parameter `after`.
[[nodiscard]] page_clause page_clause_of(const record_query& query,
                                         const std::string& key,
                                         const std::string& value,
                                         const std::string& name);
/// Drops the row beyond `rows_max` that says that there is a next page.
[[nodiscard]] record_page record_page_of(std::vector<record> rows,
                                         std::size_t rows_max,
                                         entity what,
                                         const record_query& query);

/// Of fields whose box contains the position, those whose boundary contains it.
[[nodiscard]] std::vector<field_record> fields_with(std::vector<record> rows,
                                                    const geo_position& at);

/// The rejection of a change that met an unexpected row. `standing` is the stored version, absent
/// when there is no row.
[[nodiscard]] rejection
met_other(const change& wanted, std::size_t place, const std::optional<std::int64_t>& standing);

} // namespace furrow::storage
