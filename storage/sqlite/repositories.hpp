/// The repositories in SQLite.
///
/// Shape: statements run row by row inside one transaction, nested units as savepoints.
/// Threads: those of the two queues that it is given; a job gets nothing when its queue is closing.
#pragma once

#include "storage/farm/repositories.hpp"
#include "storage/sqlite/db.hpp"

#include <functional>
#include <memory>

namespace furrow::storage {

using sqlite_job = std::function<void(sqlite_db*)>;
using sqlite_queue = std::function<void(sqlite_job)>;

[[nodiscard]] std::shared_ptr<repositories> make_sqlite_repositories(sqlite_queue writer,
                                                                     sqlite_queue reader);

} // namespace furrow::storage
