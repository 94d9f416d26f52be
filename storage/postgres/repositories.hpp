/// The repositories in PostgreSQL.
///
/// Shape: changes of one kind go in one statement with an array for each column.
/// Threads: the pool's.
#pragma once

#include "storage/farm/repositories.hpp"
#include "storage/postgres/connection/query_pool.hpp"

#include <memory>

namespace furrow::storage {

/// On the store's pool for queries.
[[nodiscard]] std::shared_ptr<repositories>
make_postgres_repositories(std::shared_ptr<query_pool> pool);

} // namespace furrow::storage
