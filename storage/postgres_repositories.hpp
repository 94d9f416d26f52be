/// The repositories in PostgreSQL.
///
/// Shape: changes of one kind go in one statement with an array for each column.
/// Threads: the pool's.
#pragma once

#include "storage/postgres_pool.hpp"
#include "storage/repositories.hpp"

#include <memory>

namespace furrow::storage {

/// Closes the pool when it goes.
[[nodiscard]] std::shared_ptr<repositories>
make_postgres_repositories(std::shared_ptr<postgres_pool> pool);

} // namespace furrow::storage
