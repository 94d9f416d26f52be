/// Operations that several files of the PostgreSQL store use, each as one coroutine.
///
/// Errors: a lost connection is retry_later, but in_doubt for an append; the connection is then
///   closed.
/// Threads: the thread of the io_context.
#pragma once

#include "storage/append/append_plan.hpp"
#include "storage/homes/directory.hpp"
#include "storage/postgres/connection/connection.hpp"
#include "storage/postgres/connection/epoch.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/store.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {
class pq_rows;
struct audit_row;
struct sealed_chunk;
} // namespace furrow::storage

namespace furrow::storage::postgres_work {

/// `owner`: the incarnation that claims, and that appends.
[[nodiscard]] task<result<std::vector<claim_outcome>>>
claim(pq_connection& db, const std::vector<claim_request>& requests, can::stream_id owner);
[[nodiscard]] task<result<append_outcome>>
append(pq_connection& db, std::shared_ptr<const append_batch> batch, can::stream_id owner);

/// Runs a transaction once, for callers that plan their own retries. A lost connection is in doubt. `also` is a
/// statement with its values, which runs in the same transaction.
[[nodiscard]] task<std::optional<pq_error>>
run_attempt(pq_connection& db, const append_attempt& attempt, std::string_view also = {});

/// The row id; not_found when no farm, or more than one farm, has an equipment of this name.
[[nodiscard]] task<result<std::int32_t>>
find_equipment(pq_connection& db, const std::string& farm, const std::string& name);

using storage::lives_elsewhere;

/// Notes a change in the transaction that makes it.
[[nodiscard]] task<std::optional<pq_error>> note_change(pq_connection& db, const audit_row& row);
/// The same as a statement with its values, for `run_attempt`. Empty: the connection is closed.
[[nodiscard]] std::string note_statement(pq_connection& db, const audit_row& row);

/// Microseconds since 2000 for a time that may be absent, or earlier than PostgreSQL's earliest
/// time.
[[nodiscard]] std::int64_t from_bound(const std::optional<std::int64_t>& time_us);
[[nodiscard]] std::int64_t to_bound(const std::optional<std::int64_t>& time_us);

/// Stores a chunk and its segments in the open transaction.
[[nodiscard]] task<std::optional<failure>> insert_sealed(pq_connection& db,
                                                         std::int32_t stream,
                                                         std::int32_t equipment,
                                                         const sealed_chunk& chunk);

/// A page of items of both tiers after `after`, of any time; answers the last number of the page, 0 at the stream's
/// end. Chunks come first, in pages without blocks.
[[nodiscard]] task<result<std::uint64_t>>
read_stream_page(pq_connection& db, std::int32_t stream, std::uint64_t after, frames_page& page);
/// Columns of a row from column 0: seq_first, frames, time_base, headers, header_index, time_offset, payload,
/// long_payload. False: the columns do not agree.
[[nodiscard]] bool read_block(const pq_rows& rows, int row, frame_run& run);

} // namespace furrow::storage::postgres_work
