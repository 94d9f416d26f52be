#include "storage/history.hpp"

#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/query_pool.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/series/zones.hpp"
#include "storage/postgres/work.hpp"

#include <bit>
#include <limits>
#include <utility>

namespace furrow::storage::postgres_work {

namespace {

constexpr int page_rows_max = 2'000;

/// An absent bound becomes an infinity, which is the lowest or highest number in binary.
std::int64_t low_bound(const std::optional<std::int64_t>& time_us) {
  return time_us && *time_us > time_us_min ? *time_us - epoch_2000_us
                                           : std::numeric_limits<std::int64_t>::min();
}
std::int64_t high_bound(const std::optional<std::int64_t>& time_us) {
  return time_us ? std::max(*time_us, time_us_min) - epoch_2000_us
                 : std::numeric_limits<std::int64_t>::max();
}

double real(const pq_rows& rows, int row, int column) {
  return std::bit_cast<double>(rows.integer(row, column));
}

std::string telemetry_text() {
  std::string columns;
  for (const auto& column : can::telemetry_columns)
    columns += ", " + std::string{column.name} + "::float8";
  return "select time, mode" + columns
         + " from furrow.telemetry_all where equipment_id = $1 and time >= $2 and time <= $3 and "
           "time > $4 order by time limit $5";
}

task<result<std::int32_t>> find_signal(pq_connection& db, const std::string& name) {
  const auto reply = co_await db.query("select id from furrow.signal_name where name = $1",
                                       pq_parameters{}.text(name));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0)
    co_return failure{errc::not_found, "no signal " + name};
  co_return static_cast<std::int32_t>(rows.integer(0, 0));
}

const char* bucket_length(rollup_bucket bucket) {
  switch (bucket) {
  case rollup_bucket::minute:
    return "1 minute";
  case rollup_bucket::hour:
    return "1 hour";
  case rollup_bucket::day:
    return "1 day";
  }
  return "1 minute";
}

task<result<telemetry_page>> read_telemetry(pq_connection& db, const history_query& query) {
  static const auto text = telemetry_text();
  const auto equipment = co_await find_equipment(db, query.farm, query.equipment);
  if (!equipment)
    co_return equipment.error();
  const auto reply = co_await db.query(text.c_str(), pq_parameters{}
                                                       .int4(*equipment)
                                                       .timestamptz(low_bound(query.from_us))
                                                       .timestamptz(high_bound(query.to_us))
                                                       .timestamptz(low_bound(query.after_us))
                                                       .int8(page_rows_max));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  telemetry_page page;
  page.rows.resize(static_cast<std::size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i) {
    auto& row = page.rows[static_cast<std::size_t>(i)];
    row.time_us = rows.integer(i, 0) + epoch_2000_us;
    row.mode = rows.text(i, 1);
    for (std::size_t column = 0; column < row.values.size(); ++column)
      if (const auto at = static_cast<int>(column) + 2; !rows.null(i, at))
        row.values[column] = real(rows, i, at);
  }
  if (rows.size() == page_rows_max)
    page.next_us = page.rows.back().time_us;
  co_return page;
}

/// Groups by local days of the zone $7. The first moment of a day is found once for each day, not for each minute.
constexpr const char* local_days_text =
  "select furrow.day_start(d.day, $7), d.count, d.min, d.max, d.mean, d.last from "
  "(select (minute at time zone $7)::date as day, sum(count)::bigint as count, min(min) as min, "
  "max(max) as max, sum(sum) / sum(count) as mean, (array_agg(last order by last_time desc))[1] as "
  "last from furrow.rollup where equipment_id = $1 and signal = $2 and minute >= $3 and minute <= "
  "$4 and minute >= furrow.day_start(($5 at time zone $7)::date + 1, $7) group by 1 order by 1 "
  "limit $6) d order by d.day";

constexpr const char* buckets_text =
  "select date_bin($7::text::interval, minute, timestamptz '2000-01-01 00:00:00+00') as bucket, "
  "sum(count)::bigint, min(min), max(max), sum(sum) / sum(count), "
  "(array_agg(last order by last_time desc))[1] from furrow.rollup "
  "where equipment_id = $1 and signal = $2 and minute >= $3 and minute <= $4 "
  "and minute >= $5 + $7::text::interval group by 1 order by 1 limit $6";

task<result<rollup_page>> read_rollup(pq_connection& db,
                                      const history_query& query,
                                      const std::string& signal,
                                      rollup_bucket bucket) {
  const auto equipment = co_await find_equipment(db, query.farm, query.equipment);
  if (!equipment)
    co_return equipment.error();
  const auto number = co_await find_signal(db, signal);
  if (!number)
    co_return number.error();
  std::string length = bucket_length(bucket);
  const bool local = bucket == rollup_bucket::day && !query.zone.empty();
  if (local) {
    const auto zone = co_await zone_for(db, *equipment, query.zone);
    if (!zone)
      co_return zone.error();
    length = *zone;
  }
  const auto reply = co_await db.query(local ? local_days_text : buckets_text,
                                       pq_parameters{}
                                         .int4(*equipment)
                                         .int4(*number)
                                         .timestamptz(low_bound(query.from_us))
                                         .timestamptz(high_bound(query.to_us))
                                         .timestamptz(low_bound(query.after_us))
                                         .int8(page_rows_max)
                                         .text(length));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  rollup_page page;
  for (int i = 0; i < rows.size(); ++i)
    page.rows.push_back({rows.integer(i, 0) + epoch_2000_us, rows.natural(i, 1), real(rows, i, 2),
                         real(rows, i, 3), real(rows, i, 4), real(rows, i, 5)});
  if (rows.size() == page_rows_max)
    page.next_us = page.rows.back().time_us;
  co_return page;
}

task<result<std::vector<known_signal>>>
list_signals(pq_connection& db, const std::string& farm, const std::string& equipment) {
  const auto id = co_await find_equipment(db, farm, equipment);
  if (!id)
    co_return id.error();
  const auto reply = co_await db.query(
    "select n.name, l.last, l.last_time from furrow.signal_name n cross join lateral "
    "(select r.last, r.last_time from furrow.rollup r where r.equipment_id = $1 and r.signal = "
    "n.id "
    "order by r.minute desc limit 1) l order by n.name",
    pq_parameters{}.int4(*id));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<known_signal> out;
  out.reserve(static_cast<std::size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i)
    out.push_back({rows.text(i, 0), real(rows, i, 1), rows.integer(i, 2) + epoch_2000_us});
  co_return out;
}

/// Two texts, so that the faults of one machine are found by its index.
std::string faults_text(bool one_machine) {
  return std::string{
           "select f.name, e.name, coalesce(b.name, t.bus::text), t.source::int, t.iso_name, "
           "t.spn, t.fmi::int, t.first_seen, t.last_seen, t.cleared, t.appearances, "
           "t.occurrences::int, t.lamp from furrow.bus_fault t join furrow.equipment e on e.id = "
           "t.equipment_id join furrow.farm f on f.id = e.farm_id left join furrow.bus b on "
           "b.stream = t.stream and b.bus = t.bus where "}
         + (one_machine ? "t.equipment_id = $1" : "($1 = '' or f.name = $1)")
         + " and t.last_seen >= $2 and t.first_seen <= $3 and (t.cleared is null or $4 = 0) order "
           "by t.last_seen desc, t.stream, t.first_seq, t.spn, t.fmi offset $5 limit $6";
}

task<result<faults_page>> read_faults(pq_connection& db, const faults_query& query) {
  static const auto of_one = faults_text(true);
  static const auto of_all = faults_text(false);
  pq_parameters parameters;
  if (query.equipment.empty()) {
    parameters.text(query.farm);
  } else {
    const auto equipment = co_await find_equipment(db, query.farm, query.equipment);
    if (!equipment)
      co_return equipment.error();
    parameters.int4(*equipment);
  }
  parameters.timestamptz(low_bound(query.from_us))
    .timestamptz(high_bound(query.to_us))
    .int4(query.active ? 1 : 0)
    .int8(static_cast<std::int64_t>(query.skip))
    .int8(page_rows_max);
  const auto& text = query.equipment.empty() ? of_all : of_one;
  const auto reply = co_await db.query(text.c_str(), parameters);
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  faults_page page;
  page.rows.resize(static_cast<std::size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i) {
    auto& row = page.rows[static_cast<std::size_t>(i)];
    row.farm = rows.text(i, 0);
    row.equipment = rows.text(i, 1);
    row.bus = rows.text(i, 2);
    row.source = static_cast<std::int32_t>(rows.integer(i, 3));
    if (!rows.null(i, 4))
      row.iso_name = static_cast<std::uint64_t>(rows.integer(i, 4));
    row.spn = static_cast<std::int32_t>(rows.integer(i, 5));
    row.fmi = static_cast<std::int32_t>(rows.integer(i, 6));
    row.first_us = rows.integer(i, 7) + epoch_2000_us;
    row.last_us = rows.integer(i, 8) + epoch_2000_us;
    if (!rows.null(i, 9))
      row.cleared_us = rows.integer(i, 9) + epoch_2000_us;
    row.appearances = static_cast<std::int32_t>(rows.integer(i, 10));
    if (!rows.null(i, 11))
      row.occurrences = static_cast<std::int32_t>(rows.integer(i, 11));
    row.lamp = rows.text(i, 12);
  }
  if (rows.size() == page_rows_max)
    page.next = query.skip + page.rows.size();
  co_return page;
}

task<result<digest_status>> digest_progress(pq_connection& db) {
  const auto reply = co_await db.query(
    "select count(*), count(*) filter (where behind > 0), coalesce(sum(behind), 0)::bigint, "
    "min(oldest) from (select w.seq - coalesce(d.seq, 0) as behind, "
    "case when w.seq > coalesce(d.seq, 0) then (select b.time_first from furrow.can_block b "
    "where b.stream = w.stream and b.seq_first > coalesce(d.seq, 0) order by b.seq_first limit 1) "
    "end as oldest from furrow.stream_watermark w left join furrow.digest d on d.stream = "
    "w.stream) "
    "s");
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  digest_status out;
  out.streams = rows.natural(0, 0);
  out.streams_behind = rows.natural(0, 1);
  out.items_behind = rows.natural(0, 2);
  if (!rows.null(0, 3))
    out.oldest_us = rows.integer(0, 3) + epoch_2000_us;
  co_return out;
}

/// Reads on the query pool.
class postgres_history : public history_store {
public:
  explicit postgres_history(std::shared_ptr<query_pool> queries) : queries_{std::move(queries)} {}

