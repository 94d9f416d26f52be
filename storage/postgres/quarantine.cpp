#include "storage/quarantine.hpp"

#include "storage/append/quarantine_item.hpp"
#include "storage/identity/audit.hpp"
#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/locked_end.hpp"
#include "storage/postgres/connection/query_pool.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <utility>

namespace furrow::storage::postgres_work {

namespace {

constexpr const char* gone_sqlstate = "FW002";

quarantine_row row_at(const pq_rows& rows, int at) {
  quarantine_row row;
  row.farm = rows.text(at, 0);
  row.equipment = rows.text(at, 1);
  row.id = {static_cast<std::int32_t>(rows.integer(at, 2)), rows.natural(at, 3)};
  if (!rows.null(at, 4))
    row.time_us = rows.integer(at, 4) + epoch_2000_us;
  if (!rows.null(at, 5))
    row.kind = static_cast<std::uint16_t>(rows.integer(at, 5));
  row.reason = rows.text(at, 6);
  row.size = rows.natural(at, 7);
  row.bytes = rows.text(at, 8);
  return row;
}

/// The item, and the row id of its machine.
struct found_item {
  quarantine_row row;
  std::int32_t equipment = 0;
};

task<result<found_item>> find(pq_connection& db, const std::string& farm, quarantine_id id) {
  const auto reply = co_await db.query(
    "select f.name, e.name, q.stream, q.seq, q.time, q.kind, q.reason, length(q.bytes), q.bytes, "
    "q.equipment_id from furrow.quarantine q join furrow.equipment e on e.id = q.equipment_id "
    "join furrow.farm f on f.id = e.farm_id "
    "where q.stream = $2 and q.seq = $3 and q.dropped_at is null and ($1 = '' or f.name = $1)",
    pq_parameters{}.text(farm).int4(id.stream).int8(static_cast<std::int64_t>(id.seq)));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0)
    co_return not_in_quarantine(id);
  co_return found_item{row_at(rows, 0), static_cast<std::int32_t>(rows.integer(0, 9))};
}

task<result<quarantine_page>> list_quarantine(pq_connection& db,
                                              const quarantine_query& query,
                                              const std::optional<quarantine_id>& after) {
  const auto limit = std::clamp<std::size_t>(query.limit, 1, page_rows_max);
  const auto reply = co_await db.query(
    "select f.name, e.name, q.stream, q.seq, q.time, q.kind, q.reason, length(q.bytes), ''::bytea "
    "from furrow.quarantine q join furrow.equipment e on e.id = q.equipment_id "
    "join furrow.farm f on f.id = e.farm_id where q.dropped_at is null "
    "and ($1 = '' or f.name = $1) and ($2 = '' or e.name = $2) and (q.stream, q.seq) > ($3, $4) "
    "order by q.stream, q.seq limit $5",
    pq_parameters{}
      .text(query.farm)
      .text(query.equipment)
      .int4(after ? after->stream : 0)
      .int8(after ? static_cast<std::int64_t>(after->seq) : 0)
      .int8(static_cast<std::int64_t>(limit)));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  quarantine_page page;
  for (int at = 0; at < rows.size(); ++at)
    page.rows.push_back(row_at(rows, at));
  if (page.rows.size() == limit)
    page.next = page.rows.back().id;
  co_return page;
}

task<result<quarantine_row>>
show_quarantined(pq_connection& db, const std::string& farm, quarantine_id id) {
  const auto found = co_await find(db, farm, id);
  if (!found)
    co_return found.error();
  co_return found->row;
}

task<result<retry_outcome>>
retry_quarantined(pq_connection& db, const std::string& farm, quarantine_id id, const author& by) {
  const auto found = co_await find(db, farm, id);
  if (!found)
    co_return found.error();
  const restored_item item{found->row, {found->equipment, id.stream, 0}, time_us_min};
  if (!item.refusal().empty())
    co_return retry_outcome{false, item.refusal()};
  const auto note = note_statement(db, audit_of_quarantine(by, "quarantine retry", found->row));
  if (note.empty())
    co_return failure{errc::retry_later, "the change cannot be noted in the audit log"};
  const auto error = co_await run_attempt(db, item.attempt(), note);
  if (!error)
    co_return retry_outcome{true, {}};
  if (error->lost)
    co_return failure{errc::in_doubt, error->message};
  const auto why = error->judge();
  // Another retry was faster: the number is stored already, or the item is gone.
  if (error->sqlstate == gone_sqlstate || why == verdict::duplicate)
    co_return not_in_quarantine(id);
  if (why == verdict::poison)
    co_return retry_outcome{false, error->message};
  co_return error->as_failure();
}

task<result<done>>
drop_begun(pq_connection& db, const std::string& farm, quarantine_id id, const author& by) {
  const auto found = co_await find(db, farm, id);
  if (!found)
    co_return found.error();
  const auto reply =
    co_await db.query("update furrow.quarantine q set dropped_at = now(), bytes = '' "
                      "where q.stream = $1 and q.seq = $2 and q.dropped_at is null returning q.seq",
                      pq_parameters{}.int4(id.stream).int8(static_cast<std::int64_t>(id.seq)));
  if (reply.error)
    co_return reply.error->as_failure();
  if (pq_rows{reply.rows.get()}.size() == 0)
    co_return not_in_quarantine(id);
  const auto row = audit_of_quarantine(by, "quarantine drop", found->row);
  const auto failed = co_await note_change(db, row);
  if (failed)
    co_return failed->as_failure();
  co_return done{};
}

task<result<done>>
drop_quarantined(pq_connection& db, const std::string& farm, quarantine_id id, const author& by) {
  const auto begun = co_await db.run("begin");
  if (begun.error)
    co_return begun.error->as_failure();
  const auto dropped = co_await drop_begun(db, farm, id, by);
  co_return co_await end_with(db, dropped);
}

/// Reads on the query pool, changes on the connection that stores records.
class postgres_quarantine : public quarantine_store {
public:
  postgres_quarantine(std::shared_ptr<query_pool> queries, std::shared_ptr<postgres_pool> inserts)
    : queries_{std::move(queries)}, inserts_{std::move(inserts)} {}

