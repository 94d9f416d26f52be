#include "storage/postgres/connection/locked_end.hpp"

#include "storage/postgres/connection/epoch.hpp"
#include "storage/postgres/connection/rows.hpp"

namespace furrow::storage::postgres_work {

namespace {

constexpr int lock_tries = 20;
constexpr std::chrono::milliseconds lock_pause{100};
constexpr const char* lock_sqlstate = "55P03";

} // namespace

task<void> roll_back(pq_connection& db) {
  if (!db.connected())
    co_return;
  const auto ended = co_await db.run("rollback");
  if (ended.error || !db.idle())
    db.close(); // closing the session ends the transaction
}

task<std::optional<pq_error>> end_transaction(pq_connection& db, bool commits) {
  if (!db.connected())
    co_return pq_error{true, {}, "connection lost", {}};
  const auto ended = co_await db.run(commits ? "commit" : "rollback");
  if (!db.idle())
    db.close();
  co_return ended.error;
}

task<result<std::int64_t>> moment(pq_connection& db, std::optional<std::int64_t> at_us) {
  if (at_us)
    co_return *at_us - epoch_2000_us;
  const auto reply = co_await db.query("select now()");
  if (reply.error)
    co_return reply.error->as_failure();
  co_return pq_rows{reply.rows.get()}.integer(0, 0);
}

std::string moment_text(std::int64_t us) {
  return "timestamptz '2000-01-01 00:00:00+00' + " + std::to_string(us)
         + " * interval '1 microsecond'";
}

task<result<locked_end>> end_locked(pq_connection& db, const std::string& statement) {
  for (int tried = 0; tried < lock_tries; ++tried) {
    // One message to the end: no other session waits for this process while the lock is held.
    const auto ended = co_await db.run("savepoint care; " + statement + "; commit");
    if (!ended.error) {
      if (db.warned())
        co_return failure{errc::retry_later, db.warning()};
      co_return locked_end::committed;
    }
    if (ended.error->sqlstate != lock_sqlstate) {
      co_await roll_back(db);
      co_return ended.error->as_failure();
    }
    const auto back = co_await db.run("rollback to savepoint care");
    if (back.error) {
      co_await roll_back(db);
      co_return back.error->as_failure();
    }
    co_await pause_for(lock_pause);
  }
  co_await roll_back(db);
  co_return locked_end::in_use;
}

task<result<pq::answer>>
committed(pq_connection& db, const char* sql, const pq_parameters& parameters) {
  auto reply = co_await db.query(sql, parameters);
  if (reply.error)
    co_return reply.error->as_failure();
  if (db.warned())
    co_return failure{errc::retry_later, db.warning()};
  co_return std::move(reply.rows);
}

task<std::optional<failure>> make_certain(pq_connection& db) {
  const auto written =
    co_await committed(db, "select pg_logical_emit_message(true, 'furrow', '')", {});
  co_return written ? std::nullopt : std::optional{written.error()};
}

} // namespace furrow::storage::postgres_work
