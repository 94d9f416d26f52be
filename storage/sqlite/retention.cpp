#include "storage/sqlite/retention.hpp"

#include "storage/sqlite/areas.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/retention/cutoffs.hpp"
#include "storage/sqlite/retention/telemetry_tiers.hpp"
#include "storage/sqlite/work.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace furrow::storage::sqlite_work {

namespace {

std::int64_t moment(sqlite_db& db, std::optional<std::int64_t> at_us) {
  if (at_us)
    return *at_us;
  auto row = db.statement("select unixepoch()");
  row.step();
  return row.integer(0) * 1'000'000;
}

using ranges_of = std::map<std::int32_t, number_ranges>;

constexpr const char* due_blocks =
  "from can_block b join equipment e on e.id = b.equipment_id "
  "where e.farm_id = ?1 and b.time_last < ?2 and "
  "(not exists (select 1 from digest) or b.seq_first + b.frames - 1 <= "
  "ifnull((select d.seq from digest d where d.stream = b.stream), 0)) "
  "and not exists (select 1 from forward_hold h where h.stream = b.stream and h.kept_from < "
  "b.seq_first + b.frames)";

/// Statements live as long as the program: the connection finds prepared statements by their address.
struct record_table {
  data_kind kind;
  std::string select; // rowid, stream, seq
  std::string remove; // by rowid
  std::string preview;

  record_table(data_kind of, const std::string& table, const std::string& condition)
    : kind{of}, select{"select r.rowid, r.stream, r.seq" + from(table, condition) + " limit ?3"},
      remove{"delete from " + table + " where rowid = ?1"}, preview{"select count(*), min(r.time), "
                                                                    "max(r.time)"
                                                                    + from(table, condition)} {}

private:
  static std::string from(const std::string& table, const std::string& condition) {
    return " from " + table
           + " r join equipment e on e.id = r.equipment_id where e.farm_id = ?1 and r.time < ?2 "
             "and "
             "not exists (select 1 from forward_hold h where h.stream = r.stream and h.kept_from "
             "<= "
             "r.seq)"
           + condition;
  }
};

const std::vector<record_table>& record_tables() {
  static const std::vector<record_table> tables{
    {data_kind::sensor, "sensor_reading", ""},
    {data_kind::yield, "yield_sample", ""},
    {data_kind::tokens, "token_usage", ""},
    {data_kind::fault, "fault", ""},
    {data_kind::other, "item_record", " and r.kind <> 32767"}};
  return tables;
}

bool expire_frames(sqlite_db& db, std::int64_t at_us, expire_outcome& out) {
  static const std::string select =
    std::string{"select b.rowid, b.stream, b.seq_first, b.frames "} + due_blocks + " limit ?3";
  ranges_of gone;
  std::int64_t left = chunks_a_batch;
  for (const auto& farm : cutoffs(db, data_kind::frames, at_us)) {
    std::vector<std::int64_t> rows_gone;
    {
      auto rows = db.statement(select.c_str());
      rows.with(farm.farm, farm.time_us, left);
      while (rows.step()) {
        rows_gone.push_back(rows.integer(0));
        gone[static_cast<std::int32_t>(rows.integer(1))].push_back(
          {rows.natural(2), rows.natural(2) + rows.natural(3) - 1});
        out.frames += rows.natural(3);
        --left;
      }
    }
    for (const auto row : rows_gone)
      db.statement("delete from can_block where rowid = ?1").with(row).run();
    out.chunks += rows_gone.size();
  }
  for (auto& [stream, ranges] : gone)
    note_expired(db, stream, std::move(ranges));
  return left == 0;
}

/// Deletes keys of batches whose records are gone. A key must be past that age itself: then no client repeats it.
void expire_batch_keys(sqlite_db& db, std::int64_t at_us) {
  std::map<std::int64_t, std::int64_t> newest; // of each farm, the latest of its cutoffs
  for (const auto& table : record_tables())
    for (const auto& farm : record_cutoffs(db, table.kind, at_us)) {
      const auto at = newest.try_emplace(farm.farm, farm.time_us).first;
      at->second = std::max(at->second, farm.time_us);
    }
  for (const auto& [farm, time_us] : newest)
    db.statement("delete from record_batch where (stream, key) in (select b.stream, b.key from "
                 "record_batch b join equipment e on e.id = b.equipment_id where e.farm_id = ?1 "
                 "and b.created_at < ?2 / 1000000 and exists (select 1 from expired x where "
                 "x.stream = b.stream and x.first <= b.seq_first and x.last >= b.seq_first + "
                 "b.records - 1 - (length(b.refused) - length(replace(b.refused, char(10), '')))) "
                 "limit ?3)")
      .with(farm, time_us, rows_a_batch)
      .run();
}

bool expire_records(sqlite_db& db, std::int64_t at_us, expire_outcome& out) {
  ranges_of gone;
  std::int64_t left = rows_a_batch;
  for (const auto& table : record_tables())
    for (const auto& farm : record_cutoffs(db, table.kind, at_us)) {
      std::vector<std::int64_t> rows_gone;
      {
        auto rows = db.statement(table.select.c_str());
        rows.with(farm.farm, farm.time_us, left);
        while (rows.step()) {
          rows_gone.push_back(rows.integer(0));
          gone[static_cast<std::int32_t>(rows.integer(1))].push_back(
            {rows.natural(2), rows.natural(2)});
        }
      }
      for (const auto row : rows_gone)
        db.statement(table.remove.c_str()).with(row).run();
      left -= static_cast<std::int64_t>(rows_gone.size());
      out.records += rows_gone.size();
    }
  for (auto& [stream, ranges] : gone)
    note_expired(db, stream, std::move(ranges));
  expire_batch_keys(db, at_us);
  return left == 0;
}

/// Rollups and faults of the bus: the ledger does not count them.
bool expire_derived(sqlite_db& db, std::int64_t at_us, expire_outcome& out) {
  std::int64_t left = rows_a_batch;
  for (const auto& farm : cutoffs(db, data_kind::rollup, at_us)) {
    db.statement("delete from rollup where (equipment_id, signal, minute) in (select "
                 "r.equipment_id, r.signal, r.minute from rollup r join equipment e on e.id = "
                 "r.equipment_id where e.farm_id = ?1 and r.minute < ?2 limit ?3)")
      .with(farm.farm, farm.time_us, left)
      .run();
    left -= db.changes();
    out.rollup += static_cast<std::uint64_t>(db.changes());
  }
  for (const auto& farm : record_cutoffs(db, data_kind::fault, at_us)) {
    db.statement("delete from bus_fault where (stream, first_seq, spn, fmi) in (select f.stream, "
                 "f.first_seq, f.spn, f.fmi from bus_fault f join equipment e on e.id = "
                 "f.equipment_id where e.farm_id = ?1 and f.last_seen < ?2 limit ?3)")
      .with(farm.farm, farm.time_us, left)
      .run();
    left -= db.changes();
    out.faults += static_cast<std::uint64_t>(db.changes());
  }
  return left == 0;
}

} // namespace

