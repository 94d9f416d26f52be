/// The store on PostgreSQL: one io_context and one thread inside, on which all connections live.
///
/// Shape: a query_pool for what reads and for the repositories; beside it, each with a connection of
///   its own, the claims, records, health, the sealer, each appender and digest, and one that
///   migrates (no time-outs there: a migration may take long).
///   Errors, threads: as storage/store.hpp. A store must not be destroyed on its own thread (in a
///   handler).
/// Source: docs/decisions/0001-one-recovery-path.md; storage/postgres/work.hpp holds what the
///   connections do.
#pragma once

#include "storage/store.hpp"

namespace furrow::storage {

[[nodiscard]] result<std::unique_ptr<store>> open_postgres_store(const store_options& options);

} // namespace furrow::storage
