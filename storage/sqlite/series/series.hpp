/// Makes the area of history in columns (storage/series/series.hpp).
///
/// Threads: that of the reading connection.
#pragma once

#include "storage/series/series.hpp"
#include "storage/sqlite/connection.hpp"

#include <memory>

namespace furrow::storage::sqlite_work {

[[nodiscard]] std::unique_ptr<series_store> make_series(sqlite_connections db);

} // namespace furrow::storage::sqlite_work
