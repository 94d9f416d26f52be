/// The same frames as rows, for comparison: in one transaction as fast as the server takes them, and at the rate of the
/// fleet with a transaction at each interval.
///
/// Shape: null where the database has no COPY. The client makes the rows as it sends them, as a node makes blocks.
/// Units: in the names of the fields.
/// Errors: those of the database.
/// Threads: one; the rows at a rate take as long as the plan's `seconds`, for each interval.
#pragma once

#include "tools/furrow/bench/rig.hpp"

namespace furrow::cli::bench {

/// All rows in one transaction.
[[nodiscard]] result<json> rows_at_once(storage::bench_database& database, const ingest_plan& plan);

/// The rows of all machines by COPY, one transaction every 150 ms; then again, one every second. The plan has a rate.
[[nodiscard]] result<json>
rows_at_rate(storage::bench_database& database, const ingest_plan& plan, progress& progress);

} // namespace furrow::cli::bench
