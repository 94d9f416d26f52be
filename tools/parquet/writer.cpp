#include "tools/parquet/writer.hpp"

#include <string_view>
#include <utility>

namespace furrow::parquet {

namespace {

constexpr std::string_view magic = "PAR1";
constexpr std::int32_t zstd_codec = 6;
constexpr std::int32_t required_value = 0;
constexpr std::int32_t optional_value = 1;

/// The meaning of a column beyond its bytes: LogicalType, and ConvertedType for old readers.
void append_meaning(compact_writer& to, value_type type) {
  if (type == value_type::text) {
    to.i32(6, 0); // UTF8
    to.begin(10);
    to.begin(1); // STRING
    to.end();
    to.end();
  }
  if (type == value_type::time) {
    to.i32(6, 10); // TIMESTAMP_MICROS
    to.begin(10);
    to.begin(8);      // TIMESTAMP
    to.flag(1, true); // in UTC
    to.begin(2);
    to.begin(2); // MICROS
    to.end();
    to.end();
    to.end();
    to.end();
  }
}

} // namespace

writer::writer(std::vector<column_name> columns, std::string made_by)
  : columns_{std::move(columns)}, made_by_{std::move(made_by)} {}

void writer::begin(std::string& out) {
  out += magic;
  offset_ = magic.size();
}

void writer::add(std::string& out, const rows& rows) {
  if (rows.size() == 0)
    return;
  auto& group = groups_.emplace_back();
  group.rows = static_cast<std::int64_t>(rows.size());
  rows_ += group.rows;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    group.chunks.push_back(chunks_.append(out, offset_, rows[i], columns_[i].required));
    offset_ += group.chunks.back().bytes;
  }
}

void writer::append_schema(compact_writer& to) const {
  to.list(2, compact_type::structure, columns_.size() + 1);
  to.begin();
  to.binary(4, "schema");
  to.i32(5, static_cast<std::int32_t>(columns_.size()));
  to.end();
  for (const auto& column : columns_) {
    to.begin();
    to.i32(1, static_cast<std::int32_t>(physical_of(column.type)));
    to.i32(3, column.required ? required_value : optional_value);
    to.binary(4, column.name);
    append_meaning(to, column.type);
    to.end();
  }
}

void writer::append_group(compact_writer& to, const row_group& group) const {
  std::int64_t raw_bytes = 0;
  std::int64_t bytes = 0;
  to.begin();
  to.list(1, compact_type::structure, columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const auto& chunk = group.chunks[i];
    raw_bytes += chunk.raw_bytes;
    bytes += chunk.bytes;
    to.begin();
    to.i64(2, chunk.offset);
    to.begin(3);
    to.i32(1, static_cast<std::int32_t>(physical_of(columns_[i].type)));
    to.list(2, compact_type::i32, chunk.dictionary_offset ? 3 : 2);
    to.number(0); // PLAIN
    to.number(3); // RLE, of the levels
    if (chunk.dictionary_offset)
      to.number(8); // RLE_DICTIONARY
    to.list(3, compact_type::binary, 1);
    to.binary(columns_[i].name);
    to.i32(4, zstd_codec);
    to.i64(5, chunk.values);
    to.i64(6, chunk.raw_bytes);
    to.i64(7, chunk.bytes);
    to.i64(9, chunk.data_offset);
    if (chunk.dictionary_offset)
      to.i64(11, *chunk.dictionary_offset);
    to.begin(12); // statistics
    to.i64(3, chunk.absent);
    if (chunk.max)
      to.binary(5, *chunk.max);
    if (chunk.min)
      to.binary(6, *chunk.min);
    to.end();
    to.end();
    to.end();
  }
  to.i64(2, raw_bytes);
  to.i64(3, group.rows);
  to.i64(5, group.chunks.front().offset);
  to.i64(6, bytes);
  to.end();
}

void writer::end(std::string& out) {
  const auto begin = out.size();
  compact_writer to{out};
  to.i32(1, 2); // version
  append_schema(to);
  to.i64(3, rows_);
  to.list(4, compact_type::structure, groups_.size());
  for (const auto& group : groups_)
    append_group(to, group);
  to.binary(6, made_by_);
  to.list(7, compact_type::structure, columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    to.begin();
    to.begin(1); // TYPE_ORDER: minimum and maximum are in the order of the type
    to.end();
    to.end();
  }
  to.end();
  const auto size = static_cast<std::uint32_t>(out.size() - begin);
  for (unsigned at = 0; at < 32; at += 8)
    out += static_cast<char>(size >> at);
  out += magic;
}

} // namespace furrow::parquet
