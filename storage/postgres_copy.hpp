/// The rows of one attempt in PostgreSQL's binary COPY format.
///
/// Shape: a COPY is begin, rows, end; the caller sends and clears the buffer between rows as it
///   fills.
/// Units: times are turned into microseconds since 2000-01-01.
/// Source: PostgreSQL 15, COPY (binary format).
#pragma once

#include "storage/append_plan.hpp"
#include "storage/byte_buffer.hpp"
#include "storage/frame_row.hpp"

namespace furrow::storage::postgres_copy {

inline constexpr const char* can_block_statement =
  "copy furrow.can_block (stream, seq_first, equipment_id, frames, time_first, time_last, "
  "time_base, headers, "
  "header_index, time_offset, payload, long_payload) from stdin (format binary);";
inline constexpr const char* item_record_statement =
  "copy furrow.item_record (stream, seq, equipment_id, time, kind, body) from stdin (format "
  "binary);";
inline constexpr const char* quarantine_statement =
  "copy furrow.quarantine (stream, seq, equipment_id, time, reason, bytes) from stdin (format "
  "binary);";

void begin(byte_buffer& out);
void put(byte_buffer& out, const frame_row& row);
void put(byte_buffer& out, const record_ref& record);
void put(byte_buffer& out, const quarantine_ref& item);
void end(byte_buffer& out);

} // namespace furrow::storage::postgres_copy
