#include "storage/postgres/series/series.hpp"

#include "can/live/telemetry.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/query_pool.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/series/token_sums.hpp"
#include "storage/postgres/series/zones.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

namespace furrow::storage::postgres_work {

namespace {

constexpr double no_value = std::numeric_limits<double>::quiet_NaN();
/// Longer ranges are not looked through for single values.
constexpr std::int64_t raw_range_us = std::int64_t{48} * 3'600'000'000;

double number_at(const pq_rows& rows, int row, int column) {
  return rows.null(row, column) ? no_value : std::bit_cast<double>(rows.integer(row, column));
}

std::string columns_text(const telemetry_wish& wish) {
  std::string out = "t.time";
  if (wish.mode)
    out += ", t.mode";
  for (const auto column : wish.columns)
    out += ", t." + std::string{can::telemetry_columns.at(column).name} + "::float8";
  return out;
}

/// Every row: $1 machine, $2 from, $3 to, $4 rows.
std::string all_text(const telemetry_wish& wish) {
  return "select " + columns_text(wish)
         + " from furrow.telemetry_all t where t.equipment_id = $1 and t.time >= $2 and t.time <= "
           "$3 "
           "order by t.time limit $4";
}

/// The first row from `from` on and before `before`, two expressions. `whole` is a condition with constants, so that
/// partitions outside of the whole time are left out. Of compressed chunks a join unpacks every batch, and the function
/// one.
std::string first_of(const std::string& from,
                     const std::string& before,
                     const std::string& whole,
                     bool hypertable) {
  if (hypertable)
    return "furrow.first_telemetry($1, " + from + ", least(" + before
           + ", $3 + interval '1 microsecond')) t";
  return "(select * from furrow.telemetry_all t where t.equipment_id = $1 and t.time >= " + from
         + " and t.time < " + before + " and t.time " + whole + " order by t.time limit 1) t";
}

/// The first row of each interval, each found by the index, so that the rows between cost nothing. $2 is the start of
/// the first interval, $4 the number of intervals, $5 their length, $6 the first time.
std::string thinned_text(const telemetry_wish& wish, bool hypertable) {
  return "select " + columns_text(wish)
         + " from generate_series(0, $4::int - 1) g(i) cross join lateral "
         + first_of("greatest($6, $2 + g.i * ($5 * interval '1 microsecond'))",
                    "$2 + (g.i + 1) * ($5 * interval '1 microsecond')", "between $6 and $3",
                    hypertable)
         + " order by g.i";
}

/// The same of local days: $2 their starts, $4 their ends, $5 the first time.
std::string days_text(const telemetry_wish& wish, bool hypertable) {
  return "select " + columns_text(wish)
         + " from unnest($2::timestamptz[], $4::timestamptz[]) d(start, stop) cross join lateral "
         + first_of("greatest($5, d.start)", "d.stop", "between $5 and $3", hypertable)
         + " order by d.start";
}

struct series_page {
  std::string text;
  pq_parameters parameters;
  std::int64_t end_us = 0; // of thinned rows: the last moment of the page
};

/// `days`: when the days of a zone begin, if they are the intervals.
series_page page_of(std::int32_t equipment,
                    const telemetry_wish& wish,
                    std::int64_t from_us,
                    const std::vector<std::int64_t>& days,
                    bool hypertable) {
  series_page out;
  out.parameters.int4(equipment);
  if (!days.empty()) {
    const auto array = [&](std::size_t skipped) {
      byte_buffer bytes;
      bytes.array<std::int64_t>(oid::timestamptz, days.size() - 1,
                                [&](std::size_t i) { return days[i + skipped] - epoch_2000_us; });
      return std::string{bytes.view()};
    };
    out.text = days_text(wish, hypertable);
    out.end_us = days.back() - 1;
    out.parameters.add(oid::timestamptz_array, array(0))
      .timestamptz(wish.to_us - epoch_2000_us)
      .add(oid::timestamptz_array, array(1))
      .timestamptz(from_us - epoch_2000_us);
    return out;
  }
  const auto start = wish.every_us == 0 ? from_us : bucket_start(from_us, wish.every_us);
  auto intervals = static_cast<std::int64_t>(wish.rows_max);
  if (wish.every_us != 0)
    intervals = std::min(intervals, (wish.to_us - start) / wish.every_us + 1);
  out.parameters.timestamptz(start - epoch_2000_us)
    .timestamptz(wish.to_us - epoch_2000_us)
    .int8(intervals);
  if (wish.every_us != 0)
    out.parameters.int8(wish.every_us).timestamptz(from_us - epoch_2000_us);
  out.text = wish.every_us == 0 ? all_text(wish) : thinned_text(wish, hypertable);
  out.end_us = start + intervals * wish.every_us - 1;
  return out;
}

void take_rows(const pq_rows& rows, const telemetry_wish& wish, telemetry_series& out) {
  const auto count = static_cast<std::size_t>(rows.size());
  out.time_us.reserve(count);
  out.columns.assign(wish.columns.size(), std::vector<double>(count));
  for (int row = 0; row < rows.size(); ++row) {
    out.time_us.push_back(rows.integer(row, 0) + epoch_2000_us);
    int at = 1;
    if (wish.mode)
      out.modes.push_back(rows.text(row, at++));
    for (auto& column : out.columns)
      column[static_cast<std::size_t>(row)] = number_at(rows, row, at++);
  }
}

struct first_time {
  std::int64_t us = 0;
  bool hypertable = false; // telemetry is one, and has a function for the first row of an interval
};

/// The time of the first row at or after `from`; nothing: there is none up to `to`.
task<result<std::optional<first_time>>>
first_row(pq_connection& db, std::int32_t equipment, std::int64_t from_us, std::int64_t to_us) {
  const auto reply =
    co_await db.query("select t.time, to_regprocedure('furrow.first_telemetry(int, timestamptz, "
                      "timestamptz)') is not null from furrow.telemetry_all t where "
                      "t.equipment_id = $1 and t.time >= $2 and t.time <= $3 order by t.time "
                      "limit 1",
                      pq_parameters{}
                        .int4(equipment)
                        .timestamptz(from_us - epoch_2000_us)
                        .timestamptz(to_us - epoch_2000_us));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0)
    co_return std::optional<first_time>{};
  co_return std::optional{first_time{rows.integer(0, 0) + epoch_2000_us, rows.integer(0, 1) != 0}};
}

task<result<telemetry_series>> read_telemetry_series(pq_connection& db, telemetry_wish wish) {
  telemetry_series out;
  const auto equipment = co_await find_equipment(db, wish.farm, wish.equipment);
  if (!equipment)
    co_return equipment.error();
  auto zone = result<std::string>{std::string{}};
  if (!wish.zone.empty())
    zone = co_await zone_for(db, *equipment, wish.zone);
  if (!zone)
    co_return zone.error();
  auto from = std::max(wish.from_us, wish.after_us ? *wish.after_us + 1 : wish.from_us);
  const auto first = co_await first_row(db, *equipment, from, wish.to_us);
  if (!first)
    co_return first.error();
  if (!*first) {
    out.columns.resize(wish.columns.size());
    co_return out;
  }
  from = (*first)->us;
  auto days = result<std::vector<std::int64_t>>{std::vector<std::int64_t>{}};
  if (!zone->empty())
    days =
      co_await local_days(db, *zone, from, wish.to_us, static_cast<std::int64_t>(wish.rows_max));
  if (!days)
    co_return days.error();
  const auto page = page_of(*equipment, wish, from, *days, (*first)->hypertable);
  const auto reply = co_await db.query(page.text.c_str(), page.parameters);
  if (reply.error)
    co_return reply.error->as_failure();
  take_rows(pq_rows{reply.rows.get()}, wish, out);
  if (out.time_us.empty())
    co_return out; // the rows have been removed meanwhile
  const auto end = wish.every_us == 0 ? out.time_us.back() : page.end_us;
  if (wish.every_us == 0 && out.time_us.size() < wish.rows_max)
    co_return out;
  const auto more = co_await first_row(db, *equipment, end + 1, wish.to_us);
  if (!more)
    co_return more.error();
  if (*more)
    out.next_us = end;
  co_return out;
}

/// A machine as furrow.signal takes it, and the number of the signal's rollups.
struct signal_place {
  std::string machine; // farm/name
  std::int32_t equipment = 0;
  std::optional<std::int32_t> rollup;
};

task<result<signal_place>> find_place(pq_connection& db, const signal_wish& wish) {
  const auto equipment = co_await find_equipment(db, wish.farm, wish.equipment);
  if (!equipment)
    co_return equipment.error();
  const auto reply = co_await db.query(
    "select f.name || '/' || e.name, (select n.id from furrow.signal_name n where n.name = $2) "
    "from furrow.equipment e join furrow.farm f on f.id = e.farm_id where e.id = $1",
    pq_parameters{}.int4(*equipment).text(wish.signal));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0)
    co_return failure{errc::not_found, "no equipment " + wish.equipment};
  signal_place out{rows.text(0, 0), *equipment, {}};
  if (!rows.null(0, 1))
    out.rollup = static_cast<std::int32_t>(rows.integer(0, 1));
  co_return out;
}

