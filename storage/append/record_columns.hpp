/// The columns of a kind of records in both databases, where they are more than its fields.
///
/// Shape: an amount is two columns: whole things, and `NAME_fraction`, which is added to them. So a program that knows whole
///   things only goes on writing and reading them.
/// Threads: plain functions.
#pragma once

#include "can/records/body.hpp"
#include "can/records/kind.hpp"

#include <string>
#include <utility>
#include <vector>

namespace furrow::storage {

/// After stream, seq, equipment_id and time, in order.
[[nodiscard]] std::vector<std::string> record_columns(const can::record_kind& kind);

/// The values of these columns.
[[nodiscard]] can::record_values column_values(const can::record_kind& kind,
                                               const can::record_values& fields);

/// An amount from its two columns.
[[nodiscard]] can::record_value amount_of(std::int64_t whole, double fraction);

/// The fields of a record from a row, in which its first column is `column`. The row of either database has `null`,
/// `integer`, `real` and `text` of a column.
template <class Row>
[[nodiscard]] can::record_values
fields_in(const Row& row, int column, const can::record_kind& kind) {
  using enum can::field_type;
  can::record_values out;
  out.reserve(kind.fields.size());
  for (const auto& field : kind.fields) {
    const auto at = std::exchange(column, column + (field.type == amount ? 2 : 1));
    auto& value = out.emplace_back();
    if (row.null(at))
      continue;
    switch (field.type) {
    case real:
      value = row.real(at);
      break;
    case amount:
      value = amount_of(row.integer(at), row.real(at + 1));
      break;
    case can::field_type::integer:
      value = row.integer(at);
      break;
    case boolean:
      value = row.integer(at) != 0;
      break;
    case can::field_type::text:
    case word:
      value = row.text(at);
      break;
    }
  }
  return out;
}

} // namespace furrow::storage
