/// Makes the area of history in columns (storage/series/series.hpp).
///
/// Threads: the pool's.
#pragma once

#include "storage/series/series.hpp"

#include <memory>

namespace furrow::storage {
class query_pool;
}

namespace furrow::storage::postgres_work {

[[nodiscard]] std::unique_ptr<series_store> make_series(std::shared_ptr<query_pool> queries);

} // namespace furrow::storage::postgres_work
