#include "storage/append/quarantine.hpp"
#include "storage/append/record_batch.hpp"
#include "storage/append/record_columns.hpp"
#include "storage/append/record_gatherer.hpp"
#include "storage/sqlite/areas.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/work.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace furrow::storage::sqlite_work {

namespace {

/// The database's reason for rejecting a row; absent when it was stored.
std::optional<std::string> try_rows(sqlite_db& db, const append_attempt& attempt) {
  db.run("savepoint records");
  try {
    insert_rows(db, attempt);
  } catch (const sqlite_error& error) {
    const auto why = judge_sqlite(error.code);
    if (why != verdict::poison && why != verdict::duplicate)
      throw;
    db.run("rollback to records; release records");
    return error.detail;
  }
  db.run("release records");
  return std::nullopt;
}

/// Stores the rows one by one; a rejected row gets its reason.
void store_singly(sqlite_db& db,
                  const record_batch& batch,
                  const stream_claim& claim,
                  std::uint64_t seq,
                  record_batch_outcome& outcome) {
  for (std::size_t i = 0; i < batch.records.size(); ++i) {
    if (!outcome.refused[i].empty())
      continue;
    const numbered_record row{seq + 1, batch.records[i]};
    append_attempt one;
    one.add_record({claim, &row});
    if (const auto why = try_rows(db, one))
      outcome.refused[i] = as_text(*why);
    else
      ++seq;
  }
}

void keep_key(sqlite_db& db, const batch_mark& mark) {
  db.statement("insert into record_batch (stream, key, equipment_id, seq_first, records, refused, "
               "sha256) values (?, ?, ?, ?, ?, ?, nullif(?, ''))")
    .with(mark.claim.stream, mark.key, mark.claim.equipment, mark.seq_first,
          std::int64_t{mark.records}, mark.refused, mark.sha256)
    .run();
}

/// Within a transaction. `stored` stays false when there is nothing to commit.
result<record_batch_outcome> insert_batch(sqlite_db& db, const record_batch& batch, bool& stored) {
  auto judged = judge_batch(batch);
  if (!judged)
    return judged.error();
  auto outcome = std::move(*judged);
  const auto claim = find_or_make(db, {batch.farm, batch.equipment, direct_stream, {}, {}});
  {
    auto known = db.statement(
      "select records, refused, sha256 from record_batch where stream = ? and key = ?");
    known.with(claim.stream, batch.key);
    if (known.step())
      return known_outcome(batch, {known.natural(0), std::string{known.bytes(1)},
                                   known.null(2) ? "" : std::string{known.bytes(2)}});
  }
  std::uint64_t seq = 0;
  {
    auto standing = db.statement("select seq from stream_watermark where stream = ?");
    standing.with(claim.stream);
    if (standing.step())
      seq = standing.natural(0);
  }
  auto rows = numbered(batch, outcome, seq);
  if (rows.empty())
    return outcome;
  if (try_rows(db, attempt_of(batch, outcome, claim, seq, rows))) {
    store_singly(db, batch, claim, seq, outcome);
    rows = numbered(batch, outcome, seq);
    if (rows.empty())
      return outcome;
  }
  const auto attempt = attempt_of(batch, outcome, claim, seq, rows);
  keep_key(db, attempt.batches.front());
  db.statement("update stream_watermark set seq = ?2, sent = max(sent, ?2) where stream = ?1")
    .with(claim.stream, attempt.steps.front().to)
    .run();
  stored = true;
  return outcome;
}

/// `select ... ` of each known kind, and of all others at the end.
std::vector<std::string> make_selects() {
  std::vector<std::string> made;
  const std::string rest =
    " and time >= max(ifnull(?2, ?4), ?4) and time <= ifnull(?3, time) "
    "and (time, stream, seq) > (?4, ?5, ?6) order by time, stream, seq limit ?8";
  for (const auto& kind : can::record_kinds()) {
    auto& sql = made.emplace_back("select time, stream, seq");
    for (const auto& column : record_columns(kind))
      sql.append(", ").append(column);
    sql.append(" from ").append(kind.table).append(" where ?7 = ?7 and equipment_id = ?1" + rest);
  }
  made.push_back("select time, stream, seq, body from item_record where kind = ?7 and "
                 "equipment_id = ?1"
                 + rest);
  return made;
}

result<record_group_outcomes> insert_record_group(sqlite_db& db,
                                                  const std::vector<record_batch>& group) {
  record_group_outcomes out;
  out.reserve(group.size());
  sqlite_transaction transaction{db};
  for (const auto& batch : group) {
    db.run("savepoint batch");
    bool stored = false;
    out.push_back(insert_batch(db, batch, stored));
    db.run(stored ? "release batch" : "rollback to batch; release batch");
  }
  transaction.commit();
  return out;
}

result<records_page> read_records(sqlite_db& db,
                                  const records_query& query,
                                  const std::optional<records_cursor>& after) {
  static const auto selects = make_selects();
  const auto equipment = find_equipment(db, query.farm, query.equipment);
  if (!equipment)
    return equipment.error();
  const auto* kind = can::find_record_kind(query.kind);
  const auto& sql = kind != nullptr
                      ? selects[static_cast<std::size_t>(kind - can::record_kinds().data())]
                      : selects.back();
  const auto limit = std::clamp<std::size_t>(query.limit, 1, page_rows_max);
  auto rows = db.statement(sql.c_str());
  rows.with(*equipment, query.from_us, query.to_us,
            after ? after->time_us : std::numeric_limits<std::int64_t>::min(),
            after ? after->stream : 0, after ? after->seq : std::uint64_t{0},
            std::int64_t{query.kind}, std::uint64_t{limit});
  records_page page;
  while (rows.step()) {
    auto& row = page.rows.emplace_back();
    row.time_us = rows.integer(0);
    row.stream = static_cast<std::int32_t>(rows.integer(1));
    row.seq = rows.natural(2);
    if (kind == nullptr)
      row.values.emplace_back(std::string{rows.bytes(3)});
    else
      row.values = fields_in(rows, 3, *kind);
  }
  if (page.rows.size() == limit)
    page.next =
      records_cursor{page.rows.back().time_us, page.rows.back().stream, page.rows.back().seq};
  return page;
}

/// Reads on the reading connection; groups of batches on the writing one.
class sqlite_records : public record_store {
public:
  explicit sqlite_records(const sqlite_connections& db)
    : reader_{db.reader},
      // A plain reference: an answer on the writer's own thread must not keep the writer alive.
      gatherer_{std::make_shared<record_gatherer>(
        [&writer = *db.writer](record_group group, handler<record_group_outcomes> done) {
          writer.submit(std::move(done), [group = std::move(group)](sqlite_db& on) {
            return insert_record_group(on, *group);
          });
        })} {}

  void insert_records(record_batch batch, handler<record_batch_outcome> done) override {
    gatherer_->submit(std::move(batch), std::move(done));
  }

  void read_records(records_query query,
                    std::optional<records_cursor> after,
                    handler<records_page> done) override {
    reader_->submit(std::move(done), [query = std::move(query), after](sqlite_db& db) {
      return sqlite_work::read_records(db, query, after);
    });
  }

private:
  std::shared_ptr<sqlite_connection> reader_;
  std::shared_ptr<record_gatherer> gatherer_;
};

} // namespace

std::unique_ptr<record_store> make_records(const sqlite_connections& db) {
  return std::make_unique<sqlite_records>(db);
}

} // namespace furrow::storage::sqlite_work