/// Columns: time, count, min, max, mean, last; raw values have the count NULL.
void take_points(const pq_rows& rows, std::int64_t bucket_us, signal_series& out) {
  out = {};
  const bool raw = rows.size() > 0 && rows.null(0, 1);
  out.bucket_us = raw ? 0 : bucket_us;
  for (int row = 0; row < rows.size(); ++row) {
    out.time_us.push_back(rows.integer(row, 0) + epoch_2000_us);
    out.last.push_back(number_at(rows, row, 5));
    if (raw)
      continue;
    out.count.push_back(rows.natural(row, 1));
    out.min.push_back(number_at(rows, row, 2));
    out.max.push_back(number_at(rows, row, 3));
    out.mean.push_back(number_at(rows, row, 4));
  }
}

constexpr const char* finite = " where s.value > '-Infinity' and s.value < 'Infinity' ";

/// Decodes frames once: the values where they are few enough, else buckets of them. $5 the most values, $6 the bucket.
const std::string& frames_text() {
  static const std::string sql =
    std::string{
      "with v as materialized (select s.time, s.value from furrow.signal($1, $2, $3, $4) s"}
    + finite
    + "), n as materialized (select count(*) as c from v) "
      "select p.* from (select v.time, null::bigint, null::float8, null::float8, null::float8, "
      "v.value from v where (select c from n) <= $5 union all "
      "select date_bin($6 * interval '1 microsecond', v.time, timestamptz '2000-01-01 "
      "00:00:00+00'), "
      "count(*), min(v.value), max(v.value), sum(v.value) / count(*), "
      "(max(array[extract(epoch from v.time)::float8, v.value]))[2] from v "
      "where (select c from n) > $5 group by 1) p order by 1";
  return sql;
}

