/// What the SQLite store does with a connection, each as one plain function.
///
/// Errors: sqlite_error is thrown out of all but `append` and caught by the store at the edge of
///   the job.
/// Threads: the thread that owns the connection.
#pragma once

#include "storage/append/append_plan.hpp"
#include "storage/append/record_gatherer.hpp"
#include "storage/digest_lane.hpp"
#include "storage/sqlite/db.hpp"
#include "storage/store.hpp"

#include <memory>
#include <string>
#include <vector>

namespace furrow::storage::sqlite_work {

[[nodiscard]] result<std::vector<claim_outcome>> claim(sqlite_db& db,
                                                       const std::vector<claim_request>& requests);
[[nodiscard]] result<append_outcome> append(sqlite_db& db,
                                            const std::shared_ptr<const append_batch>& batch);

/// Farm, machine, stream and watermark, made where missing; the epoch is not read.
[[nodiscard]] stream_claim find_or_make(sqlite_db& db, const claim_request& request);

/// The rows of an attempt, in the transaction that is open.
void insert_rows(sqlite_db& db, const append_attempt& attempt);

/// The row id; not_found when there is none, or more than one farm has one of this name.
[[nodiscard]] result<std::int64_t>
find_equipment(sqlite_db& db, const std::string& farm, const std::string& name);

/// One commit; each batch fares by itself.
[[nodiscard]] result<record_group_outcomes>
insert_record_group(sqlite_db& db, const std::vector<record_batch>& group);
[[nodiscard]] result<records_page>
read_records(sqlite_db& db, const records_query& query, const std::optional<records_cursor>& after);
[[nodiscard]] result<quarantine_page> list_quarantine(sqlite_db& db,
                                                      const quarantine_query& query,
                                                      const std::optional<quarantine_id>& after);
[[nodiscard]] result<quarantine_row>
show_quarantined(sqlite_db& db, const std::string& farm, quarantine_id id);
[[nodiscard]] result<retry_outcome>
retry_quarantined(sqlite_db& db, const std::string& farm, quarantine_id id);
[[nodiscard]] result<done>
drop_quarantined(sqlite_db& db, const std::string& farm, quarantine_id id);

[[nodiscard]] result<frames_page>
read_frames(sqlite_db& db, const frames_query& query, const frames_cursor& cursor);
[[nodiscard]] result<std::vector<ledger_row>>
read_ledger(sqlite_db& db, const std::string& farm, const std::string& equipment);
[[nodiscard]] result<std::vector<equipment_row>> list_equipment(sqlite_db& db,
                                                                const std::string& farm);

/// Of a row: seq_first, frames, time_base, headers, header_index, time_offset, payload, long_payload.
[[nodiscard]] bool read_block(const sqlite_statement& row, frame_run& run);

[[nodiscard]] result<std::vector<digest_stream>>
digest_pending(sqlite_db& db, std::int32_t after, std::size_t count);
[[nodiscard]] result<std::vector<digest_page>> digest_read(sqlite_db& db,
                                                           const std::vector<digest_span>& spans);
[[nodiscard]] result<std::vector<bool>> digest_write(sqlite_db& db, const digest_batch& what);
[[nodiscard]] result<std::vector<std::int32_t>>
digest_signals(sqlite_db& db, const std::vector<digest_signal>& signals);

[[nodiscard]] result<telemetry_page> read_telemetry(sqlite_db& db, const history_query& query);
[[nodiscard]] result<rollup_page> read_rollup(sqlite_db& db,
                                              const history_query& query,
                                              const std::string& signal,
                                              rollup_bucket bucket);
[[nodiscard]] result<std::vector<known_signal>>
list_signals(sqlite_db& db, const std::string& farm, const std::string& equipment);
[[nodiscard]] result<digest_status> digest_progress(sqlite_db& db);

[[nodiscard]] result<std::vector<migration_row>> migrate(sqlite_db& db);
[[nodiscard]] result<std::vector<migration_row>> migration_status(sqlite_db& db);
[[nodiscard]] store_health health(sqlite_db& db);

} // namespace furrow::storage::sqlite_work
