#include "storage/retention.hpp"

#include "storage/failpoint.hpp"
#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/locked_end.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/work.hpp"

#include <array>
#include <limits>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace furrow::storage::postgres_work {

namespace {

constexpr const char* not_due_sqlstate = "FW004";

constexpr const char* begin_batch = "begin; set local statement_timeout = '10min'";
constexpr const char* begin_partition = "begin; set local statement_timeout = '30min'";

/// One kind of transaction of retention: its statement, its limit, and the counter of deleted rows.
struct step {
  const char* statement; // $1 the time, $2 the limit; answers rows deleted, frames in them
  std::int32_t rows_max;
  std::uint64_t expire_outcome::*rows;
  const char* begin = begin_batch;
};

/// Partitions that have left telemetry: what stays of their last rows goes to the coarser tier.
constexpr step drop_detached{"select furrow.drop_detached($1), 0::bigint where $2 > 0",
                             std::numeric_limits<std::int32_t>::max(), &expire_outcome::telemetry,
                             begin_partition};

constexpr std::array<step, 7> steps{
  step{"select chunks, frames from furrow.expire_chunks($1, $2)", chunks_a_batch,
       &expire_outcome::chunks},
  step{"select furrow.expire_records($1, $2), 0::bigint", rows_a_batch, &expire_outcome::records},
  step{"select furrow.expire_telemetry($1, $2), 0::bigint", rows_a_batch,
       &expire_outcome::telemetry},
  step{"select furrow.expire_telemetry($1, $2, 'telemetry_10s'), 0::bigint", rows_a_batch,
       &expire_outcome::telemetry},
  step{"select furrow.expire_telemetry($1, $2, 'telemetry_1m'), 0::bigint", rows_a_batch,
       &expire_outcome::telemetry},
  step{"select furrow.expire_rollup($1, $2), 0::bigint", rows_a_batch, &expire_outcome::rollup},
  step{"select furrow.expire_faults($1, $2), 0::bigint", rows_a_batch, &expire_outcome::faults},
};

enum class taken : std::uint8_t { nothing, some, all_that_may, busy };

/// The work between begin and commit: what the batch deleted; absent when another node holds the
/// lock.
task<result<taken>>
run_batch(pq_connection& db, const step& what, std::int64_t at, expire_outcome& part) {
  const auto locked = co_await db.query("select furrow.care_lock()");
  if (locked.error)
    co_return locked.error->as_failure();
  if (pq_rows{locked.rows.get()}.integer(0, 0) == 0)
    co_return taken::busy;
  const auto reply =
    co_await db.query(what.statement, pq_parameters{}.timestamptz(at).int4(what.rows_max));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  part.*what.rows = rows.natural(0, 0);
  part.frames = rows.natural(0, 1);
  if (rows.integer(0, 0) == 0)
    co_return taken::nothing;
  if (failpoint::hit(failpoint::care_expired))
    co_return failure{errc::retry_later, "failpoint"};
  co_return rows.integer(0, 0) >= what.rows_max ? taken::some : taken::all_that_may;
}

task<result<taken>>
take_batch(pq_connection& db, const step& what, std::int64_t at, expire_outcome& outcome) {
  const auto begun = co_await db.run(what.begin);
  if (begun.error)
    co_return begun.error->as_failure();
  expire_outcome part;
  const auto seen = co_await run_batch(db, what, at, part);
  const auto failed = co_await end_transaction(db, static_cast<bool>(seen));
  if (!seen)
    co_return seen.error();
  if (failed)
    co_return failed->as_failure();
  outcome.*what.rows += part.*what.rows;
  outcome.frames += part.frames;
  co_return seen;
}

/// Deletes its chunks and drops the partition, in one transaction.
task<result<taken>> drop_partition(pq_connection& db,
                                   const std::string& name,
                                   std::int64_t at,
                                   expire_outcome& outcome) {
  const auto begun =
    co_await db.run(std::string{begin_partition} + "; set local lock_timeout = '100ms'");
  if (begun.error)
    co_return begun.error->as_failure();
  const auto locked = co_await db.query("select furrow.care_lock()");
  const bool mine = !locked.error && pq_rows{locked.rows.get()}.integer(0, 0) != 0;
  std::optional<pq_error> wrong = locked.error;
  expire_outcome part;
  if (mine) {
    const auto emptied =
      co_await db.query("select chunks, frames from furrow.empty_partition($1, $2)",
                        pq_parameters{}.text(name).timestamptz(at));
    wrong = emptied.error;
    if (!wrong) {
      part.chunks = pq_rows{emptied.rows.get()}.natural(0, 0);
      part.frames = pq_rows{emptied.rows.get()}.natural(0, 1);
    }
  }
  if (!mine || wrong) {
    (void)co_await end_transaction(db, false);
    if (!wrong)
      co_return taken::busy;
    if (wrong->sqlstate == not_due_sqlstate)
      co_return taken::nothing;
    co_return wrong->as_failure();
  }
  if (failpoint::hit(failpoint::care_emptied)) {
    (void)co_await end_transaction(db, false);
    co_return failure{errc::retry_later, "failpoint"};
  }
  // The name comes from the catalogue and has no quote in it; no part of it is user input.
  const auto ended = co_await end_locked(db, "select furrow.drop_partition('" + name + "', "
                                               + moment_text(at) + ")");
  if (!ended)
    co_return ended.error();
  if (*ended == locked_end::in_use) {
    ++outcome.waiting;
    co_return taken::nothing;
  }
  ++outcome.partitions;
  outcome.chunks += part.chunks;
  outcome.frames += part.frames;
  if (failpoint::hit(failpoint::care_dropped))
    co_return failure{errc::retry_later, "failpoint"};
  co_return taken::some;
}

task<result<std::vector<std::string>>> partitions_due(pq_connection& db, std::int64_t at) {
  const auto reply = co_await db.query("select name from furrow.partitions_due($1)",
                                       pq_parameters{}.timestamptz(at));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<std::string> names;
  for (int row = 0; row < rows.size(); ++row)
    if (rows.text(row, 0).find('\'') == std::string::npos)
      names.push_back(rows.text(row, 0));
  co_return names;
}

/// Whole partitions first: their rows then need no delete.
task<result<taken>> drop_partitions(pq_connection& db,
                                    const expire_request& request,
                                    std::int64_t at,
                                    std::uint32_t& done_steps,
                                    expire_outcome& outcome) {
  const auto names = co_await partitions_due(db, at);
  if (!names)
    co_return names.error();
  for (const auto& name : *names) {
    if (request.steps_max > 0 && done_steps >= request.steps_max) {
      outcome.more = true;
      co_return taken::some;
    }
    const auto seen = co_await drop_partition(db, name, at, outcome);
    if (!seen || *seen == taken::busy)
      co_return seen;
    ++done_steps;
    if (request.pause.count() > 0)
      co_await pause_for(request.pause);
  }
  co_return taken::nothing;
}

task<result<expire_outcome>> expire(pq_connection& db, expire_request request) {
  const auto at = co_await moment(db, request.at_us);
  if (!at)
    co_return at.error();
  expire_outcome outcome;
  std::uint32_t done_steps = 0;
  const auto dropped = co_await drop_partitions(db, request, *at, done_steps, outcome);
  if (!dropped)
    co_return dropped.error();
  outcome.busy = *dropped == taken::busy;
  if (!outcome.busy) {
    const auto gone = co_await take_batch(db, drop_detached, *at, outcome);
    if (!gone)
      co_return gone.error();
    outcome.busy = *gone == taken::busy;
  }
  for (const auto& what : steps) {
    auto seen = taken::some;
    while (seen == taken::some && !outcome.busy && !outcome.more) {
      if (request.steps_max > 0 && done_steps >= request.steps_max) {
        outcome.more = true;
        break;
      }
      const auto took = co_await take_batch(db, what, *at, outcome);
      if (!took)
        co_return took.error();
      seen = *took;
      outcome.busy = seen == taken::busy;
      done_steps += seen == taken::some || seen == taken::all_that_may ? 1 : 0;
      if (seen == taken::some && request.pause.count() > 0)
        co_await pause_for(request.pause);
    }
  }
  co_return outcome;
}

task<result<std::vector<retention_rule>>> list_retention(pq_connection& db) {
  const auto reply = co_await db.query(
    "select coalesce(f.name, ''), r.kind, r.keep_days from furrow.retention r "
    "left join furrow.farm f on f.id = r.farm_id order by f.name nulls first, r.kind");
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<retention_rule> out;
  for (int row = 0; row < rows.size(); ++row) {
    const auto kind = data_kind_of(rows.bytes(row, 1));
    if (!kind)
      co_return failure{errc::misconfigured, "retention of an unknown kind " + rows.text(row, 1)};
    auto& rule = out.emplace_back();
    rule.farm = rows.text(row, 0);
    rule.kind = *kind;
    if (!rows.null(row, 2))
      rule.keep_days = static_cast<std::uint32_t>(rows.integer(row, 2));
  }
  co_return out;
}

task<result<done>> set_retention(pq_connection& db, const retention_rule& rule) {
  const auto reply = co_await db.query(
    "insert into furrow.retention (farm_id, kind, keep_days) "
    "select f.id, $2, nullif($3, 0) from (select id from furrow.farm where name = $1 "
    "union all select null where $1 = '') f "
    "on conflict (coalesce(farm_id, 0), kind) do update set keep_days = excluded.keep_days, "
    "changed_at = now() returning 1",
    pq_parameters{}
      .text(rule.farm)
      .text(to_string(rule.kind))
      .int4(static_cast<std::int32_t>(rule.keep_days.value_or(0))));
  if (reply.error)
    co_return reply.error->as_failure();
  if (pq_rows{reply.rows.get()}.size() == 0)
    co_return failure{errc::not_found, "no farm " + rule.farm};
  co_return done{};
}

task<result<done>> clear_retention(pq_connection& db, const std::string& farm, data_kind kind) {
  const auto reply = co_await db.query(
    "delete from furrow.retention r where r.kind = $2 and case when $1 = '' then r.farm_id is null "
    "else r.farm_id = (select f.id from furrow.farm f where f.name = $1) end returning 1",
    pq_parameters{}.text(farm).text(to_string(kind)));
  if (reply.error)
    co_return reply.error->as_failure();
  if (pq_rows{reply.rows.get()}.size() == 0)
    co_return failure{errc::not_found, "the farm has no such rule"};
  co_return done{};
}

task<result<retention_preview>> preview_retention(pq_connection& db,
                                                  std::optional<std::int64_t> at_us) {
  const auto at = co_await moment(db, at_us);
  if (!at)
    co_return at.error();
  const auto reply =
    co_await db.query("select farm, kind, cutoff, item_rows, items, bytes, oldest, newest from "
                      "furrow.retention_due($1)",
                      pq_parameters{}.timestamptz(*at));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  retention_preview out;
  for (int row = 0; row < rows.size(); ++row) {
    auto& loss = out.losses.emplace_back();
    loss.farm = rows.text(row, 0);
    loss.kind = data_kind_of(rows.bytes(row, 1)).value_or(data_kind::frames);
    loss.cutoff_us = rows.integer(row, 2) + epoch_2000_us;
    loss.rows = rows.natural(row, 3);
    loss.items = rows.natural(row, 4);
    loss.bytes = rows.natural(row, 5);
    loss.oldest_us = rows.integer(row, 6) + epoch_2000_us;
    loss.newest_us = rows.integer(row, 7) + epoch_2000_us;
  }
  auto names = co_await partitions_due(db, *at);
  if (!names)
    co_return names.error();
  out.partitions = std::move(*names);
  co_return out;
}

/// In a transaction that is rolled back: the rule is seen by nobody else.
task<result<retention_preview>> preview_rule(pq_connection& db, const retention_rule& rule) {
  const auto begun = co_await db.run("begin");
  if (begun.error)
    co_return begun.error->as_failure();
  result<retention_preview> found = retention_preview{};
  if (const auto set = co_await set_retention(db, rule))
    found = co_await preview_retention(db, std::nullopt);
  else
    found = set.error();
  const auto failed = co_await end_transaction(db, false);
  if (failed)
    co_return failed->as_failure();
  co_return found;
}

/// On the connection for upkeep.
class postgres_retention : public retention_store {
public:
  explicit postgres_retention(std::shared_ptr<postgres_pool> lane) : lane_{std::move(lane)} {}

