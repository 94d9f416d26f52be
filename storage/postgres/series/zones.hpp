/// Time zones of farms in the PostgreSQL store. The server knows the zones.
///
/// Errors: reject_row for a name that is not in pg_timezone_names.
/// Threads: the thread of the io_context.
#pragma once

#include "storage/postgres/connection/connection.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace furrow::storage::postgres_work {

/// The name of a zone. `wanted` names it, or is "farm": that of the machine's farm.
[[nodiscard]] task<result<std::string>>
zone_for(pq_connection& db, std::int32_t equipment, std::string wanted);
/// The same with the farm's name. A farm that is not stored yet has UTC.
[[nodiscard]] task<result<std::string>>
zone_of_farm(pq_connection& db, const std::string& farm, std::string wanted);

/// Of these names, the first that the server does not know; empty: it knows all of them.
[[nodiscard]] task<result<std::string>> first_unknown(pq_connection& db,
                                                      std::vector<std::string> names);

/// When local days begin: of the day that `from` is in, and of the next ones up to the one after `to`, `days` + 1 at
/// most. Microseconds since 1970.
[[nodiscard]] task<result<std::vector<std::int64_t>>> local_days(
  pq_connection& db, std::string zone, std::int64_t from_us, std::int64_t to_us, std::int64_t days);

} // namespace furrow::storage::postgres_work