/// $5 the most values: those of furrow.signal, with all digits.
constexpr const char* whole_text =
  "select w.time, w.value::float8, w.value::text from furrow.signal_whole($1, $2, $3, $4) w "
  "where w.value is not null order by 1 limit $5 + 1";

/// $5 the bucket: rollups where they say the same as frames, frames elsewhere.
constexpr const char* bucket_text =
  "select time, count, min, max, mean, last from furrow.signal_bucket($1, $2, $3, $4, "
  "$5 * interval '1 microsecond') order by 1";

/// $1 machine, $2 number of the signal, $3 from, $4 to, $5 the bucket: rollups alone.
constexpr const char* rollup_text =
  "select date_bin($5 * interval '1 microsecond', r.minute, timestamptz '2000-01-01 00:00:00+00'), "
  "sum(r.count)::bigint, min(r.min), max(r.max), sum(r.sum) / sum(r.count), "
  "(max(array[extract(epoch from r.last_time)::float8, r.last]))[2] from furrow.rollup r "
  "where r.equipment_id = $1 and r.signal = $2 and r.minute >= $3 and r.minute <= $4 "
  "group by 1 order by 1";

/// Buckets of a quarter of an hour, joined to the local days of the zone $5: since 1972 each clock of the world differs
/// from UTC by whole quarters.
constexpr const char* local_bucket_text =
  "select furrow.day_start(d.day, $5), d.count, d.min, d.max, d.mean, d.last from "
  "(select (b.time at time zone $5)::date as day, sum(b.count)::bigint as count, min(b.min) as "
  "min, max(b.max) as max, sum(b.mean * b.count) / sum(b.count) as mean, "
  "(array_agg(b.last order by b.time desc))[1] as last from furrow.signal_bucket($1, $2, $3, $4, "
  "interval '15 minutes') b group by 1) d order by d.day";

