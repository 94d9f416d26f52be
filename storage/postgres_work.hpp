/// What the PostgreSQL store does with a connection, each as one coroutine.
///
/// Errors: a lost connection is retry_later, but for an append (in_doubt); the connection is then
///   closed.
/// Threads: the thread of the io_context.
#pragma once

#include "storage/pq_connection.hpp"
#include "storage/pq_rows.hpp"
#include "storage/store.hpp"

#include <memory>
#include <string>
#include <vector>

namespace furrow::storage::postgres_work {

/// PostgreSQL counts time from 2000-01-01; its first moment is 4713-11-24 BC.
inline constexpr std::int64_t epoch_2000_us = 946'684'800'000'000;
inline constexpr std::int64_t time_us_min = -210'866'803'200'000'000;

[[nodiscard]] task<result<std::vector<claim_outcome>>>
claim(pq_connection& db, const std::vector<claim_request>& requests);
[[nodiscard]] task<result<append_outcome>> append(pq_connection& db,
                                                  std::shared_ptr<const append_batch> batch);

[[nodiscard]] task<result<seal_outcome>> seal(pq_connection& db, seal_request request);

[[nodiscard]] task<result<frames_page>>
read_frames(pq_connection& db, const frames_query& query, frames_cursor cursor);
[[nodiscard]] task<result<std::vector<ledger_row>>>
read_ledger(pq_connection& db, const std::string& farm, const std::string& equipment);
[[nodiscard]] task<result<std::vector<equipment_row>>> list_equipment(pq_connection& db,
                                                                      const std::string& farm);

/// Of a row: seq_first, frames, time_base, headers, header_index, time_offset, payload, long_payload
/// from column 0. False: its columns do not agree.
[[nodiscard]] bool read_block(const pq_rows& rows, int row, frame_run& run);

[[nodiscard]] task<result<std::vector<migration_row>>> migrate(pq_connection& db);
[[nodiscard]] task<result<std::vector<migration_row>>> migration_status(pq_connection& db);
[[nodiscard]] task<result<store_health>> health(pq_connection& db);

} // namespace furrow::storage::postgres_work