  void list_retention(handler<std::vector<retention_rule>> done) override {
    lane_->submit(job_of(false, std::move(done),
                         [](pq_connection& db) { return postgres_work::list_retention(db); }));
  }
  void set_retention(retention_rule rule, handler<furrow::done> done) override {
    lane_->submit(job_of(false, std::move(done), [rule = std::move(rule)](pq_connection& db) {
      return postgres_work::set_retention(db, rule);
    }));
  }
  void clear_retention(std::string farm, data_kind kind, handler<furrow::done> done) override {
    lane_->submit(job_of(false, std::move(done), [farm = std::move(farm), kind](pq_connection& db) {
      return postgres_work::clear_retention(db, farm, kind);
    }));
  }
  void preview_retention(std::optional<std::int64_t> at_us,
                         handler<retention_preview> done) override {
    lane_->submit(job_of(false, std::move(done), [at_us](pq_connection& db) {
      return postgres_work::preview_retention(db, at_us);
    }));
  }
  void preview_rule(retention_rule rule, handler<retention_preview> done) override {
    lane_->submit(job_of(false, std::move(done), [rule = std::move(rule)](pq_connection& db) {
      return postgres_work::preview_rule(db, rule);
    }));
  }
  void expire(expire_request request, handler<expire_outcome> done) override {
    lane_->submit(job_of(false, std::move(done), [request](pq_connection& db) {
      return postgres_work::expire(db, request);
    }));
  }

private:
  std::shared_ptr<postgres_pool> lane_;
};

} // namespace

std::unique_ptr<retention_store> make_retention(std::shared_ptr<postgres_pool> lane) {
  return std::make_unique<postgres_retention>(std::move(lane));
}

} // namespace furrow::storage::postgres_work
