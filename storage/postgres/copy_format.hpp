/// The rows of one attempt in PostgreSQL's binary COPY format.
///
/// Shape: a COPY is begin, rows, end; the caller sends and clears the buffer between rows as it
///   fills.
/// Units: times are converted to microseconds since 2000-01-01.
/// Source: PostgreSQL 15, COPY (binary format).
#pragma once

#include "can/records/body.hpp"
#include "storage/append/append_plan.hpp"
#include "storage/append/frame_row.hpp"
#include "storage/postgres/connection/byte_buffer.hpp"

#include <string>

namespace furrow::storage::postgres_copy {

inline constexpr const char* can_block_statement =
  "copy furrow.can_block (stream, seq_first, equipment_id, frames, time_first, time_last, "
  "time_base, headers, "
  "header_index, time_offset, payload, long_payload) from stdin (format binary);";
inline constexpr const char* item_record_statement =
  "copy furrow.item_record (stream, seq, equipment_id, time, kind, body) from stdin (format "
  "binary);";
inline constexpr const char* quarantine_statement =
  "copy furrow.quarantine (stream, seq, equipment_id, time, reason, bytes, kind) from stdin "
  "(format "
  "binary);";
inline constexpr const char* record_batch_statement =
  "copy furrow.record_batch (stream, seq_first, equipment_id, key, records, refused, "
  "sha256) from stdin (format binary);";
/// The COPY statement of the n-th known kind.
[[nodiscard]] const std::string& typed_statement(std::size_t kind);

void begin(byte_buffer& out);
void put(byte_buffer& out, const frame_row& row);
void put(byte_buffer& out, const record_ref& record);
/// A record of the n-th known kind with a checked body; `scratch` is kept for reuse.
void put_typed(byte_buffer& out,
               const record_ref& record,
               std::size_t kind,
               can::record_values& scratch);
void put(byte_buffer& out, const quarantine_ref& item);
void put(byte_buffer& out, const batch_mark& mark);
void end(byte_buffer& out);

} // namespace furrow::storage::postgres_copy
