#include "storage/archive/segment_codec.hpp"
#include "storage/failpoint.hpp"
#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/byte_buffer.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/locked_end.hpp"
#include "storage/postgres/work.hpp"
#include "storage/sealing.hpp"

#include <algorithm>
#include <memory>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace furrow::storage::postgres_work {

namespace {

/// A stream with more than one chunk of fresh frames is sealed further at once; this is how much is
/// read at a time.
constexpr int blocks_max = 8'192;
constexpr std::uint32_t oid_bool = 16;

struct candidate {
  std::int32_t stream = 0;
  std::int32_t equipment = 0;
};

/// Streams with new items since they were sealed, each with a row to lock.
task<result<std::vector<candidate>>> candidates(pq_connection& db, const seal_request& request) {
  const auto reply = co_await db.query(
    "with open as materialized ("
    "  select s.id, s.equipment_id from furrow.stream s"
    "  join furrow.stream_watermark w on w.stream = s.id"
    "  join furrow.equipment e on e.id = s.equipment_id join furrow.farm f on f.id = e.farm_id"
    "  left join furrow.seal l on l.stream = s.id"
    "  where w.seq > coalesce(l.sealed_to, 0) and ($1 = '' or f.name = $1) and ($2 = '' or e.name "
    "= "
    "$2) and f.home_state = 'here'"
    "  and (l.due_at is null or l.due_at <= now() or $3 = 0 or w.seq - l.sealed_to >= $4)"
    "), made as ("
    "  insert into furrow.seal (stream) select o.id from open o"
    "  where not exists (select from furrow.seal l where l.stream = o.id) order by 1"
    "  on conflict do nothing"
    ") select id, equipment_id from open order by id",
    pq_parameters{}
      .text(request.farm)
      .text(request.equipment)
      .int8(request.due_after.count())
      .int8(chunk_frames_max));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<candidate> out;
  out.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row)
    out.push_back({static_cast<std::int32_t>(rows.integer(row, 0)),
                   static_cast<std::int32_t>(rows.integer(row, 1))});
  co_return out;
}

/// The result of one visit to a stream.
enum class look : std::uint8_t { nothing, busy, sealed };

struct locked_stream {
  bool locked = false;
  bool due = false;
  bool first = false; // the first visit since it was last sealed
};

/// Locks the stream's row of furrow.seal, or says that another sealer holds it. Records when it
/// first had fresh blocks.
task<result<locked_stream>>
lock_stream(pq_connection& db, std::int32_t stream, std::chrono::seconds due_after) {
  const auto reply = co_await db.query(
    "with held as materialized (select l.stream, l.due_at from furrow.seal l where l.stream = $1 "
    "                           for update skip locked), "
    "noted as (update furrow.seal l set due_at = now() + $2::bigint * interval '1 second' "
    "          from held where l.stream = held.stream and held.due_at is null) "
    "select $2::bigint = 0 or coalesce(held.due_at <= now(), false), held.due_at is null from held",
    pq_parameters{}.int4(stream).int8(due_after.count()));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0)
    co_return locked_stream{};
  co_return locked_stream{true, rows.integer(0, 0) != 0, rows.integer(0, 1) != 0};
}

