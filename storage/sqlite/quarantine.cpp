#include "storage/quarantine.hpp"

#include "storage/append/quarantine_item.hpp"
#include "storage/identity/audit.hpp"
#include "storage/sqlite/areas.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/work.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace furrow::storage::sqlite_work {

namespace {

quarantine_row row_at(const sqlite_statement& rows) {
  quarantine_row row;
  row.farm = rows.bytes(0);
  row.equipment = rows.bytes(1);
  row.id = {static_cast<std::int32_t>(rows.integer(2)), rows.natural(3)};
  if (!rows.null(4))
    row.time_us = rows.integer(4);
  if (!rows.null(5))
    row.kind = static_cast<std::uint16_t>(rows.integer(5));
  row.reason = rows.bytes(6);
  row.size = rows.natural(7);
  row.bytes = rows.bytes(8);
  return row;
}

/// The item, and the row id of its machine.
struct found_item {
  quarantine_row row;
  std::int32_t equipment = 0;
};

result<found_item> find(sqlite_db& db, const std::string& farm, quarantine_id id) {
  auto rows = db.statement(
    "select f.name, e.name, q.stream, q.seq, q.time, q.kind, q.reason, length(q.bytes), q.bytes, "
    "q.equipment_id from quarantine q join equipment e on e.id = q.equipment_id "
    "join farm f on f.id = e.farm_id "
    "where q.stream = ?2 and q.seq = ?3 and q.dropped_at is null and (?1 = '' or f.name = ?1)");
  rows.with(farm, id.stream, id.seq);
  if (!rows.step())
    return not_in_quarantine(id);
  return found_item{row_at(rows), static_cast<std::int32_t>(rows.integer(9))};
}

result<quarantine_page> list_quarantine(sqlite_db& db,
                                        const quarantine_query& query,
                                        const std::optional<quarantine_id>& after) {
  const auto limit = std::clamp<std::size_t>(query.limit, 1, page_rows_max);
  auto rows = db.statement(
    "select f.name, e.name, q.stream, q.seq, q.time, q.kind, q.reason, length(q.bytes), x'' "
    "from quarantine q join equipment e on e.id = q.equipment_id "
    "join farm f on f.id = e.farm_id where q.dropped_at is null "
    "and (?1 = '' or f.name = ?1) and (?2 = '' or e.name = ?2) and (q.stream, q.seq) > (?3, ?4) "
    "order by q.stream, q.seq limit ?5");
  rows.with(query.farm, query.equipment, after ? after->stream : 0,
            after ? after->seq : std::uint64_t{0}, std::uint64_t{limit});
  quarantine_page page;
  while (rows.step())
    page.rows.push_back(row_at(rows));
  if (page.rows.size() == limit)
    page.next = page.rows.back().id;
  return page;
}

result<quarantine_row> show_quarantined(sqlite_db& db, const std::string& farm, quarantine_id id) {
  auto found = find(db, farm, id);
  if (!found)
    return found.error();
  return found->row;
}

result<retry_outcome>
retry_quarantined(sqlite_db& db, const std::string& farm, quarantine_id id, const author& by) {
  sqlite_transaction transaction{db};
  const auto found = find(db, farm, id);
  if (!found)
    return found.error();
  const restored_item item{
    found->row, {found->equipment, id.stream, 0}, std::numeric_limits<std::int64_t>::min()};
  if (!item.refusal().empty())
    return retry_outcome{false, item.refusal()};
  try {
    insert_rows(db, item.attempt());
  } catch (const sqlite_error& error) {
    if (judge_sqlite(error.code) != verdict::poison)
      throw;
    return retry_outcome{false, error.detail};
  }
  db.statement("delete from quarantine where stream = ? and seq = ?").with(id.stream, id.seq).run();
  note_change(db, audit_of_quarantine(by, "quarantine retry", found->row));
  transaction.commit();
  return retry_outcome{true, {}};
}

result<done>
drop_quarantined(sqlite_db& db, const std::string& farm, quarantine_id id, const author& by) {
  sqlite_transaction transaction{db};
  const auto found = find(db, farm, id);
  if (!found)
    return found.error();
  db.statement("update quarantine set dropped_at = unixepoch(), bytes = x'' "
               "where stream = ? and seq = ? and dropped_at is null")
    .with(id.stream, id.seq)
    .run();
  note_change(db, audit_of_quarantine(by, "quarantine drop", found->row));
  transaction.commit();
  return done{};
}

/// Reads on the reading connection, changes on the writing one.
class sqlite_quarantine : public quarantine_store {
public:
  explicit sqlite_quarantine(sqlite_connections db)
    : writer_{std::move(db.writer)}, reader_{std::move(db.reader)} {}

  void list_quarantine(quarantine_query query,
                       std::optional<quarantine_id> after,
                       handler<quarantine_page> done) override {
    reader_->submit(std::move(done), [query = std::move(query), after](sqlite_db& db) {
      return sqlite_work::list_quarantine(db, query, after);
    });
  }

  void show_quarantined(std::string farm, quarantine_id id, handler<quarantine_row> done) override {
    reader_->submit(std::move(done), [farm = std::move(farm), id](sqlite_db& db) {
      return sqlite_work::show_quarantined(db, farm, id);
    });
  }

  void retry_quarantined(std::string farm,
                         quarantine_id id,
                         author by,
                         handler<retry_outcome> done) override {
    writer_->submit(std::move(done),
                    [farm = std::move(farm), id, by = std::move(by)](sqlite_db& db) {
                      return sqlite_work::retry_quarantined(db, farm, id, by);
                    });
  }

  void drop_quarantined(std::string farm,
                        quarantine_id id,
                        author by,
                        handler<furrow::done> dropped) override {
    writer_->submit(std::move(dropped),
                    [farm = std::move(farm), id, by = std::move(by)](sqlite_db& db) {
                      return sqlite_work::drop_quarantined(db, farm, id, by);
                    });
  }

private:
  std::shared_ptr<sqlite_connection> writer_;
  std::shared_ptr<sqlite_connection> reader_;
};

} // namespace

std::unique_ptr<quarantine_store> make_quarantine(sqlite_connections db) {
  return std::make_unique<sqlite_quarantine>(std::move(db));
}

} // namespace furrow::storage::sqlite_work
