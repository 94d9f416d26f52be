#include "storage/move/aside.hpp"

#include "storage/append/quarantine.hpp"
#include "storage/postgres/work.hpp"
#include "storage/sqlite/work.hpp"

namespace furrow::storage::copy_aside {

using postgres_work::time_us_min;

void parted_block::read(const sqlite_statement& row) {
  run_.block.clear();
  if (!sqlite_work::read_block(row, run_))
    throw sqlite_error{SQLITE_CORRUPT, "stream " + std::to_string(row.integer(8)) + ", block "
                                         + std::to_string(run_.seq_first)
                                         + ": its columns do not agree"};
  const stream_claim claim{static_cast<std::int32_t>(row.integer(9)),
                           static_cast<std::int32_t>(row.integer(8)), 0};
  plan_.reset();
  slices_.clear();
  if (row.integer(10) >= time_us_min) {
    slices_.push_back({claim, run_.seq_first, &run_.block, 0, run_.block.size()});
    return;
  }
  // In the same slices that a node on PostgreSQL would store.
  const auto batch = std::make_shared<append_batch>();
  auto& append = batch->emplace_back();
  append.claim = claim;
  append.from = run_.seq_first - 1;
  append.to = append.from + run_.block.size();
  append.frames.push_back(run_);
  plan_.emplace(batch, time_us_min);
  slices_ = plan_->next()->frames;
}

std::span<const quarantine_ref> parted_block::undated() const {
  return plan_ ? std::span{plan_->next()->quarantine} : std::span<const quarantine_ref>{};
}

void make_table(sqlite_db& db) {
  db.run(
    "create table temp.set_aside (stream integer not null, seq integer not null, "
    "equipment_id integer not null, time integer, reason text not null, bytes blob not null, "
    "created_at integer not null, kind integer, dropped_at integer, primary key (stream, seq))");
}

namespace {

constexpr const char* put_aside_sql =
  "insert into temp.set_aside (stream, seq, equipment_id, time, reason, bytes, created_at, kind) "
  "select ?1, ?2, ?3, ?4, ?5, ?6, created_at, ?7 from stream where id = ?1";

void put_aside(sqlite_db& db, const quarantine_ref& item) {
  db.statement(put_aside_sql)
    .with(item.claim.stream, item.item->seq, item.claim.equipment, item.item->time_us,
          item.item->reason, std::span{item.item->bytes},
          item.item->kind ? std::optional<std::int64_t>{*item.item->kind} : std::nullopt)
    .run();
}

void put_undated_frames_aside(sqlite_db& db) {
  static const auto sql =
    std::string{blocks_sql} + "where time_first < " + std::to_string(time_us_min);
  auto rows = db.statement(sql.c_str());
  parted_block block;
  std::uint64_t count = 0;
  while (rows.step()) {
    block.read(rows);
    count += block.undated().size();
    if (count > set_aside_max)
      throw sqlite_error{SQLITE_TOOBIG, "more than " + std::to_string(set_aside_max)
                                          + " frames have times that PostgreSQL cannot hold"};
    for (const auto& item : block.undated())
      put_aside(db, item);
  }
}

void put_undated_records_aside(sqlite_db& db) {
  db.run("insert into temp.set_aside (stream, seq, equipment_id, time, reason, bytes, created_at, "
         "kind) select r.stream, r.seq, r.equipment_id, r.time, 'time before "
         + std::to_string(time_us_min)
         + " us', cast(r.body as blob), s.created_at, r.kind from item_record r join stream s on "
           "s.id = r.stream where r.time < "
         + std::to_string(time_us_min));
}

/// Asks PostgreSQL only about JSON that jsonb may reject and SQLite accepts: escapes of NUL and of surrogates, and
/// numbers with large exponents.
constexpr const char* doubtful_sql =
  "select stream, seq, equipment_id, time, body, kind from item_record where time >= ?1 and "
  "(instr(body, '\\u0000') > 0 or body glob '*\\u[dD][89a-fA-F]*' or body glob "
  "'*[0-9][eE]*[0-9][0-9][0-9][0-9]*')";

std::optional<failure> put_refused_records_aside(sqlite_db& db, const json_judge& judge) {
  auto rows = db.statement(doubtful_sql);
  rows.with(time_us_min);
  while (rows.step()) {
    const std::string body{rows.bytes(4)};
    const auto why = judge(body);
    if (!why)
      return why.error();
    if (!*why)
      continue;
    const quarantined_item item{rows.natural(1), rows.integer(3), as_text(**why), body,
                                static_cast<std::uint16_t>(rows.integer(5))};
    put_aside(db, {{static_cast<std::int32_t>(rows.integer(2)),
                    static_cast<std::int32_t>(rows.integer(0)), 0},
                   &item});
  }
  return std::nullopt;
}

} // namespace

std::optional<failure> put(sqlite_db& db, const json_judge& judge) {
  put_undated_frames_aside(db);
  put_undated_records_aside(db);
  return put_refused_records_aside(db, judge);
}

} // namespace furrow::storage::copy_aside
