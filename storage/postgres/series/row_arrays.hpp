/// Columns of rows as array parameters, one array a column.
///
/// Shape: `value(row)` gives the value of a row; an empty optional is NULL. Rows of rollups may be values or pointers.
/// Units: times in microseconds since 1970.
#pragma once

#include "storage/postgres/connection/byte_buffer.hpp"
#include "storage/postgres/connection/connection.hpp"
#include "storage/postgres/connection/epoch.hpp"
#include "storage/postgres/connection/rows.hpp"

#include <bit>
#include <cstdint>
#include <functional>
#include <string>

namespace furrow::storage::postgres_work {

template <class Rows, class Value>
void add_array(
  pq_parameters& to, std::uint32_t array_type, std::uint32_t type, const Rows& rows, Value value) {
  byte_buffer buffer;
  buffer.array<std::uint64_t>(type, rows.size(), [&](std::size_t i) { return value(rows[i]); });
  to.add(array_type, buffer.view());
}

template <class Rows, class Value>
void add_integers(pq_parameters& to, const Rows& rows, Value value) {
  add_array(to, oid::int8_array, oid::int8, rows,
            [&](const auto& row) { return static_cast<std::uint64_t>(value(row)); });
}

template <class Rows, class Value>
void add_times(pq_parameters& to, const Rows& rows, Value value) {
  add_array(to, oid::timestamptz_array, oid::timestamptz, rows, [&](const auto& row) {
    return static_cast<std::uint64_t>(value(row) - epoch_2000_us);
  });
}

template <class Rows, class Value>
void add_reals(pq_parameters& to, const Rows& rows, Value value) {
  add_array(to, oid::float8_array, oid::float8, rows,
            [&](const auto& row) { return std::bit_cast<std::uint64_t>(double{value(row)}); });
}

template <class Rows, class Value>
void add_nullable(
  pq_parameters& to, std::uint32_t array_type, std::uint32_t type, const Rows& rows, Value value) {
  byte_buffer buffer;
  buffer.array_head(type, rows.size(), true);
  for (const auto& row : rows)
    if (const auto one = value(row))
      buffer.field(static_cast<std::uint64_t>(*one));
    else
      buffer.null_field();
  to.add(array_type, buffer.view());
}

/// A member pointer is a `text` too.
template <class Rows, class Text>
[[nodiscard]] std::string text_array(const Rows& rows, Text text) {
  byte_buffer buffer;
  buffer.array_head(oid::text, rows.size());
  for (const auto& row : rows)
    buffer.bytes_field(std::invoke(text, row));
  return std::string{buffer.view()};
}

/// signal, minute, count, min, max, sum, last, last_time.
template <class Rows>
void add_rollup_columns(pq_parameters& to, const Rows& rows) {
  add_integers(to, rows, [](const auto& row) { return row->signal; });
  add_times(to, rows, [](const auto& row) { return row->minute_us; });
  add_integers(to, rows, [](const auto& row) { return row->count; });
  add_reals(to, rows, [](const auto& row) { return row->min; });
  add_reals(to, rows, [](const auto& row) { return row->max; });
  add_reals(to, rows, [](const auto& row) { return row->sum; });
  add_reals(to, rows, [](const auto& row) { return row->last; });
  add_times(to, rows, [](const auto& row) { return row->last_time_us; });
}

} // namespace furrow::storage::postgres_work