void note_expired(sqlite_db& db, std::int32_t stream, number_ranges ranges) {
  ranges = merged(std::move(ranges));
  const auto low = ranges.front().first;
  const auto high = ranges.back().last;
  {
    auto rows = db.statement(
      "select first, last from expired where stream = ?1 and first <= ?3 + 1 and last >= ?2 - 1");
    rows.with(stream, low, high);
    while (rows.step())
      ranges.push_back({rows.natural(0), rows.natural(1)});
  }
  db.statement("delete from expired where stream = ?1 and first <= ?3 + 1 and last >= ?2 - 1")
    .with(stream, low, high)
    .run();
  for (const auto& one : merged(std::move(ranges)))
    db.statement("insert into expired (stream, first, last) values (?1, ?2, ?3)")
      .with(stream, one.first, one.last)
      .run();
}

namespace {

expire_outcome expire_step(sqlite_db& db, std::optional<std::int64_t> at_us) {
  const auto at = moment(db, at_us);
  expire_outcome out;
  sqlite_transaction transaction{db};
  out.more = expire_frames(db, at, out);
  if (!out.more)
    out.more = expire_records(db, at, out);
  if (!out.more)
    out.more = expire_telemetry(db, at, out.telemetry);
  if (!out.more)
    out.more = expire_derived(db, at, out);
  transaction.commit();
  return out;
}

result<std::vector<retention_rule>> list_retention(sqlite_db& db) {
  std::vector<retention_rule> out;
  auto rows = db.statement("select ifnull(f.name, ''), r.kind, r.keep_days from retention r left "
                           "join farm f on f.id = r.farm_id order by f.name, r.kind");
  while (rows.step()) {
    const auto kind = data_kind_of(rows.bytes(1));
    if (!kind)
      return failure{errc::misconfigured,
                     "retention of an unknown kind " + std::string{rows.bytes(1)}};
    auto& rule = out.emplace_back();
    rule.farm = rows.bytes(0);
    rule.kind = *kind;
    if (!rows.null(2))
      rule.keep_days = static_cast<std::uint32_t>(rows.integer(2));
  }
  return out;
}

result<done> set_retention(sqlite_db& db, const retention_rule& rule) {
  std::optional<std::int64_t> days;
  if (rule.keep_days)
    days = *rule.keep_days;
  db.statement(
      "insert into retention (farm_id, kind, keep_days) select f.id, ?2, ?3 from (select id from "
      "farm where name = ?1 union all select null where ?1 = '') f where true on conflict "
      "(coalesce(farm_id, 0), kind) do update set keep_days = excluded.keep_days, changed_at = "
      "unixepoch()")
    .with(rule.farm, to_string(rule.kind), days)
    .run();
  if (db.changes() == 0)
    return failure{errc::not_found, "no farm " + rule.farm};
  return done{};
}

result<done> clear_retention(sqlite_db& db, const std::string& farm, data_kind kind) {
  db.statement("delete from retention where kind = ?2 and case when ?1 = '' then farm_id is null "
               "else farm_id = (select id from farm where name = ?1) end")
    .with(farm, to_string(kind))
    .run();
  if (db.changes() == 0)
    return failure{errc::not_found, "the farm has no such rule"};
  return done{};
}

/// Adds the result of one statement (count, oldest, newest, items, bytes).
void add_loss(
  retention_preview& out, sqlite_statement& row, const cutoff& farm, data_kind kind, bool items) {
  row.with(farm.farm, farm.time_us);
  if (!row.step() || row.integer(0) == 0)
    return;
  auto& losses = out.losses;
  auto at = std::find_if(losses.begin(), losses.end(), [&](const retention_loss& one) {
    return one.farm == farm.name && one.kind == kind;
  });
  if (at == losses.end())
    at =
      losses.insert(at, {farm.name, kind, farm.time_us, 0, 0, 0, row.integer(1), row.integer(2)});
  auto& loss = *at;
  loss.rows += row.natural(0);
  loss.items += items ? row.natural(0) : 0;
  loss.oldest_us = std::min(loss.oldest_us, row.integer(1));
  loss.newest_us = std::max(loss.newest_us, row.integer(2));
}

result<retention_preview> preview_retention(sqlite_db& db,
                                            std::optional<std::int64_t> at_us,
                                            const retention_rule* wish = nullptr) {
  static const std::string blocks =
    std::string{"select count(*), min(b.time_first), max(b.time_last), sum(b.frames), "
                "sum(length(b.headers) + length(b.header_index) + length(b.time_offset) + "
                "length(b.payload) + ifnull(length(b.long_payload), 0)) "}
    + due_blocks;
  const auto at = moment(db, at_us);
  retention_preview out;
  for (const auto& farm : cutoffs(db, data_kind::frames, at, wish)) {
    auto row = db.statement(blocks.c_str());
    row.with(farm.farm, farm.time_us);
    if (row.step() && row.integer(0) > 0)
      out.losses.push_back({farm.name, data_kind::frames, farm.time_us, row.natural(0),
                            row.natural(3), row.natural(4), row.integer(1), row.integer(2)});
  }
  for (const auto& table : record_tables())
    for (const auto& farm : record_cutoffs(db, table.kind, at, wish)) {
      auto row = db.statement(table.preview.c_str());
      add_loss(out, row, farm, farm.rule, true);
    }
  for (const auto& farm : record_cutoffs(db, data_kind::fault, at, wish)) {
    auto row = db.statement("select count(*), min(f.last_seen), max(f.last_seen) from bus_fault f "
                            "join equipment e on e.id = f.equipment_id where e.farm_id = ?1 and "
                            "f.last_seen < ?2");
    add_loss(out, row, farm, farm.rule, false);
  }
  for (const auto tier : {data_kind::telemetry, data_kind::telemetry_10s, data_kind::telemetry_1m})
    for (const auto& farm : cutoffs(db, tier, at, wish)) {
      auto row = db.statement(telemetry_preview(tier));
      add_loss(out, row, farm, tier, false);
    }
  for (const auto& farm : cutoffs(db, data_kind::rollup, at, wish)) {
    auto row = db.statement("select count(*), min(r.minute), max(r.minute) from rollup r join "
                            "equipment e on e.id = r.equipment_id where e.farm_id = ?1 and "
                            "r.minute < ?2");
    add_loss(out, row, farm, data_kind::rollup, false);
  }
  std::stable_sort(out.losses.begin(), out.losses.end(),
                   [](const auto& a, const auto& b) { return a.farm < b.farm; });
  return out;
}

result<retention_preview> preview_rule(sqlite_db& db, const retention_rule& rule) {
  auto farm = db.statement("select 1 from farm where ?1 = '' or name = ?1");
  farm.with(rule.farm);
  if (!rule.farm.empty() && !farm.step())
    return failure{errc::not_found, "no farm " + rule.farm};
  return preview_retention(db, std::nullopt, &rule);
}

/// Retention goes step by step, each a job of its own, so that appends come in between.
class sqlite_retention : public retention_store {
public:
  explicit sqlite_retention(sqlite_connections db)
    : writer_{std::move(db.writer)}, reader_{std::move(db.reader)} {}