  void read_telemetry(history_query query, handler<telemetry_page> done) override {
    queries_->submit(job_of(false, std::move(done), [query = std::move(query)](pq_connection& db) {
      return postgres_work::read_telemetry(db, query);
    }));
  }

  void read_rollup(history_query query,
                   std::string signal,
                   rollup_bucket bucket,
                   handler<rollup_page> done) override {
    queries_->submit(
      job_of(false, std::move(done),
             [query = std::move(query), signal = std::move(signal), bucket](pq_connection& db) {
               return postgres_work::read_rollup(db, query, signal, bucket);
             }));
  }

  void list_signals(std::string farm,
                    std::string equipment,
                    handler<std::vector<known_signal>> done) override {
    queries_->submit(
      job_of(false, std::move(done),
             [farm = std::move(farm), equipment = std::move(equipment)](pq_connection& db) {
               return postgres_work::list_signals(db, farm, equipment);
             }));
  }

  void read_faults(faults_query query, handler<faults_page> done) override {
    queries_->submit(job_of(false, std::move(done), [query = std::move(query)](pq_connection& db) {
      return postgres_work::read_faults(db, query);
    }));
  }

  void digest_progress(handler<digest_status> done) override {
    queries_->submit(job_of(false, std::move(done),
                            [](pq_connection& db) { return postgres_work::digest_progress(db); }));
  }

private:
  std::shared_ptr<query_pool> queries_;
};

} // namespace

std::unique_ptr<history_store> make_history(std::shared_ptr<query_pool> queries) {
  return std::make_unique<postgres_history>(std::move(queries));
}

} // namespace furrow::storage::postgres_work