/// As rollup_text, by local days of the zone $5.
constexpr const char* local_rollup_text =
  "select furrow.day_start(d.day, $5), d.count, d.min, d.max, d.mean, d.last from "
  "(select (r.minute at time zone $5)::date as day, sum(r.count)::bigint as count, min(r.min) as "
  "min, max(r.max) as max, sum(r.sum) / sum(r.count) as mean, "
  "(array_agg(r.last order by r.last_time desc))[1] as last from furrow.rollup r where "
  "r.equipment_id = $1 and r.signal = $2 and r.minute >= $3 and r.minute <= $4 group by 1) d "
  "order by d.day";

pq_parameters asked_of(const signal_place& place, const signal_wish& wish) {
  return pq_parameters{}
    .text(place.machine)
    .text(wish.signal)
    .timestamptz(wish.from_us - epoch_2000_us)
    .timestamptz(wish.to_us - epoch_2000_us);
}

bool unknown_signal(const pq_error& error) {
  return error.sqlstate == "P0002" || error.sqlstate == "P0003"; // no data, too many rows
}

std::uint64_t values_of(const signal_series& series) {
  std::uint64_t sum = 0;
  for (const auto count : series.count)
    sum += count;
  return sum;
}

task<result<done>> read_rollups(pq_connection& db,
                                const signal_place& place,
                                const signal_wish& wish,
                                const std::string& zone,
                                signal_series& out) {
  const auto bucket = std::max(minute_us, bucket_length(wish) / minute_us * minute_us);
  pq_parameters parameters;
  parameters.int4(place.equipment)
    .int4(*place.rollup)
    .timestamptz(wish.from_us - epoch_2000_us)
    .timestamptz(wish.to_us - epoch_2000_us);
  zone.empty() ? parameters.int8(bucket) : parameters.text(zone);
  const auto reply = co_await db.query(zone.empty() ? rollup_text : local_rollup_text, parameters);
  if (reply.error)
    co_return reply.error->as_failure();
  take_points(pq_rows{reply.rows.get()}, bucket, out);
  co_return done{};
}

task<result<done>> read_frames_of(pq_connection& db,
                                  const signal_place& place,
                                  const signal_wish& wish,
                                  std::int64_t bucket,
                                  signal_series& out) {
  const auto reply = co_await db.query(
    frames_text().c_str(),
    asked_of(place, wish).int8(static_cast<std::int64_t>(wish.points)).int8(bucket));
  if (reply.error)
    co_return reply.error->as_failure();
  take_points(pq_rows{reply.rows.get()}, bucket, out);
  co_return done{};
}

std::optional<can::whole_number> whole_of(std::string_view text) {
  can::whole_number out{text.starts_with('-'), 0};
  text.remove_prefix(out.negative ? 1 : 0);
  const auto* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out.magnitude);
  return error == std::errc{} && stop == end ? std::optional{out} : std::nullopt;
}

