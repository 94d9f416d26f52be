/// Time zones of farms in the SQLite store.
///
/// Errors: reject_row for a name that this computer does not know.
/// Threads: the thread that owns the connection.
#pragma once

#include "storage/errc.hpp"
#include "storage/series/time_zone.hpp"
#include "storage/sqlite/db.hpp"

#include <cstdint>
#include <string>

namespace furrow::storage::sqlite_work {

/// `wanted` names a zone, or is "farm": that of the machine's farm.
[[nodiscard]] result<time_zone>
zone_for(sqlite_db& db, std::int64_t equipment, const std::string& wanted);
/// The same with the farm's name. A farm that is not stored yet has UTC.
[[nodiscard]] result<time_zone>
zone_of_farm(sqlite_db& db, const std::string& farm, const std::string& wanted);

} // namespace furrow::storage::sqlite_work