/// Blocks for one chunk, in order, without those that the digest has yet to read. The server
/// decides whether there are enough, so that too few are not sent again and again.
task<result<std::vector<frame_run>>>
read_fresh(pq_connection& db, std::int32_t stream, bool due, bool behind_digest) {
  const auto reply = co_await db.query(
    "with part as materialized ("
    "  select p.* from (select b.seq_first, b.frames, coalesce(length(b.long_payload), 0) as long, "
    "      sum(b.frames) over w as frames_to, sum(coalesce(length(b.long_payload), 0)) over w as "
    "long_to "
    "    from furrow.can_block b where b.stream = $1 and b.seq_first > (select l.sealed_to from "
    "furrow.seal l where l.stream = $1) and furrow.may_seal($1)"
    "      and b.seq_first + b.frames - 1 <= case when $6 then coalesce((select d.seq from "
    "furrow.digest d where d.stream = $1), 0) else furrow.seal_limit($1) end "
    "    window w as (order by b.seq_first) order by b.seq_first limit $5) p "
    "  where p.frames_to - p.frames < $2 and p.long_to - p.long <= $3) "
    "select b.seq_first, b.frames, b.time_base, b.headers, b.header_index, b.time_offset, "
    "b.payload, b.long_payload "
    "from furrow.can_block b where b.stream = $1 and b.seq_first in (select part.seq_first from "
    "part) "
    "and ($4 or (select max(part.frames_to) >= $2 or max(part.long_to) > $3 or count(*) = $5 from "
    "part)) order by b.seq_first",
    pq_parameters{}
      .int4(stream)
      .int8(chunk_frames_max)
      .int8(chunk_long_bytes_max)
      .add(oid_bool, std::string_view{due ? "\1" : "\0", 1})
      .int8(blocks_max)
      .add(oid_bool, std::string_view{behind_digest ? "\1" : "\0", 1}));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<frame_run> runs(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row)
    if (!read_block(rows, row, runs[static_cast<std::size_t>(row)]))
      co_return failure{errc::misconfigured, "stream " + std::to_string(stream) + ", block "
                                               + std::to_string(rows.integer(row, 0))
                                               + ": its columns do not agree"};
  co_return runs;
}

template <class T, class Items, class Value>
std::string numbers(std::uint32_t type, const Items& items, Value value) {
  byte_buffer out;
  out.array<T>(type, items.size(), [&](std::size_t i) { return value(items[i]); });
  return std::string{out.view()};
}

task<std::optional<failure>>
insert_chunk(pq_connection& db, const candidate& of, const sealed_chunk& chunk) {
  using run = std::pair<std::uint64_t, std::uint64_t>;
  const auto reply = co_await db.query(
    "insert into furrow.can_chunk (stream, equipment_id, seq_first, seq_last, frames, time_first, "
    "time_last, run_first, run_frames, wide) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    pq_parameters{}
      .int4(of.stream)
      .int4(of.equipment)
      .int8(static_cast<std::int64_t>(chunk.seq_first))
      .int8(static_cast<std::int64_t>(chunk.seq_last))
      .int4(static_cast<std::int32_t>(chunk.frames))
      .timestamptz(chunk.time_first_us - epoch_2000_us)
      .timestamptz(chunk.time_last_us - epoch_2000_us)
      .add(oid::int8_array, numbers<std::uint64_t>(oid::int8, chunk.runs,
                                                   [](const run& each) { return each.first; }))
      .add(oid::int4_array, numbers<std::uint32_t>(oid::int4, chunk.runs,
                                                   [](const run& each) {
                                                     return static_cast<std::uint32_t>(each.second);
                                                   }))
      .add(oid_bool, std::string_view{chunk.wide ? "\1" : "\0", 1}));
  if (reply.error)
    co_return reply.error->as_failure();
  co_return std::nullopt;
}

void add_array(pq_parameters& to, const std::vector<std::uint64_t>& values) {
  to.add(oid::int8_array,
         numbers<std::uint64_t>(oid::int8, values, [](auto value) { return value; }));
}

task<std::optional<failure>>
insert_segment(pq_connection& db, std::int32_t stream, std::uint64_t chunk, const segment& one) {
  const bool shared = one.headers.size() > 1;
  pq_parameters row;
  row.int4(stream)
    .int8(static_cast<std::int64_t>(chunk))
    .int4(one.channel)
    .int4(static_cast<std::int32_t>(one.frames))
    .timestamptz(one.time_first_us - epoch_2000_us)
    .timestamptz(one.time_last_us - epoch_2000_us)
    .timestamptz(one.time_base_us - epoch_2000_us)
    .int8(static_cast<std::int64_t>(one.seq_base))
    .int8(one.time_step_us)
    .int4(one.time_planes)
    .int4(one.seq_planes)
    .int4(one.payload_planes);
  add_array(row, one.headers);
  row
    .add(oid::int8_array,
         numbers<std::int64_t>(oid::int8, one.anchors_us, [](std::int64_t value) { return value; }))
    .add(oid::bytea, one.data);
  const auto reply = co_await db.query(
    shared ? "insert into furrow.can_segment (stream, chunk, channel, frames, time_first, "
             "time_last, time_base, seq_base, time_step, time_planes, seq_planes, payload_planes, "
             "headers, time_anchors, data) "
             "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
           : "insert into furrow.can_segment (stream, chunk, channel, frames, time_first, "
             "time_last, time_base, seq_base, time_step, time_planes, seq_planes, payload_planes, "
             "header, time_anchors, data) "
             "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, ($13::bigint[])[1], $14, "
             "$15)",
    row);
  if (reply.error)
    co_return reply.error->as_failure();
  co_return std::nullopt;
}

} // namespace

