#include "storage/partitions.hpp"

#include "storage/failpoint.hpp"
#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/locked_end.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/work.hpp"

#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace furrow::storage::postgres_work {

namespace {

/// A large backfill may move rows in one transaction, so the lane's own time-outs do not apply.
/// Only upkeep takes these locks on rows and tables, so nothing else waits for them.
constexpr const char* begin_text =
  "begin; set local lock_timeout = '100ms'; set local statement_timeout = '30min'; "
  "select furrow.care_lock()";

/// Reads every row of the telemetry that was there before its partitions, once in the life of a database.
constexpr const char* check_text =
  "set local statement_timeout = '6h'; select furrow.check_telemetry()";

struct slot {
  const char* of_table = nullptr;
  std::int64_t from_us = 0; // since 2000
  std::int64_t to_us = 0;
};

std::string call_of(const char* function, const slot& of) {
  return std::string{"select furrow."} + function + "(" + moment_text(of.from_us) + ", "
         + moment_text(of.to_us) + ", '" + of.of_table + "')";
}

/// True: this transaction holds the care lock.
task<result<bool>> begin_care(pq_connection& db) {
  const auto begun = co_await db.run(begin_text);
  if (begun.error) {
    co_await roll_back(db);
    co_return begun.error->as_failure();
  }
  const bool mine = PQgetvalue(begun.rows.get(), 0, 0)[0] == 't';
  if (!mine)
    co_await roll_back(db);
  co_return mine;
}

task<result<std::vector<slot>>> wanted(pq_connection& db, const char* of_table, std::int64_t at) {
  const auto reply =
    co_await db.query("select time_from, time_to from furrow.wanted_partitions($1, $2)",
                      pq_parameters{}.timestamptz(at).text(of_table));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<slot> out;
  out.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row)
    out.push_back({of_table, rows.integer(row, 0), rows.integer(row, 1)});
  co_return out;
}

/// Makes one partition in one transaction. False: it is postponed.
task<result<bool>> make_partition(pq_connection& db, slot of, partition_outcome& outcome) {
  const auto mine = co_await begin_care(db);
  if (!mine)
    co_return mine.error();
  if (!*mine) {
    outcome.busy = true;
    co_return false;
  }
  const auto opened = co_await db.run(call_of("open_partition", of));
  if (opened.error) {
    co_await roll_back(db);
    if (opened.error->sqlstate == "42P07")
      co_return true; // another node has made it in the meantime
    co_return opened.error->as_failure();
  }
  const std::string moved = PQgetvalue(opened.rows.get(), 0, 0);
  if (failpoint::hit(failpoint::care_opened)) {
    co_await roll_back(db);
    co_return failure{errc::retry_later, "failpoint"};
  }
  const auto ended = co_await end_locked(db, call_of("attach_partition", of));
  if (!ended)
    co_return ended.error();
  if (*ended == locked_end::in_use) {
    outcome.fault = std::string{of.of_table} + " is in use by statements that run for long";
    co_return false;
  }
  ++outcome.made;
  outcome.moved += std::stoull(moved);
  if (failpoint::hit(failpoint::care_attached))
    co_return failure{errc::retry_later, "failpoint"};
  co_return true;
}

/// Looks at all rows, in a transaction of its own: it may take long. False: another node is at work.
task<result<bool>> check_telemetry(pq_connection& db, partition_outcome& outcome) {
  const auto mine = co_await begin_care(db);
  if (!mine)
    co_return mine.error();
  outcome.busy = !*mine;
  if (!*mine)
    co_return false;
  const auto done = co_await db.run(check_text);
  const auto failed = co_await end_transaction(db, !done.error);
  if (done.error || failed)
    co_return (done.error ? *done.error : *failed).as_failure();
  co_return true;
}

/// Gives telemetry its partitions, where a step of the schema found rows in it.
task<result<done>> settle_telemetry(pq_connection& db, partition_outcome& outcome) {
  const auto reply = co_await db.query(
    "select telemetry_before is not null from furrow.partitioning", pq_parameters{});
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0 || rows.integer(0, 0) == 0)
    co_return done{};
  const auto checked = co_await check_telemetry(db, outcome);
  if (!checked)
    co_return checked.error();
  if (!*checked)
    co_return done{};
  const auto mine = co_await begin_care(db);
  if (!mine)
    co_return mine.error();
  outcome.busy = !*mine;
  if (!*mine)
    co_return done{};
  const auto ended = co_await end_locked(db, "select furrow.settle_telemetry()");
  if (!ended)
    co_return ended.error();
  if (*ended == locked_end::in_use) {
    outcome.fault = "telemetry is in use by statements that run for long";
    ++outcome.waiting;
  }
  co_return done{};
}

