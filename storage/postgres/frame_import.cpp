#include "storage/archive/frame_import.hpp"

#include "storage/archive/import_plan.hpp"
#include "storage/archive/segment_codec.hpp"
#include "storage/database_maintenance.hpp"
#include "storage/failpoint.hpp"
#include "storage/postgres/work.hpp"

#include <boost/asio/co_spawn.hpp>

namespace furrow::storage {

namespace {

using postgres_work::epoch_2000_us;

std::string_view chars(const can::stream_id& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

std::string numbers_of(const number_ranges& ranges, std::uint64_t number_range::*which) {
  byte_buffer out;
  out.array<std::uint64_t>(oid::int8, ranges.size(),
                           [&](std::size_t i) { return ranges[i].*which; });
  return std::string{out.view()};
}

/// Farm, machine, stream and watermark, created if missing, as in a claim; no epoch is raised. The lock on the seal's
/// row keeps sealers away from this stream, the care lock keeps retention away.
constexpr const char* enter_sql =
  "select e.equipment, e.stream, e.moved_to from furrow.enter(array[$1], array[$2], "
  "array[$3], array[null::bigint]) e";
constexpr const char* lock_sql =
  "with made as (insert into furrow.seal (stream) values ($1) on conflict do nothing) "
  "select furrow.care_lock()";
constexpr const char* sealed_sql =
  "select l.sealed_to from furrow.seal l where l.stream = $1 for update";
/// What stream $1 holds between $2 and $3, read at one moment under these locks. First column: 0 a block, 1 a run of a
/// chunk, 2 a chunk from end to end, 3 another item, 4 watermark and epoch, 5 where fresh blocks begin.
constexpr const char* facts_sql =
  "with chunk as materialized (select c.seq_first, c.seq_last, c.run_first, c.run_frames from "
  "furrow.can_chunk c where c.stream = $1 and c.seq_first <= $3 and c.seq_last >= $2 "
  "and c.seq_first >= coalesce((select max(o.seq_first) from furrow.can_chunk o "
  "where o.stream = $1 and o.seq_first <= $2), 0)) "
  "select 0, b.seq_first, b.seq_first + b.frames - 1 from furrow.can_block b where b.stream = $1 "
  "and b.seq_first between $2 - 65536 and $3 and b.seq_first + b.frames > $2 "
  "union all select 1, r.first, r.first + r.frames - 1 from chunk c cross join lateral "
  "unnest(c.run_first, c.run_frames) r(first, frames) "
  "union all select 2, seq_first, seq_last from chunk "
  "union all select 4, w.seq, w.epoch from furrow.stream_watermark w where w.stream = $1 "
  "union all (select 5, b.seq_first, 0 from furrow.can_block b where b.stream = $1 order by "
  "b.seq_first limit 1) "
  "union all select 3, seq, seq from furrow.item_record where stream = $1 and seq between $2 and "
  "$3 "
  "union all select 3, seq, seq from furrow.sensor_reading where stream = $1 and seq between $2 "
  "and $3 "
  "union all select 3, seq, seq from furrow.yield_sample where stream = $1 and seq between $2 and "
  "$3 "
  "union all select 3, seq, seq from furrow.token_usage where stream = $1 and seq between $2 and "
  "$3 "
  "union all select 3, seq, seq from furrow.fault where stream = $1 and seq between $2 and $3 "
  "union all select 3, seq, seq from furrow.quarantine where stream = $1 and seq between $2 and $3 "
  "union all select 3, first, last from furrow.elsewhere where stream = $1 and first <= $3 and "
  "last >= "
  "$2";

/// The work between begin and commit of one piece.
class piece {
public:
  piece(pq_connection& db, const frames_owner& owner, const std::vector<frame_run>& runs)
    : db_{db}, owner_{owner}, runs_{runs}, first_{runs.front().seq_first},
      last_{runs.back().seq_first + runs.back().block.size() - 1} {}

  task<result<return_outcome>> run() {
    auto failed = co_await enter();
    if (!failed)
      failed = co_await read_facts();
    if (failed)
      co_return *failed;
    const auto plan = plan_return(runs_, facts_);
    if (!plan)
      co_return plan.error();
    failed = co_await compare(*plan);
    if (!failed && !plan->stored.empty())
      failed = co_await store(*plan);
    if (!failed)
      failed = co_await note(*plan);
    if (!failed && plan->watermark > facts_.watermark)
      failed = co_await grow(*plan);
    if (failed)
      co_return *failed;
    co_return return_outcome{count_of(plan->stored), count_of(plan->known), count_of(plan->holes)};
  }

private:
  using outcome = std::optional<failure>;

  task<outcome> enter() {
    const auto entered = co_await db_.query(enter_sql, pq_parameters{}
                                                         .text(owner_.farm)
                                                         .text(owner_.equipment)
                                                         .add(oid::uuid, chars(owner_.stream_id)));
    if (entered.error)
      co_return entered.error->as_failure();
    const pq_rows row{entered.rows.get()};
    if (row.size() != 1)
      co_return failure{errc::retry_later, "the stream was removed while it was created"};
    if (!row.null(0, 2))
      co_return postgres_work::lives_elsewhere(owner_.farm, row.text(0, 2));
    equipment_ = static_cast<std::int32_t>(row.integer(0, 0));
    stream_ = static_cast<std::int32_t>(row.integer(0, 1));
    const auto locked = co_await db_.query(lock_sql, pq_parameters{}.int4(stream_));
    if (locked.error)
      co_return locked.error->as_failure();
    if (pq_rows{locked.rows.get()}.integer(0, 0) == 0)
      co_return failure{errc::retry_later, "retention is running"};
    const auto sealed = co_await db_.query(sealed_sql, pq_parameters{}.int4(stream_));
    if (sealed.error)
      co_return sealed.error->as_failure();
    facts_.sealed_to = pq_rows{sealed.rows.get()}.natural(0, 0);
    co_return std::nullopt;
  }

  task<outcome> read_facts() {
    const auto reply = co_await db_.query(facts_sql, pq_parameters{}
                                                       .int4(stream_)
                                                       .int8(static_cast<std::int64_t>(first_))
                                                       .int8(static_cast<std::int64_t>(last_)));
    if (reply.error)
      co_return reply.error->as_failure();
    const pq_rows rows{reply.rows.get()};
    for (int row = 0; row < rows.size(); ++row) {
      const number_range range{rows.natural(row, 1), rows.natural(row, 2)};
      switch (rows.integer(row, 0)) {
      case 2:
        facts_.chunks.push_back(range);
        break;
      case 3:
        facts_.others.push_back(range);
        break;
      case 4:
        facts_.watermark = range.first;
        facts_.claimed = rows.integer(row, 2) > 0;
        break;
      case 5:
        facts_.fresh_from = range.first;
        break;
      default:
        facts_.frames.push_back(range);
      }
    }
    for (auto* const ranges : {&facts_.frames, &facts_.chunks, &facts_.others})
      *ranges = merged(std::move(*ranges));
    co_return std::nullopt;
  }

  task<outcome> compare(const return_plan& plan) {
    if (plan.known.empty())
      co_return std::nullopt;
    return_check check{runs_, plan.known};
    // A page begins with the first block after a number: here the block with the first known frame.
    auto after = plan.known.front().first - 1;
    for (const auto& range : facts_.frames)
      if (range.first <= plan.known.front().first && range.last >= plan.known.front().first)
        after = range.first - 1;
    bool more = true;
    while (more) {
      frames_page page;
      const auto next = co_await postgres_work::read_stream_page(db_, stream_, after, page);
      if (!next)
        co_return next.error();
      for (const auto& run : page.runs)
        check.add(run);
      after = *next;
      more = after != 0 && after < plan.known.back().last;
    }
    co_return check.fault();
  }

  task<outcome> store(const return_plan& plan) {
    const auto kept = co_await db_.query(
      "select o.keep_days from furrow.farm f cross join lateral (select r.keep_days from "
      "furrow.retention r where r.kind = 'frames' and (r.farm_id = f.id or r.farm_id is null) "
      "order by r.farm_id nulls last limit 1) o where f.name = $1 and "
      "$2 < now() - o.keep_days * interval '24 hours'",
      pq_parameters{}.text(owner_.farm).timestamptz(latest_us(runs_) - epoch_2000_us));
    if (kept.error)
      co_return kept.error->as_failure();
    if (const pq_rows row{kept.rows.get()}; row.size() > 0)
      co_return would_go_again(owner_.farm, row.integer(0, 0));
    for (const auto& group : plan.groups)
      for (std::size_t at = 0; at < group.size();) {
        const auto rest = std::span{group}.subspan(at);
        const auto count = chunk_runs(rest);
        const auto chunk = seal(rest.first(count));
        auto failed = co_await postgres_work::insert_sealed(db_, stream_, equipment_, chunk);
        if (failed)
          co_return failed;
        at += count;
      }
    co_return std::nullopt;
  }

  task<outcome> note(const return_plan& plan) {
    for (const auto& [function, ranges] :
         {std::pair{"note_returned", &plan.stored}, std::pair{"note_expired", &plan.holes}}) {
      if (ranges->empty())
        continue;
      const auto sql = std::string{"select furrow."} + function
                       + "($1, (select range_agg(int8range(r.first, r.last + 1)) from unnest($2, "
                         "$3) r(first, last)))";
      const auto noted = co_await db_.query(
        sql.c_str(), pq_parameters{}
                       .int4(stream_)
                       .add(oid::int8_array, numbers_of(*ranges, &number_range::first))
                       .add(oid::int8_array, numbers_of(*ranges, &number_range::last)));
      if (noted.error)
        co_return noted.error->as_failure();
    }
    for (const auto& bus : owner_.buses) {
      const auto named =
        co_await db_.query("insert into furrow.bus (stream, bus, name) values ($1, $2::int4::int2, "
                           "$3) on conflict do nothing",
                           pq_parameters{}.int4(stream_).int4(bus.bus).text(bus.name));
      if (named.error)
        co_return named.error->as_failure();
    }
    co_return std::nullopt;
  }

  /// Moves the watermark with the frames, and only while no gateway has claimed the stream.
  task<outcome> grow(const return_plan& plan) {
    const auto moved = co_await db_.query(
      "with sealed as (update furrow.seal l set sealed_to = greatest(l.sealed_to, $3), due_at = "
      "null where l.stream = $1) select furrow.advance(array[$1], array[0::bigint], array[$2], "
      "array[$3], array[$3])",
      pq_parameters{}
        .int4(stream_)
        .int8(static_cast<std::int64_t>(facts_.watermark))
        .int8(static_cast<std::int64_t>(plan.watermark)));
    if (moved.error)
      co_return moved.error->as_failure();
    co_return std::nullopt;
  }

  pq_connection& db_;
  const frames_owner& owner_;
  const std::vector<frame_run>& runs_;
  const std::uint64_t first_;
  const std::uint64_t last_;
  std::int32_t equipment_ = 0;
  std::int32_t stream_ = 0;
  stream_facts facts_;
};

task<result<return_outcome>>
put_piece(pq_connection& db, const frames_owner& owner, const std::vector<frame_run>& runs) {
  if (!db.connected()) {
    const auto away = co_await db.connect();
    if (away)
      co_return away->as_failure();
  }
  const auto begun = co_await db.run("begin");
  if (begun.error)
    co_return begun.error->as_failure();
  piece one{db, owner, runs};
  auto put = co_await one.run();
  if (put && failpoint::hit(failpoint::return_stored))
    put = failure{errc::retry_later, "failpoint"};
  if (!db.connected())
    co_return put ? result<return_outcome>{failure{errc::retry_later, "connection lost"}} : put;
  const auto ended = co_await db.run(put ? "commit" : "rollback");
  if (!db.idle())
    db.close(); // closing the session ends the transaction
  if (!put)
    co_return put;
  if (ended.error)
    co_return failure{ended.error->lost ? errc::in_doubt : ended.error->as_failure().code,
                      ended.error->message};
  if (failpoint::hit(failpoint::return_committed))
    co_return failure{errc::in_doubt, "failpoint"};
  co_return put;
}

task<result<std::string>>
find_farm(pq_connection& db, const std::string& equipment, const can::stream_id& stream) {
  if (!db.connected()) {
    const auto away = co_await db.connect();
    if (away)
      co_return away->as_failure();
  }
  const auto reply = co_await db.query(
    "select f.name from furrow.stream s join furrow.equipment e on e.id = s.equipment_id join "
    "furrow.farm f on f.id = e.farm_id where e.name = $1 and s.stream_id = $2",
    pq_parameters{}.text(equipment).add(oid::uuid, chars(stream)));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  co_return rows.size() == 1 ? rows.text(0, 0) : std::string{};
}

class postgres_return final : public frame_return {
public:
  explicit postgres_return(const store_options& options)
    : db_{context_,
          {options.url, options.application_name + "/return", options.connect_timeout,
           options.lock_timeout, options.statement_timeout}} {}

  result<return_outcome> put(const frames_owner& owner,
                             const std::vector<frame_run>& runs) override {
    return wait_for(put_piece(db_, owner, runs));
  }
  result<std::string> farm_of(const std::string& equipment, const can::stream_id& stream) override {
    return wait_for(find_farm(db_, equipment, stream));
  }

private:
  template <class T>
  result<T> wait_for(task<result<T>> work) {
    result<T> out = failure{errc::retry_later, "not asked"};
    asio::co_spawn(context_, keep(std::move(work), out), [](const std::exception_ptr& broken) {
      if (broken)
        std::rethrow_exception(broken);
    });
    context_.restart();
    context_.run();
    return out;
  }
  template <class T>
  static task<void> keep(task<result<T>> work, result<T>& out) {
    out = co_await std::move(work);
  }

  asio::io_context context_{1};
  pq_connection db_;
};

} // namespace

result<std::unique_ptr<frame_return>> open_postgres_return(const store_options& options) {
  const auto steps = postgres_maintenance::migrate(options, {}, true);
  if (!steps)
    return steps.error();
  for (const auto& step : *steps)
    if (!step.fault.empty() || !step.applied)
      return failure{errc::misconfigured,
                     "migration " + std::to_string(step.number)
                       + (step.fault.empty() ? " is not applied: `furrow db migrate` applies it"
                                             : ": " + step.fault)};
  return std::unique_ptr<frame_return>{std::make_unique<postgres_return>(options)};
}

} // namespace furrow::storage
