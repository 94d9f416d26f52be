/// Writes a Parquet file: one row group for each batch of rows, then the end that describes them.
///
/// Shape: `begin`, `add` for each batch, `end`; each appends bytes to a string of the caller. Times are
///   TIMESTAMP(microseconds, UTC), integers INT64, numbers DOUBLE, texts STRING. Pages are compressed with zstd.
/// Errors: exceptions for lack of memory.
/// Threads: one.
/// Limits: a file without its end is not readable. Memory: one row group as bytes, and about 200 bytes for each column
///   of each row group written.
/// Source: apache/parquet-format, docs/decisions/0034-parquet.md.
#pragma once

#include "tools/parquet/chunk.hpp"
#include "tools/parquet/rows.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace furrow::parquet {

inline constexpr std::size_t row_group_rows = 128U << 10U;

class writer {
public:
  /// `made_by`: the program and its version.
  writer(std::vector<column_name> columns, std::string made_by);

  void begin(std::string& out);
  /// A row group; nothing for no rows. `rows` has the columns of the constructor.
  void add(std::string& out, const rows& rows);
  void end(std::string& out);

private:
  struct row_group {
    std::int64_t rows = 0;
    std::vector<chunk_facts> chunks;
  };
  void append_schema(compact_writer& to) const;
  void append_group(compact_writer& to, const row_group& group) const;

  std::vector<column_name> columns_;
  std::string made_by_;
  chunk_writer chunks_;
  std::int64_t offset_ = 0;
  std::int64_t rows_ = 0;
  std::vector<row_group> groups_;
};

} // namespace furrow::parquet