task<std::optional<failure>> insert_sealed(pq_connection& db,
                                           std::int32_t stream,
                                           std::int32_t equipment,
                                           const sealed_chunk& chunk) {
  const candidate of{stream, equipment};
  auto failed = co_await insert_chunk(db, of, chunk);
  for (std::size_t i = 0; !failed && i < chunk.segments.size(); ++i)
    failed = co_await insert_segment(db, stream, chunk.seq_first, chunk.segments[i]);
  co_return failed;
}

namespace {

/// Deletes the blocks; fails unless they are the blocks that were read.
task<std::optional<failure>> delete_blocks(pq_connection& db,
                                           std::int32_t stream,
                                           const sealed_chunk& chunk,
                                           std::size_t blocks) {
  const auto reply = co_await db.query(
    "with gone as (delete from furrow.can_block b where b.stream = $1 and b.seq_first between $2 "
    "and $3 returning b.frames), "
    "moved as (update furrow.seal l set sealed_to = $3, due_at = null where l.stream = $1) "
    "select count(*), coalesce(sum(frames), 0)::bigint from gone",
    pq_parameters{}
      .int4(stream)
      .int8(static_cast<std::int64_t>(chunk.seq_first))
      .int8(static_cast<std::int64_t>(chunk.seq_last)));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.natural(0, 0) != blocks || rows.natural(0, 1) != chunk.frames)
    co_return failure{errc::retry_later, "stream " + std::to_string(stream)
                                           + ": its blocks were changed while they were sealed"};
  co_return std::nullopt;
}

/// A stream that ends with items of other kinds is not visited again until it grows. Blocks and
/// watermark are read at one moment.
task<std::optional<failure>> note_empty(pq_connection& db, std::int32_t stream) {
  const auto reply = co_await db.query(
    "update furrow.seal l set sealed_to = w.seq, due_at = null from furrow.stream_watermark w "
    "where l.stream = $1 and w.stream = $1 and furrow.may_seal($1) and not exists (select from "
    "furrow.can_block b where b.stream = $1 and b.seq_first > l.sealed_to)",
    pq_parameters{}.int4(stream));
  if (reply.error)
    co_return reply.error->as_failure();
  co_return std::nullopt;
}

std::optional<failure> passed(std::string_view failpoint) {
  if (failpoint::hit(failpoint))
    return failure{errc::retry_later, "failpoint"};
  return std::nullopt;
}

/// One chunk, in the transaction that is open.
task<std::optional<failure>> seal_runs(pq_connection& db,
                                       const candidate& of,
                                       std::span<const frame_run> runs,
                                       seal_outcome& sealed) {
  const auto chunk = storage::seal(runs);
  auto failed = co_await insert_sealed(db, of.stream, of.equipment, chunk);
  for (const auto& one : chunk.segments)
    sealed.bytes += one.data.size();
  if (!failed)
    failed = passed(failpoint::seal_inserted);
  if (!failed)
    failed = co_await delete_blocks(db, of.stream, chunk, runs.size());
  if (!failed)
    failed = passed(failpoint::seal_deleted);
  ++sealed.chunks;
  sealed.frames += chunk.frames;
  sealed.segments += chunk.segments.size();
  co_return failed;
}