/// Raw values that a double may have rounded: read once more, with all digits.
task<result<done>> read_digits(pq_connection& db,
                               const signal_place& place,
                               const signal_wish& wish,
                               signal_series& out) {
  const bool sound = std::all_of(out.last.begin(), out.last.end(), [](double value) {
    return std::abs(value) < can::whole_double_max;
  });
  if (out.bucket_us != 0 || sound)
    co_return done{};
  const auto reply = co_await db.query(
    whole_text, asked_of(place, wish).int8(static_cast<std::int64_t>(wish.points)));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0 || static_cast<std::size_t>(rows.size()) > wish.points)
    co_return done{}; // no whole numbers; or more frames have come meanwhile
  out = {};
  for (int row = 0; row < rows.size(); ++row) {
    out.time_us.push_back(rows.integer(row, 0) + epoch_2000_us);
    out.last.push_back(number_at(rows, row, 1));
    if (const auto whole = whole_of(rows.bytes(row, 2));
        whole && std::abs(out.last.back()) >= can::whole_double_max)
      out.whole.emplace_back(out.last.size() - 1, *whole);
  }
  co_return done{};
}

task<result<signal_series>> read_signal_series(pq_connection& db, const signal_wish& wish) {
  signal_series out;
  const auto place = co_await find_place(db, wish);
  if (!place)
    co_return place.error();
  auto zone = result<std::string>{std::string{}};
  if (!wish.zone.empty())
    zone = co_await zone_for(db, place->equipment, wish.zone);
  if (!zone)
    co_return zone.error();
  const auto bucket = bucket_length(wish);
  const bool wide = bucket % minute_us == 0;
  auto parameters = asked_of(*place, wish);
  if (!wide)
    parameters.int8(static_cast<std::int64_t>(wish.points));
  zone->empty() ? parameters.int8(bucket) : parameters.text(*zone);
  const auto* whole = zone->empty() ? bucket_text : local_bucket_text;
  const auto* text = wide ? whole : frames_text().c_str();
  const auto reply = co_await db.query(text, parameters);
  if (reply.error && unknown_signal(*reply.error) && !place->rollup)
    co_return failure{errc::not_found, "no signal " + wish.signal};
  if (reply.error && !unknown_signal(*reply.error))
    co_return reply.error->as_failure();
  if (!reply.error)
    take_points(pq_rows{reply.rows.get()}, bucket, out);
  // The definition or the frames may be gone, by retention or into archives. The rollups stay.
  const bool gone = reply.error || out.time_us.empty();
  if (gone && place->rollup) {
    const auto read = co_await read_rollups(db, *place, wish, *zone, out);
    if (!read)
      co_return read.error();
  } else if (wide && !gone && wish.to_us - wish.from_us <= raw_range_us
             && values_of(out) <= wish.points) {
    const auto read = co_await read_frames_of(db, *place, wish, bucket, out);
    if (!read)
      co_return read.error();
  }
  if (const auto read = co_await read_digits(db, *place, wish, out); !read)
    co_return read.error();
  co_return out;
}

/// Reads on the query pool.
class postgres_series : public series_store {
public:
  explicit postgres_series(std::shared_ptr<query_pool> queries) : queries_{std::move(queries)} {}

  void read_telemetry_series(telemetry_wish wish, handler<telemetry_series> done) override {
    queries_->submit(job_of(false, std::move(done), [wish = std::move(wish)](pq_connection& db) {
      return postgres_work::read_telemetry_series(db, wish);
    }));
  }
  void read_signal_series(signal_wish wish, handler<signal_series> done) override {
    queries_->submit(job_of(false, std::move(done), [wish = std::move(wish)](pq_connection& db) {
      return postgres_work::read_signal_series(db, wish);
    }));
  }
  void read_token_sums(token_sums_wish wish, handler<token_sums> done) override {
    queries_->submit(job_of(false, std::move(done), [wish = std::move(wish)](pq_connection& db) {
      return postgres_work::read_token_sums(db, wish);
    }));
  }

private:
  std::shared_ptr<query_pool> queries_;
};

} // namespace

std::unique_ptr<series_store> make_series(std::shared_ptr<query_pool> queries) {
  return std::make_unique<postgres_series>(std::move(queries));
}

} // namespace furrow::storage::postgres_work
