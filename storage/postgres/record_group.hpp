/// Stores batches of records, alone or many in one transaction.
///
/// Errors, threads: as storage/postgres/work.hpp.
#pragma once

#include "storage/append/record_gatherer.hpp"
#include "storage/postgres/connection/connection.hpp"

namespace furrow::storage::postgres_work {

[[nodiscard]] task<result<record_batch_outcome>> insert_records(pq_connection& db,
                                                                const record_batch& batch);
/// All batches in one transaction where possible; each batch gets its own answer.
[[nodiscard]] task<result<record_group_outcomes>> insert_record_group(pq_connection& db,
                                                                      record_group group);

} // namespace furrow::storage::postgres_work