/// Between begin and commit. `outcome` counts a chunk only when it is committed.
task<result<look>> seal_locked(pq_connection& db,
                               const candidate& of,
                               const seal_request& request,
                               seal_outcome& sealed) {
  const auto row = co_await lock_stream(db, of.stream, request.due_after);
  if (!row)
    co_return row.error();
  if (!row->locked)
    co_return look::busy;
  auto runs = co_await read_fresh(db, of.stream, row->due, request.behind_digest);
  if (!runs)
    co_return runs.error();
  if (runs->empty()) {
    if (row->due || row->first) {
      const auto unnoted = co_await note_empty(db, of.stream);
      if (unnoted)
        co_return *unnoted;
    }
    co_return look::nothing;
  }
  if (auto stopped = passed(failpoint::seal_read))
    co_return *stopped;
  // All that was read, so that a clock that jumps is not read again for each of its chunks.
  for (std::span<const frame_run> rest{*runs}; !rest.empty();) {
    const auto count = chunk_runs(rest);
    if (sealed.chunks > 0 && count == rest.size() && !row->due)
      break; // it may grow
    const auto failed = co_await seal_runs(db, of, rest.first(count), sealed);
    if (failed)
      co_return *failed;
    rest = rest.subspan(count);
  }
  co_return look::sealed;
}

task<result<look>> seal_chunk(pq_connection& db,
                              const candidate& of,
                              const seal_request& request,
                              seal_outcome& outcome) {
  const auto begun = co_await db.run("begin");
  if (begun.error)
    co_return begun.error->as_failure();
  seal_outcome sealed;
  auto work = co_await seal_locked(db, of, request, sealed);
  auto seen = co_await end_with(db, work);
  if (!seen)
    co_return seen;
  outcome.chunks += sealed.chunks;
  outcome.frames += sealed.frames;
  outcome.segments += sealed.segments;
  outcome.bytes += sealed.bytes;
  if (sealed.chunks > 0)
    if (auto stopped = passed(failpoint::seal_committed))
      co_return *stopped;
  co_return seen;
}

/// Streams take turns, a chunk each, and the next call goes on after the stream that had the last turn.
task<result<seal_outcome>>
seal(pq_connection& db, seal_request request, std::shared_ptr<std::int32_t> last_turn) {
  auto found = co_await candidates(db, request);
  if (!found)
    co_return found.error();
  auto open = std::move(*found);
  std::rotate(open.begin(),
              std::find_if(open.begin(), open.end(),
                           [&](const candidate& one) { return one.stream > *last_turn; }),
              open.end());
  seal_outcome outcome;
  while (!open.empty()) {
    std::vector<candidate> goes_on;
    for (const auto& one : open) {
      if (request.chunks_max > 0 && outcome.chunks >= request.chunks_max) {
        outcome.more = true;
        co_return outcome;
      }
      const auto seen = co_await seal_chunk(db, one, request, outcome);
      if (!seen)
        co_return seen.error();
      *last_turn = one.stream;
      outcome.busy += *seen == look::busy ? 1 : 0;
      if (*seen != look::sealed)
        continue;
      goes_on.push_back(one);
      if (request.pause.count() > 0)
        co_await pause_for(request.pause);
    }
    open = std::move(goes_on);
  }
  co_return outcome;
}

/// On its own connection: a chunk takes long.
class postgres_sealing : public seal_store {
public:
  explicit postgres_sealing(std::shared_ptr<postgres_pool> lane) : lane_{std::move(lane)} {}

  void seal(seal_request request, handler<seal_outcome> done) override {
    lane_->submit(job_of(false, std::move(done),
                         [request = std::move(request), last_turn = last_turn_](pq_connection& db) {
                           return postgres_work::seal(db, request, last_turn);
                         }));
  }

private:
  std::shared_ptr<std::int32_t> last_turn_ =
    std::make_shared<std::int32_t>(0); // on the lane's thread
  std::shared_ptr<postgres_pool> lane_;
};

} // namespace

std::unique_ptr<seal_store> make_sealing(std::shared_ptr<postgres_pool> lane) {
  return std::make_unique<postgres_sealing>(std::move(lane));
}

} // namespace furrow::storage::postgres_work
