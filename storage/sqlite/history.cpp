#include "storage/history.hpp"

#include "storage/sqlite/areas.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/series/zones.hpp"
#include "storage/sqlite/work.hpp"

#include <utility>

namespace furrow::storage::sqlite_work {

namespace {

constexpr std::size_t page_rows_max = 2'000;

std::string telemetry_select() {
  std::string columns;
  for (const auto& column : can::telemetry_columns)
    columns += ", " + std::string{column.name};
  return "select time, mode" + columns
         + " from telemetry_all where equipment_id = ?1 and time >= ifnull(?2, time) "
           "and time <= ifnull(?3, time) and time > ifnull(?4, time - 1) order by time limit ?5";
}

std::int64_t bucket_length_us(rollup_bucket bucket) {
  constexpr std::int64_t minute_us = 60'000'000;
  switch (bucket) {
  case rollup_bucket::minute:
    return minute_us;
  case rollup_bucket::hour:
    return 60 * minute_us;
  case rollup_bucket::day:
    return 1'440 * minute_us;
  }
  return minute_us;
}

/// The buckets of rollups: of one length by UTC, or days of a time zone.
class bucket_clock {
public:
  bucket_clock(rollup_bucket bucket, std::optional<time_zone> zone)
    : length_us_{bucket_length_us(bucket)}, zone_{std::move(zone)} {}

  [[nodiscard]] std::int64_t start_of(std::int64_t time_us) const {
    if (zone_)
      return zone_->start_us(zone_->day_of(time_us));
    return time_us - (time_us % length_us_ + length_us_) % length_us_;
  }
  /// The start of the bucket after the one that starts at this time.
  [[nodiscard]] std::int64_t next(std::int64_t start_us) const {
    return zone_ ? zone_->start_us(zone_->day_of(start_us) + 1) : start_us + length_us_;
  }

private:
  std::int64_t length_us_;
  std::optional<time_zone> zone_;
};

result<telemetry_page> read_telemetry(sqlite_db& db, const history_query& query) {
  static const auto text = telemetry_select();
  const auto equipment = find_equipment(db, query.farm, query.equipment);
  if (!equipment)
    return equipment.error();
  telemetry_page page;
  auto rows = db.statement(text.c_str());
  rows.with(*equipment, query.from_us, query.to_us, query.after_us, std::uint64_t{page_rows_max});
  while (rows.step()) {
    auto& row = page.rows.emplace_back();
    row.time_us = rows.integer(0);
    row.mode = rows.bytes(1);
    for (std::size_t column = 0; column < row.values.size(); ++column)
      if (const auto at = static_cast<int>(column) + 2; !rows.null(at))
        row.values[column] = rows.real(at);
  }
  if (page.rows.size() == page_rows_max)
    page.next_us = page.rows.back().time_us;
  return page;
}

result<rollup_page> read_rollup(sqlite_db& db,
                                const history_query& query,
                                const std::string& signal,
                                rollup_bucket bucket) {
  const auto equipment = find_equipment(db, query.farm, query.equipment);
  if (!equipment)
    return equipment.error();
  auto found = db.statement("select id from signal_name where name = ?");
  found.with(signal);
  if (!found.step())
    return failure{errc::not_found, "no signal " + signal};
  std::optional<time_zone> zone;
  if (bucket == rollup_bucket::day && !query.zone.empty()) {
    auto known = zone_for(db, *equipment, query.zone);
    if (!known)
      return known.error();
    zone = std::move(*known);
  }
  const bucket_clock buckets{bucket, std::move(zone)};
  rollup_page page;
  auto rows = db.statement(
    "select minute, count, min, max, sum, last from rollup where equipment_id = ?1 and signal = ?2 "
    "and minute >= ifnull(?3, minute) and minute <= ifnull(?4, minute) "
    "and minute >= ifnull(?5, minute) order by minute");
  std::optional<std::int64_t> from_us;
  if (query.after_us)
    from_us = buckets.next(*query.after_us);
  rows.with(*equipment, found.integer(0), query.from_us, query.to_us, from_us);
  while (rows.step()) {
    const auto start_us = buckets.start_of(rows.integer(0));
    if (page.rows.empty() || page.rows.back().time_us != start_us) {
      if (page.rows.size() == page_rows_max) {
        page.next_us = page.rows.back().time_us;
        break;
      }
      page.rows.push_back({start_us, 0, rows.real(2), rows.real(3), 0, 0});
    }
    auto& row = page.rows.back();
    row.count += rows.natural(1);
    row.min = std::min(row.min, rows.real(2));
    row.max = std::max(row.max, rows.real(3));
    row.mean += rows.real(4); // the sum at first
    row.last = rows.real(5);
  }
  for (auto& row : page.rows)
    row.mean /= static_cast<double>(row.count);
  return page;
}

result<std::vector<known_signal>>
list_signals(sqlite_db& db, const std::string& farm, const std::string& equipment) {
  const auto id = find_equipment(db, farm, equipment);
  if (!id)
    return id.error();
  std::vector<known_signal> out;
  auto rows = db.statement(
    "select n.name, r.last, r.last_time from signal_name n join rollup r on r.signal = n.id "
    "where r.equipment_id = ?1 and r.minute = (select max(l.minute) from rollup l where "
    "l.equipment_id = ?1 and l.signal = n.id) order by n.name");
  rows.with(*id);
  while (rows.step())
    out.push_back({std::string{rows.bytes(0)}, rows.real(1), rows.integer(2)});
  return out;
}

result<faults_page> read_faults(sqlite_db& db, const faults_query& query) {
  std::optional<std::int64_t> equipment;
  if (!query.equipment.empty()) {
    const auto found = find_equipment(db, query.farm, query.equipment);
    if (!found)
      return found.error();
    equipment = *found;
  }
  auto rows = db.statement(
    "select f.name, e.name, ifnull(b.name, t.bus), t.source, t.iso_name, t.spn, t.fmi, "
    "t.first_seen, t.last_seen, t.cleared, t.appearances, t.occurrences, t.lamp from bus_fault t "
    "join equipment e on e.id = t.equipment_id join farm f on f.id = e.farm_id left join bus b on "
    "b.stream = t.stream and b.bus = t.bus where (?1 = '' or f.name = ?1) and t.equipment_id = "
    "ifnull(?2, t.equipment_id) and t.last_seen >= ifnull(?3, t.last_seen) and t.first_seen <= "
    "ifnull(?4, t.first_seen) and (t.cleared is null or ?5 = 0) order by t.last_seen desc, "
    "t.stream, t.first_seq, t.spn, t.fmi limit ?7 offset ?6");
  rows.with(query.farm, equipment, query.from_us, query.to_us, query.active ? 1 : 0, query.skip,
            std::uint64_t{page_rows_max});
  faults_page page;
  while (rows.step()) {
    auto& row = page.rows.emplace_back();
    row.farm = rows.bytes(0);
    row.equipment = rows.bytes(1);
    row.bus = rows.bytes(2);
    row.source = static_cast<std::int32_t>(rows.integer(3));
    if (!rows.null(4))
      row.iso_name = rows.natural(4);
    row.spn = static_cast<std::int32_t>(rows.integer(5));
    row.fmi = static_cast<std::int32_t>(rows.integer(6));
    row.first_us = rows.integer(7);
    row.last_us = rows.integer(8);
    if (!rows.null(9))
      row.cleared_us = rows.integer(9);
    row.appearances = static_cast<std::int32_t>(rows.integer(10));
    if (!rows.null(11))
      row.occurrences = static_cast<std::int32_t>(rows.integer(11));
    row.lamp = rows.bytes(12);
  }
  if (page.rows.size() == page_rows_max)
    page.next = query.skip + page.rows.size();
  return page;
}

result<digest_status> digest_progress(sqlite_db& db) {
  digest_status out;
  auto rows = db.statement(
    "select count(*), ifnull(sum(behind > 0), 0), ifnull(sum(behind), 0), min(oldest) from "
    "(select w.seq - ifnull(d.seq, 0) as behind, "
    "(select b.time_first from can_block b where b.stream = w.stream and b.seq_first > "
    "ifnull(d.seq, 0) order by b.seq_first limit 1) as oldest "
    "from stream_watermark w left join digest d on d.stream = w.stream)");
  if (!rows.step())
    return out;
  out.streams = rows.natural(0);
  out.streams_behind = rows.natural(1);
  out.items_behind = rows.natural(2);
  if (!rows.null(3))
    out.oldest_us = rows.integer(3);
  return out;
}

/// Reads on the reading connection.
class sqlite_history : public history_store {
public:
  explicit sqlite_history(sqlite_connections db) : reader_{std::move(db.reader)} {}

