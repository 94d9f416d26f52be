#include "storage/postgres/series/zones.hpp"

#include "storage/postgres/connection/epoch.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/series/row_arrays.hpp"
#include "storage/series/time_zone.hpp"

namespace furrow::storage::postgres_work {

namespace {

/// `farm_zone`: SQL for the zone of the farm, whose key is $1. $2 is the wanted zone.
task<result<std::string>> zone_beside(pq_connection& db,
                                      std::string farm_zone,
                                      pq_parameters parameters,
                                      std::string wanted) {
  // pg_timezone_names reads hundreds of files, some 20 ms of CPU: the zone of the farm has been checked before.
  const auto sql = "select case when $2 in ('farm', f.time_zone) then f.time_zone else (select "
                   "n.name from pg_timezone_names n where n.name = $2 and n.name !~ "
                   "'^(posix|right)/') end from ("
                   + farm_zone + ") f(time_zone)";
  const auto reply = co_await db.query(sql.c_str(), parameters.text(wanted));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0 || rows.null(0, 0))
    co_return failure{errc::reject_row, unknown_zone(wanted)};
  co_return rows.text(0, 0);
}

} // namespace

task<result<std::string>> zone_for(pq_connection& db, std::int32_t equipment, std::string wanted) {
  return zone_beside(db,
                     "select f.time_zone from furrow.equipment e join furrow.farm f on f.id = "
                     "e.farm_id where e.id = $1",
                     pq_parameters{}.int4(equipment), std::move(wanted));
}

task<result<std::string>>
zone_of_farm(pq_connection& db, const std::string& farm, std::string wanted) {
  return zone_beside(
    db, "select coalesce((select f.time_zone from furrow.farm f where f.name = $1), 'UTC')",
    pq_parameters{}.text(farm), std::move(wanted));
}

task<result<std::string>> first_unknown(pq_connection& db, std::vector<std::string> names) {
  const auto reply = co_await db.query(
    "select w.name from unnest($1::text[]) w(name) where not exists (select from pg_timezone_names "
    "n where n.name = w.name and n.name !~ '^(posix|right)/') limit 1",
    pq_parameters{}.add(oid::text_array, text_array(names, std::identity{})));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  co_return rows.size() == 0 ? std::string{} : rows.text(0, 0);
}

task<result<std::vector<std::int64_t>>> local_days(pq_connection& db,
                                                   std::string zone,
                                                   std::int64_t from_us,
                                                   std::int64_t to_us,
                                                   std::int64_t days) {
  const auto reply = co_await db.query(
    "select furrow.day_start(($1 at time zone $3)::date + d, $3) from generate_series(0, "
    "least(($2 at time zone $3)::date - ($1 at time zone $3)::date + 1, $4)::int) d order by d",
    pq_parameters{}
      .timestamptz(from_us - epoch_2000_us)
      .timestamptz(to_us - epoch_2000_us)
      .text(zone)
      .int8(days));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<std::int64_t> out;
  out.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row)
    out.push_back(rows.integer(row, 0) + epoch_2000_us);
  co_return out;
}

} // namespace furrow::storage::postgres_work
