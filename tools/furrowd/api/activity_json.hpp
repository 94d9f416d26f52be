/// The activity of the store (pool, statements, alarms) as JSON and as Prometheus metrics.
///
/// Shape: keys in the order in which people read them; a figure that was not measured is null.
/// Threads: pure functions.
#pragma once

#include "actors/live/counters.hpp"
#include "storage/activity.hpp"
#include "storage/store.hpp"
#include "tools/furrowd/http/front_watch.hpp"
#include "tools/json/rows_json.hpp"

#include <prometheus/metric_family.h>

#include <vector>

namespace furrow::http {

using json_rows::json;

/// `activity`: nullptr where the database has no pool.
[[nodiscard]] json to_json(const actors::node_stats& stats,
                           const storage::store_activity* activity,
                           const front_figures& front);
/// Of /monitoring/database: connectivity, pool and performance beside the health of the database.
[[nodiscard]] json to_json(const storage::store_health& health,
                           const storage::store_activity* activity);
[[nodiscard]] std::vector<prometheus::MetricFamily>
families(const actors::node_stats& stats,
         const storage::store_activity* activity,
         const front_figures& front);

} // namespace furrow::http