  void list_retention(handler<std::vector<retention_rule>> done) override {
    reader_->submit(std::move(done), [](sqlite_db& db) { return sqlite_work::list_retention(db); });
  }
  void set_retention(retention_rule rule, handler<furrow::done> done) override {
    writer_->submit(std::move(done), [rule = std::move(rule)](sqlite_db& db) {
      return sqlite_work::set_retention(db, rule);
    });
  }
  void clear_retention(std::string farm, data_kind kind, handler<furrow::done> done) override {
    writer_->submit(std::move(done), [farm = std::move(farm), kind](sqlite_db& db) {
      return sqlite_work::clear_retention(db, farm, kind);
    });
  }
  void preview_retention(std::optional<std::int64_t> at_us,
                         handler<retention_preview> done) override {
    reader_->submit(std::move(done),
                    [at_us](sqlite_db& db) { return sqlite_work::preview_retention(db, at_us); });
  }
  void preview_rule(retention_rule rule, handler<retention_preview> done) override {
    reader_->submit(std::move(done), [rule = std::move(rule)](sqlite_db& db) {
      return sqlite_work::preview_rule(db, rule);
    });
  }
  void expire(expire_request request, handler<expire_outcome> done) override {
    step(writer_, request, 0, {}, std::move(done));
  }

private:
  static void step(const std::shared_ptr<sqlite_connection>& writer,
                   const expire_request& request,
                   std::uint32_t steps,
                   const expire_outcome& so_far,
                   handler<expire_outcome> done) {
    handler<expire_outcome> next = [writer, request, steps, so_far,
                                    done = std::move(done)](storage::result<expire_outcome> part) {
      if (!part) {
        done(std::move(part));
        return;
      }
      auto total = so_far;
      total.chunks += part->chunks;
      total.frames += part->frames;
      total.records += part->records;
      total.telemetry += part->telemetry;
      total.rollup += part->rollup;
      total.faults += part->faults;
      total.more = part->more && request.steps_max > 0 && steps + 1 >= request.steps_max;
      if (!part->more || total.more)
        done(total);
      else
        step(writer, request, steps + 1, total, done);
    };
    writer->submit(std::move(next),
                   [at_us = request.at_us](sqlite_db& db) -> result<expire_outcome> {
                     return sqlite_work::expire_step(db, at_us);
                   });
  }

  std::shared_ptr<sqlite_connection> writer_;
  std::shared_ptr<sqlite_connection> reader_;
};

} // namespace

std::unique_ptr<retention_store> make_retention(sqlite_connections db) {
  return std::make_unique<sqlite_retention>(std::move(db));
}

} // namespace furrow::storage::sqlite_work
