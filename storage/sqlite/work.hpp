/// Operations that several files of the SQLite store use, each as one plain function.
///
/// Errors: all functions except `append` throw sqlite_error; the store catches it at the edge of
///   the job.
/// Threads: the thread that owns the connection.
#pragma once

#include "storage/append/append_plan.hpp"
#include "storage/sqlite/db.hpp"
#include "storage/store.hpp"

#include <memory>
#include <string>
#include <vector>

namespace furrow::storage {
struct audit_row;
} // namespace furrow::storage

namespace furrow::storage::sqlite_work {

[[nodiscard]] result<std::vector<claim_outcome>> claim(sqlite_db& db,
                                                       const std::vector<claim_request>& requests);
[[nodiscard]] result<append_outcome> append(sqlite_db& db,
                                            const std::shared_ptr<const append_batch>& batch);

/// Farm, machine, stream and watermark, created if missing; the epoch is not read.
[[nodiscard]] stream_claim find_or_make(sqlite_db& db, const claim_request& request);

/// Stores the rows of an attempt in the open transaction.
void insert_rows(sqlite_db& db, const append_attempt& attempt);

/// The row id; not_found when no farm, or more than one farm, has an equipment of this name.
[[nodiscard]] result<std::int64_t>
find_equipment(sqlite_db& db, const std::string& farm, const std::string& name);

/// Notes a change in the open transaction.
void note_change(sqlite_db& db, const audit_row& row);

[[nodiscard]] result<std::vector<ledger_row>>
read_ledger(sqlite_db& db, const std::string& farm, const std::string& equipment);
/// Columns of a row: seq_first, frames, time_base, headers, header_index, time_offset, payload, long_payload.
[[nodiscard]] bool read_block(const sqlite_statement& row, frame_run& run);

} // namespace furrow::storage::sqlite_work
