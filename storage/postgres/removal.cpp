#include "storage/removal.hpp"

#include "storage/identity/audit.hpp"
#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/locked_end.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/work.hpp"
#include "storage/retention.hpp"

#include <utility>

namespace furrow::storage::postgres_work {

namespace {

struct removed_stream {
  std::int32_t id = 0;
  std::int64_t seq = 0; // the watermark of the moment at which the removal began
};

struct removal_scope {
  std::int32_t equipment = 0;
  std::string farm;
  std::vector<removed_stream> streams;
};

// Each deletes a batch of a stream ($1) up to a number ($2), at most $3 rows, and notes the numbers as expired. It answers
// the rows, and the frames in them.
constexpr const char* remove_blocks =
  "with due as (select b.seq_first from furrow.can_block b where b.stream = $1 and b.seq_first <= "
  "$2 "
  "order by b.seq_first limit $3 for update), "
  "gone as (delete from furrow.can_block b using due d where b.stream = $1 and b.seq_first = "
  "d.seq_first returning b.seq_first, b.frames), "
  "whole as (select count(*) as rows, coalesce(sum(g.frames), 0)::bigint as frames, "
  "range_agg(int8range(g.seq_first, g.seq_first + g.frames)) as numbers from gone g) "
  "select w.rows, w.frames, case when w.rows > 0 then furrow.note_expired($1, w.numbers)::text end "
  "from whole w";

constexpr const char* remove_chunks =
  "with due as materialized (select c.stream, c.seq_first from furrow.can_chunk c where c.stream = "
  "$1 and c.seq_first <= $2 order by c.seq_first limit $3 for update), "
  "whole as (select array_agg(d.stream) as streams, array_agg(d.seq_first) as seqs from due d) "
  "select r.chunks, r.frames, null::text from whole w "
  "cross join lateral furrow.remove_chunks(w.streams, w.seqs, null, null) r";

std::string remove_numbered(const char* table, const char* condition = "") {
  const std::string name = std::string{"furrow."} + table;
  return "with due as (select t.seq from " + name + " t where t.stream = $1 and t.seq <= $2"
         + condition + " limit $3), gone as (delete from " + name
         + " t using due d where t.stream = $1 and t.seq = d.seq returning t.seq), "
           "whole as (select count(*) as rows, range_agg(int8range(g.seq, g.seq + 1)) as numbers "
           "from "
           "gone g) select w.rows, 0::bigint, case when w.rows > 0 then furrow.note_expired($1, "
           "w.numbers)::text end from whole w";
}

/// Blocks before chunks: the sealer moves frames that way.
const std::vector<std::pair<std::string, std::int32_t>>& removal_steps() {
  static const std::vector<std::pair<std::string, std::int32_t>> all{
    {remove_blocks, chunks_a_batch},
    {remove_chunks, chunks_a_batch},
    {remove_numbered("sensor_reading"), rows_a_batch},
    {remove_numbered("yield_sample"), rows_a_batch},
    {remove_numbered("token_usage"), rows_a_batch},
    {remove_numbered("fault"), rows_a_batch},
    // That the gateway's disk has lost an item stays on record.
    {remove_numbered("item_record", " and t.kind <> 32767"), rows_a_batch},
    {remove_numbered("quarantine"), rows_a_batch}};
  return all;
}

constexpr std::size_t removal_frame_steps = 2; // the first of them

task<result<removal_scope>> removal_scope_of(pq_connection& db, const removal& what) {
  const auto equipment = co_await find_equipment(db, what.farm, what.equipment);
  if (!equipment)
    co_return equipment.error();
  removal_scope out;
  out.equipment = *equipment;
  const auto reply = co_await db.query(
    "select f.name, s.id, coalesce(w.seq, 0), s.stream_id::text, furrow.is_settled(f.id)::int from "
    "furrow.equipment e join "
    "furrow.farm f on f.id = e.farm_id left join furrow.stream s on s.equipment_id = e.id left "
    "join "
    "furrow.stream_watermark w on w.stream = s.id where e.id = $1 order by s.id",
    pq_parameters{}.int4(out.equipment));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  for (int row = 0; row < rows.size(); ++row) {
    out.farm = rows.text(row, 0);
    if (rows.integer(row, 4) == 0)
      co_return failure{errc::retry_later, "farm " + out.farm
                                             + " is moving to another database: remove the machine "
                                               "when it has moved (`furrow farm status` shows it)"};
    if (!rows.null(row, 1) && (!what.stream || rows.text(row, 3) == can::to_string(*what.stream)))
      out.streams.push_back(
        {static_cast<std::int32_t>(rows.integer(row, 1)), rows.integer(row, 2)});
  }
  if (what.stream && out.streams.empty())
    co_return failure{errc::not_found, "no such stream of " + what.equipment};
  co_return out;
}

task<result<removal_outcome>> preview_of_removal(pq_connection& db, const removal& what) {
  const auto scope = co_await removal_scope_of(db, what);
  if (!scope)
    co_return scope.error();
  removal_outcome out;
  out.farm = scope->farm;
  out.streams = scope->streams.size();
  for (const auto& stream : scope->streams) {
    const auto reply = co_await db.query(
      "select coalesce((select sum(b.frames) from furrow.can_block b where b.stream = $1 and "
      "b.seq_first <= $2), 0)::bigint + coalesce((select sum(r.frames) from furrow.can_chunk c "
      "cross "
      "join lateral unnest(c.run_frames) r(frames) where c.stream = $1 and c.seq_first <= $2), "
      "0)::bigint, (select count(*) from furrow.sensor_reading t where t.stream = $1 and t.seq <= "
      "$2) "
      "+ (select count(*) from furrow.yield_sample t where t.stream = $1 and t.seq <= $2) "
      "+ (select count(*) from furrow.token_usage t where t.stream = $1 and t.seq <= $2) "
      "+ (select count(*) from furrow.fault t where t.stream = $1 and t.seq <= $2) "
      "+ (select count(*) from furrow.item_record t where t.stream = $1 and t.seq <= $2 and t.kind "
      "<> "
      "32767) + (select count(*) from furrow.quarantine t where t.stream = $1 and t.seq <= $2)",
      pq_parameters{}.int4(stream.id).int8(stream.seq));
    if (reply.error)
      co_return reply.error->as_failure();
    const pq_rows rows{reply.rows.get()};
    out.frames += rows.natural(0, 0);
    out.records += rows.natural(0, 1);
  }
  if (what.stream)
    co_return out;
  const auto reply = co_await db.query("select (select count(*) from furrow.telemetry_all t where "
                                       "t.equipment_id = $1), (select count(*) "
                                       "from furrow.rollup r where r.equipment_id = $1)",
                                       pq_parameters{}.int4(scope->equipment));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  out.telemetry = rows.natural(0, 0);
  out.rollup = rows.natural(0, 1);
  co_return out;
}

/// Runs `work` in a transaction that holds the lock of all who take numbers away.
template <class T, class Work>
task<result<T>> in_care(pq_connection& db, Work work) {
  const auto begun = co_await db.run("begin; set local statement_timeout = '10min'");
  if (begun.error)
    co_return begun.error->as_failure();
  const auto locked = co_await db.query("select furrow.care_lock()");
  result<T> outcome =
    failure{errc::retry_later, "retention or another removal is at work: run the command again"};
  if (locked.error)
    outcome = locked.error->as_failure();
  else if (pq_rows{locked.rows.get()}.integer(0, 0) != 0)
    outcome = co_await work();
  co_return co_await end_with(db, outcome);
}

/// Rows that one batch has removed.
task<result<std::int64_t>> remove_batch(pq_connection& db,
                                        const removed_stream& stream,
                                        std::size_t step,
                                        removal_outcome& out) {
  const auto& [statement, limit] = removal_steps()[step];
  const auto reply = co_await db.query(
    statement.c_str(), pq_parameters{}.int4(stream.id).int8(stream.seq).int4(limit));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  const auto count = rows.size() == 0 ? 0 : rows.integer(0, 0);
  if (step < removal_frame_steps)
    out.frames += rows.size() == 0 ? 0 : rows.natural(0, 1);
  else
    out.records += static_cast<std::uint64_t>(count);
  co_return count;
}

task<result<std::int64_t>>
remove_counted(pq_connection& db, const char* sql, std::int32_t equipment) {
  const auto reply = co_await db.query(sql, pq_parameters{}.int4(equipment).int4(rows_a_batch));
  if (reply.error)
    co_return reply.error->as_failure();
  co_return pq_rows{reply.rows.get()}.integer(0, 0);
}

/// The digest does not read what is being removed, and forgets what it knows from it. Its files may be stored again.
task<result<std::int64_t>> pass_digest(pq_connection& db, const removed_stream& stream) {
  const auto reply = co_await db.query(
    "with gone as (delete from furrow.source s where s.stream = $1), "
    "faults as (delete from furrow.bus_fault f where f.stream = $1 and f.first_seq <= $2), "
    "marks as (delete from furrow.clock_ahead c where c.stream = $1 and c.last <= $2) "
    "insert into furrow.digest as d (stream, seq) values ($1, $2) on conflict (stream) do update "
    "set seq = greatest(d.seq, excluded.seq), state = case when d.seq > excluded.seq then d.state "
    "else '' end where not d.paused",
    pq_parameters{}.int4(stream.id).int8(stream.seq));
  if (reply.error)
    co_return reply.error->as_failure();
  co_return 0;
}

/// All batches of one statement over a machine's rows; the count goes to `sum`.
task<std::optional<failure>>
remove_derived(pq_connection& db, const char* sql, std::int32_t equipment, std::uint64_t& sum) {
  for (std::int64_t count = rows_a_batch; count == rows_a_batch;) {
    const auto part =
      co_await in_care<std::int64_t>(db, [&] { return remove_counted(db, sql, equipment); });
    if (!part)
      co_return part.error();
    count = *part;
    sum += static_cast<std::uint64_t>(count);
  }
  co_return std::nullopt;
}

/// From a hypertable a machine's rows go at once, by constants: the joins below would unpack all that it has first.
task<std::optional<failure>> forget_compressed(pq_connection& db,
                                               const char* table,
                                               std::int32_t equipment,
                                               std::uint64_t& sum) {
  const auto there =
    co_await db.query("select to_regprocedure('furrow.forget_machine(text, int)') is not null");
  if (there.error)
    co_return there.error->as_failure();
  if (pq_rows{there.rows.get()}.integer(0, 0) == 0)
    co_return std::nullopt;
  const auto sql = std::string{"select furrow.forget_machine('"} + table + "', $1) where $2 > 0";
  const auto part =
    co_await in_care<std::int64_t>(db, [&] { return remove_counted(db, sql.c_str(), equipment); });
  if (!part)
    co_return part.error();
  sum += static_cast<std::uint64_t>(*part);
  co_return std::nullopt;
}

std::string remove_telemetry(const std::string& tier) {
  return "with due as (select t.time from furrow." + tier
         + " t where t.equipment_id = $1 limit $2), gone as (delete from furrow." + tier
         + " t using due d where t.equipment_id = $1 and t.time = d.time returning 1) select "
           "count(*) from gone";
}
constexpr const char* remove_rollup =
  "with due as (select r.signal, r.minute from furrow.rollup r where r.equipment_id = $1 limit "
  "$2), "
  "gone as (delete from furrow.rollup r using due d where r.equipment_id = $1 and r.signal = "
  "d.signal and r.minute = d.minute returning 1) select count(*) from gone";
constexpr const char* hide_machine =
  "with gone as (delete from furrow.equipment_state s where s.equipment_id = $1) insert into "
  "furrow.removed_equipment as r (equipment_id, durable) select $1, coalesce(sum(w.seq), 0) from "
  "furrow.stream s join furrow.stream_watermark w on w.stream = s.id where s.equipment_id = $1 "
  "on conflict (equipment_id) do update set durable = excluded.durable, removed_at = now()";

/// The machine is hidden, and the removal is noted, in one transaction.
task<result<std::int64_t>> conclude_removal(pq_connection& db,
                                            const removal& what,
                                            const author& by,
                                            const removal_scope& scope,
                                            const removal_outcome& out) {
  if (!what.stream) {
    const auto hidden = co_await db.query(hide_machine, pq_parameters{}.int4(scope.equipment));
    if (hidden.error)
      co_return hidden.error->as_failure();
  }
  // Named: GCC 12 destroys such a temporary twice when it is made within a co_await.
  const audit_row row{0,
                      by.who,
                      what.stream ? "stream remove" : "equipment remove",
                      out.farm + "/" + what.equipment
                        + (what.stream ? " stream " + can::to_string(*what.stream) : ""),
                      to_text(out),
                      out.farm,
                      by.origin};
  const auto failed = co_await note_change(db, row);
  if (failed)
    co_return failed->as_failure();
  co_return 0;
}

task<result<removal_outcome>> remove_all(pq_connection& db, removal what, author by) {
  const auto scope = co_await removal_scope_of(db, what);
  if (!scope)
    co_return scope.error();
  removal_outcome out;
  out.farm = scope->farm;
  out.streams = scope->streams.size();
  for (const auto& stream : scope->streams) {
    const auto passed = co_await in_care<std::int64_t>(db, [&] { return pass_digest(db, stream); });
    if (!passed)
      co_return passed.error();
    for (std::size_t step = 0; step < removal_steps().size(); ++step)
      for (std::int64_t count = 1; count > 0;) {
        const auto part =
          co_await in_care<std::int64_t>(db, [&] { return remove_batch(db, stream, step, out); });
        if (!part)
          co_return part.error();
        count = *part;
      }
  }
  if (!what.stream) {
    auto failed = co_await forget_compressed(db, "telemetry", scope->equipment, out.telemetry);
    if (!failed)
      failed = co_await forget_compressed(db, "rollup", scope->equipment, out.rollup);
    for (const auto* tier : {"telemetry", "telemetry_10s", "telemetry_1m"}) {
      const auto sql = remove_telemetry(tier);
      if (!failed)
        failed = co_await remove_derived(db, sql.c_str(), scope->equipment, out.telemetry);
    }
    if (!failed)
      failed = co_await remove_derived(db, remove_rollup, scope->equipment, out.rollup);
    if (failed)
      co_return *failed;
  }
  const auto concluded =
    co_await in_care<std::int64_t>(db, [&] { return conclude_removal(db, what, by, *scope, out); });
  if (!concluded)
    co_return concluded.error();
  co_return out;
}

/// On the connection for upkeep.
class postgres_removals : public removal_store {
public:
  explicit postgres_removals(std::shared_ptr<postgres_pool> lane) : lane_{std::move(lane)} {}

  void preview_removal(removal what, handler<removal_outcome> done) override {
    lane_->submit(job_of(false, std::move(done), [what = std::move(what)](pq_connection& db) {
      return postgres_work::preview_of_removal(db, what);
    }));
  }
  void remove(removal what, author by, handler<removal_outcome> done) override {
    lane_->submit(job_of(false, std::move(done),
                         [what = std::move(what), by = std::move(by)](pq_connection& db) {
                           return postgres_work::remove_all(db, what, by);
                         }));
  }

private:
  std::shared_ptr<postgres_pool> lane_;
};

} // namespace

std::unique_ptr<removal_store> make_removals(std::shared_ptr<postgres_pool> lane) {
  return std::make_unique<postgres_removals>(std::move(lane));
}

} // namespace furrow::storage::postgres_work