  void read_telemetry(history_query query, handler<telemetry_page> done) override {
    reader_->submit(std::move(done), [query = std::move(query)](sqlite_db& db) {
      return sqlite_work::read_telemetry(db, query);
    });
  }

  void read_rollup(history_query query,
                   std::string signal,
                   rollup_bucket bucket,
                   handler<rollup_page> done) override {
    reader_->submit(std::move(done),
                    [query = std::move(query), signal = std::move(signal), bucket](sqlite_db& db) {
                      return sqlite_work::read_rollup(db, query, signal, bucket);
                    });
  }

  void list_signals(std::string farm,
                    std::string equipment,
                    handler<std::vector<known_signal>> done) override {
    reader_->submit(std::move(done),
                    [farm = std::move(farm), equipment = std::move(equipment)](sqlite_db& db) {
                      return sqlite_work::list_signals(db, farm, equipment);
                    });
  }

  void read_faults(faults_query query, handler<faults_page> done) override {
    reader_->submit(std::move(done), [query = std::move(query)](sqlite_db& db) {
      return sqlite_work::read_faults(db, query);
    });
  }

  void digest_progress(handler<digest_status> done) override {
    reader_->submit(std::move(done),
                    [](sqlite_db& db) { return sqlite_work::digest_progress(db); });
  }

private:
  std::shared_ptr<sqlite_connection> reader_;
};

} // namespace

std::unique_ptr<history_store> make_history(sqlite_connections db) {
  return std::make_unique<sqlite_history>(std::move(db));
}

} // namespace furrow::storage::sqlite_work