  void list_quarantine(quarantine_query query,
                       std::optional<quarantine_id> after,
                       handler<quarantine_page> done) override {
    queries_->submit(
      job_of(false, std::move(done), [query = std::move(query), after](pq_connection& db) {
        return postgres_work::list_quarantine(db, query, after);
      }));
  }

  void show_quarantined(std::string farm, quarantine_id id, handler<quarantine_row> done) override {
    queries_->submit(
      job_of(false, std::move(done), [farm = std::move(farm), id](pq_connection& db) {
        return postgres_work::show_quarantined(db, farm, id);
      }));
  }

  void retry_quarantined(std::string farm,
                         quarantine_id id,
                         author by,
                         handler<retry_outcome> done) override {
    inserts_->submit(job_of(true, std::move(done),
                            [farm = std::move(farm), id, by = std::move(by)](pq_connection& db) {
                              return postgres_work::retry_quarantined(db, farm, id, by);
                            }));
  }

  void drop_quarantined(std::string farm,
                        quarantine_id id,
                        author by,
                        handler<furrow::done> dropped) override {
    inserts_->submit(job_of(true, std::move(dropped),
                            [farm = std::move(farm), id, by = std::move(by)](pq_connection& db) {
                              return postgres_work::drop_quarantined(db, farm, id, by);
                            }));
  }

private:
  std::shared_ptr<query_pool> queries_;
  std::shared_ptr<postgres_pool> inserts_;
};

} // namespace

std::unique_ptr<quarantine_store> make_quarantine(std::shared_ptr<query_pool> queries,
                                                  std::shared_ptr<postgres_pool> inserts) {
  return std::make_unique<postgres_quarantine>(std::move(queries), std::move(inserts));
}

} // namespace furrow::storage::postgres_work
