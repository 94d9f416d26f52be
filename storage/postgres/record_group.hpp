/// Batches of records, stored by themselves or many in one transaction.
///
/// Errors, threads: as storage/postgres/work.hpp.
#pragma once

#include "storage/append/record_gatherer.hpp"
#include "storage/postgres/connection/connection.hpp"

namespace furrow::storage::postgres_work {

[[nodiscard]] task<result<record_batch_outcome>> insert_records(pq_connection& db,
                                                                const record_batch& batch);
/// All of them in one transaction where that goes, each answered for itself.
[[nodiscard]] task<result<record_group_outcomes>> insert_record_group(pq_connection& db,
                                                                      record_group group);

} // namespace furrow::storage::postgres_work
