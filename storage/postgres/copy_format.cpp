#include "storage/postgres/copy_format.hpp"

#include "storage/append/quarantine.hpp"
#include "storage/append/record_columns.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <bit>
#include <vector>

namespace furrow::storage::postgres_copy {

namespace {

using postgres_work::epoch_2000_us;
using postgres_work::time_us_min;

constexpr std::string_view signature{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0",
                                     19}; // no flags, no extension

void head(byte_buffer& out, std::int16_t fields, const stream_claim& claim, std::uint64_t seq) {
  out.number(fields);
  out.field(claim.stream);
  out.field(seq);
  out.field(claim.equipment);
}

std::string_view chars(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct value_field {
  byte_buffer& out;
  void operator()(std::monostate) const { out.null_field(); }
  void operator()(bool value) const { out.field(static_cast<std::uint8_t>(value ? 1 : 0)); }
  void operator()(std::int64_t value) const { out.field(value); }
  void operator()(double value) const { out.field(std::bit_cast<std::uint64_t>(value)); }
  void operator()(const std::string& value) const { out.bytes_field(value); }
};

std::vector<std::string> make_typed_statements() {
  std::vector<std::string> made;
  for (const auto& kind : can::record_kinds()) {
    auto& sql = made.emplace_back("copy furrow.");
    sql.append(kind.table).append(" (stream, seq, equipment_id, time");
    for (const auto& column : record_columns(kind))
      sql.append(", ").append(column);
    sql += ") from stdin (format binary);";
  }
  return made;
}

} // namespace

const std::string& typed_statement(std::size_t kind) {
  static const auto statements = make_typed_statements();
  return statements[kind];
}

void begin(byte_buffer& out) {
  out.bytes(signature);
}

void end(byte_buffer& out) {
  out.number(std::int16_t{-1});
}

void put(byte_buffer& out, const frame_row& row) {
  const auto frames = row.slots.size();
  head(out, 12, row.claim, row.seq_first);
  out.field(static_cast<std::uint32_t>(frames));
  out.field(row.time_first_us - epoch_2000_us);
  out.field(row.time_last_us - epoch_2000_us);
  // A base may be earlier than all its frames, and earlier than timestamptz allows. The frames
  // themselves fit.
  const auto base = std::max(row.time_base_us, time_us_min);
  const auto shift = base - row.time_base_us;
  out.field(base - epoch_2000_us);
  out.array_field<std::uint64_t>(oid::int8, row.headers.size(),
                                 [&](std::size_t i) { return row.headers[i]; });
  out.array_field<std::uint16_t>(oid::int2, frames,
                                 [&](std::size_t i) { return row.header_index[i]; });
  out.array_field<std::int32_t>(oid::int4, frames,
                                [&](std::size_t i) { return row.time_offset_us[i] - shift; });
  out.array_field<std::uint64_t>(oid::int8, frames, [&](std::size_t i) { return row.slots[i]; });
  if (row.long_payload.empty())
    out.null_field();
  else
    out.bytes_field(chars(row.long_payload));
}

void put(byte_buffer& out, const record_ref& record) {
  const auto& item = *record.item;
  head(out, 6, record.claim, item.seq);
  out.field(item.record.time_us - epoch_2000_us);
  out.field(item.record.kind);
  out.number(static_cast<std::uint32_t>(item.record.body.size() + 1));
  *out.grow(1) = 1; // version of the binary form of jsonb
  out.bytes(item.record.body);
}

void put_typed(byte_buffer& out,
               const record_ref& record,
               std::size_t kind,
               can::record_values& scratch) {
  const auto& about = can::record_kinds()[kind];
  const auto& item = *record.item;
  (void)can::read_body(about, item.record.body, scratch); // the plan has seen that it is sound
  const auto columns = column_values(about, scratch);
  head(out, static_cast<std::int16_t>(4 + columns.size()), record.claim, item.seq);
  out.field(item.record.time_us - epoch_2000_us);
  for (const auto& value : columns)
    std::visit(value_field{out}, value);
}

void put(byte_buffer& out, const batch_mark& mark) {
  head(out, 7, mark.claim, mark.seq_first);
  out.bytes_field(mark.key);
  out.field(mark.records);
  out.bytes_field(mark.refused);
  if (mark.sha256.empty())
    out.null_field();
  else
    out.bytes_field(mark.sha256);
}

void put(byte_buffer& out, const quarantine_ref& item) {
  const auto& kept = *item.item;
  head(out, 7, item.claim, kept.seq);
  if (kept.time_us < time_us_min)
    out.null_field();
  else
    out.field(kept.time_us - epoch_2000_us);
  out.bytes_field(as_text(kept.reason));
  out.bytes_field(kept.bytes);
  if (kept.kind)
    out.field(*kept.kind);
  else
    out.null_field();
}

} // namespace furrow::storage::postgres_copy