/// The partitions that a table wants. A failure of one does not keep the others from being made.
task<result<done>>
make_wanted(pq_connection& db, const char* of_table, std::int64_t at, partition_outcome& to) {
  const auto slots = co_await wanted(db, of_table, at);
  if (!slots)
    co_return slots.error();
  for (const auto& one : *slots) {
    const auto made = co_await make_partition(db, one, to);
    if (!made) {
      if (!db.connected() || failpoint::enabled)
        co_return made.error();
      to.fault = made.error().detail;
    }
    if (to.busy)
      break;
    to.waiting += made && *made ? 0 : 1;
  }
  co_return done{};
}

task<result<partition_outcome>> keep_partitions(pq_connection& db,
                                                std::optional<std::int64_t> at_us) {
  const auto at = co_await moment(db, at_us);
  if (!at)
    co_return at.error();
  partition_outcome outcome;
  auto kept = co_await make_wanted(db, "can_segment", *at, outcome);
  if (kept && !outcome.busy) {
    const auto settled = co_await settle_telemetry(db, outcome);
    if (!settled) {
      if (!db.connected() || failpoint::enabled)
        co_return settled.error();
      outcome.fault = settled.error().detail;
      ++outcome.waiting;
    }
  }
  if (kept && !outcome.busy)
    kept = co_await make_wanted(db, "telemetry", *at, outcome);
  if (!kept)
    co_return kept.error();
  const auto stands = co_await db.query(
    "select (select count(*) from furrow.can_segment_default), (select 'PostgreSQL''s own "
    "partitions, a ' || width || ' each, ' || ahead || ' ahead' from furrow.partitioning) || case "
    "when to_regprocedure('furrow.is_hypertable(text)') is not null then ' (timescaledb keeps "
    "telemetry and rollups)' when exists (select from pg_extension where extname = 'timescaledb') "
    "then ' (timescaledb is installed, and not used)' else '' end");
  if (stands.error)
    co_return stands.error->as_failure();
  const pq_rows row{stands.rows.get()};
  outcome.stray = row.natural(0, 0);
  outcome.mode = row.text(0, 1);
  co_return outcome;
}

task<result<partition_plan>> read_partition_plan(pq_connection& db) {
  const auto reply = co_await db.query("select width, ahead from furrow.partitioning");
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() != 1)
    co_return failure{errc::misconfigured, "furrow.partitioning has no row"};
  co_return partition_plan{rows.text(0, 0) == "day" ? partition_width::day : partition_width::week,
                           static_cast<std::uint32_t>(rows.integer(0, 1))};
}

task<result<done>> set_partition_plan(pq_connection& db, partition_plan plan) {
  const auto reply = co_await db.query("update furrow.partitioning set width = $1, ahead = $2",
                                       pq_parameters{}
                                         .text(plan.width == partition_width::day ? "day" : "week")
                                         .int4(static_cast<std::int32_t>(plan.ahead)));
  if (reply.error)
    co_return reply.error->as_failure();
  co_return done{};
}

/// Runs on the upkeep connection.
class postgres_partitions : public partition_store {
public:
  explicit postgres_partitions(std::shared_ptr<postgres_pool> lane) : lane_{std::move(lane)} {}

  void keep_partitions(std::optional<std::int64_t> at_us,
                       handler<partition_outcome> done) override {
    lane_->submit(job_of(false, std::move(done), [at_us](pq_connection& db) {
      return postgres_work::keep_partitions(db, at_us);
    }));
  }
  void read_partition_plan(handler<partition_plan> done) override {
    lane_->submit(job_of(false, std::move(done),
                         [](pq_connection& db) { return postgres_work::read_partition_plan(db); }));
  }
  void set_partition_plan(partition_plan plan, handler<furrow::done> done) override {
    lane_->submit(job_of(false, std::move(done), [plan](pq_connection& db) {
      return postgres_work::set_partition_plan(db, plan);
    }));
  }

private:
  std::shared_ptr<postgres_pool> lane_;
};

} // namespace

std::unique_ptr<partition_store> make_partitions(std::shared_ptr<postgres_pool> lane) {
  return std::make_unique<postgres_partitions>(std::move(lane));
}

} // namespace furrow::storage::postgres_work
