/// Reads a result in binary format. A value of another form reads as absent, and no read goes
/// beyond its bytes.
///
/// Threads: as the result.
/// Source: PostgreSQL 15, array_send; byte_buffer.hpp writes the same.
#pragma once

#include "storage/postgres/connection/byte_buffer.hpp"
#include "storage/postgres/connection/pq.hpp"

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

class pq_rows {
public:
  explicit pq_rows(const PGresult* rows) : rows_{rows} {}

  [[nodiscard]] int size() const { return PQntuples(rows_); }
  [[nodiscard]] bool null(int row, int column) const {
    return PQgetisnull(rows_, row, column) != 0;
  }
  [[nodiscard]] std::string_view bytes(int row, int column) const {
    return {PQgetvalue(rows_, row, column),
            static_cast<std::size_t>(PQgetlength(rows_, row, column))};
  }
  [[nodiscard]] std::string text(int row, int column) const {
    return std::string{bytes(row, column)};
  }
  /// int2, int4, int8, bool, timestamptz by their size; 0 for NULL.
  [[nodiscard]] std::int64_t integer(int row, int column) const {
    const auto raw = bytes(row, column);
    switch (raw.size()) {
    case 1:
      return raw[0];
    case 2:
      return load_big<std::int16_t>(raw.data());
    case 4:
      return load_big<std::int32_t>(raw.data());
    case 8:
      return load_big<std::int64_t>(raw.data());
    default:
      return 0;
    }
  }
  [[nodiscard]] std::uint64_t natural(int row, int column) const {
    return static_cast<std::uint64_t>(integer(row, column));
  }

  /// A one-dimensional array without NULLs whose elements have the size of T; false for any other
  /// value.
  template <class T>
  [[nodiscard]] bool array(int row, int column, std::vector<T>& out) const {
    const auto raw = bytes(row, column);
    out.clear();
    if (raw.size() < 12)
      return false;
    const auto dimensions = load_big<std::int32_t>(raw.data());
    if (dimensions == 0)
      return true;
    if (dimensions != 1 || raw.size() < 20)
      return false;
    const auto count = load_big<std::uint32_t>(raw.data() + 12);
    constexpr auto stride = 4 + sizeof(T);
    if (raw.size() != 20 + std::size_t{count} * stride)
      return false;
    out.resize(count);
    const char* from = raw.data() + 20;
    for (auto& element : out) {
      if (load_big<std::uint32_t>(from) != sizeof(T))
        return false;
      element = load_big<T>(from + 4);
      from += stride;
    }
    return true;
  }

private:
  const PGresult* rows_;
};

/// One row of a result.
class pq_row {
public:
  pq_row(const pq_rows& rows, int row) : rows_{rows}, row_{row} {}

  [[nodiscard]] bool null(int column) const { return rows_.null(row_, column); }
  [[nodiscard]] std::int64_t integer(int column) const { return rows_.integer(row_, column); }
  /// float8.
  [[nodiscard]] double real(int column) const {
    return std::bit_cast<double>(rows_.natural(row_, column));
  }
  [[nodiscard]] std::string text(int column) const { return rows_.text(row_, column); }

private:
  const pq_rows& rows_;
  int row_;
};

} // namespace furrow::storage
