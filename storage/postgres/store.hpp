/// The store on PostgreSQL: one io_context and one thread inside, with all connections.
///
/// Shape: a query_pool serves reads and the repositories. These have their own connection: the claims, records, health,
///   upkeep (retention, partitions, sizes), sealing, the digest, the lease of the node, each appender, and migrations (without time-outs,
///   because one may take long). areas.hpp makes the areas.
/// Errors, threads: as storage/store.hpp. A store must not be destroyed on its own thread (in a handler).
/// Source: docs/decisions/0001-one-recovery-path.md, docs/decisions/0021-a-store-is-its-areas.md.
#pragma once

#include "storage/store.hpp"

namespace furrow::storage {

[[nodiscard]] result<std::unique_ptr<store>> open_postgres_store(const store_options& options);

} // namespace furrow::storage
