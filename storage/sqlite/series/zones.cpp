#include "storage/sqlite/series/zones.hpp"

namespace furrow::storage::sqlite_work {

result<time_zone> zone_for(sqlite_db& db, std::int64_t equipment, const std::string& wanted) {
  auto name = wanted;
  if (wanted == "farm") {
    auto found = db.statement(
      "select f.time_zone from equipment e join farm f on f.id = e.farm_id where e.id = ?");
    found.with(equipment);
    if (found.step())
      name = found.text(0);
  }
  auto zone = find_time_zone(name);
  if (!zone)
    return failure{errc::reject_row, unknown_zone(name)};
  return std::move(*zone);
}

} // namespace furrow::storage::sqlite_work
