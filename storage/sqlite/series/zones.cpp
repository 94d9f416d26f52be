#include "storage/sqlite/series/zones.hpp"

namespace furrow::storage::sqlite_work {

namespace {

result<time_zone> zone_named(const std::string& name) {
  auto zone = find_time_zone(name);
  if (!zone)
    return failure{errc::reject_row, unknown_zone(name)};
  return std::move(*zone);
}

} // namespace

result<time_zone> zone_for(sqlite_db& db, std::int64_t equipment, const std::string& wanted) {
  if (wanted != "farm")
    return zone_named(wanted);
  auto found = db.statement(
    "select f.time_zone from equipment e join farm f on f.id = e.farm_id where e.id = ?");
  found.with(equipment);
  return zone_named(found.step() ? found.text(0) : wanted);
}

result<time_zone> zone_of_farm(sqlite_db& db, const std::string& farm, const std::string& wanted) {
  if (wanted != "farm")
    return zone_named(wanted);
  auto found = db.statement("select time_zone from farm where name = ?");
  found.with(farm);
  return found.step() ? zone_named(found.text(0)) : time_zone{};
}

} // namespace furrow::storage::sqlite_work
