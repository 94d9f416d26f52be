#include "storage/archive/segment_codec.hpp"
#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/query_pool.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace furrow::storage::postgres_work {

task<result<std::int32_t>>
find_equipment(pq_connection& db, const std::string& farm, const std::string& name) {
  const auto reply = co_await db.query(
    "select e.id from furrow.equipment e join furrow.farm f on f.id = e.farm_id "
    "where e.name = $1 and ($2 = '' or f.name = $2) and f.home_state <> 'gone' limit "
    "2",
    pq_parameters{}.text(name).text(farm));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0)
    co_return failure{errc::not_found, "no equipment " + name};
  if (rows.size() > 1)
    co_return failure{errc::not_found,
                      "more than one farm has an equipment " + name + ": name the farm"};
  co_return static_cast<std::int32_t>(rows.integer(0, 0));
}

bool read_block(const pq_rows& rows, int row, frame_run& run) {
  run.seq_first = rows.natural(row, 0);
  auto& block = run.block;
  block.time_base_us = rows.integer(row, 2) + epoch_2000_us;
  const auto sound = rows.array(row, 3, block.headers) && rows.array(row, 4, block.header_index)
                     && rows.array(row, 5, block.time_offset_us) && rows.array(row, 6, block.slots);
  const auto long_payload = rows.bytes(row, 7);
  block.long_payload.assign(long_payload.begin(), long_payload.end());
  return sound && block.size() == rows.natural(row, 1) && block.structural_fault() == nullptr;
}

namespace {

constexpr int page_blocks_max = 1'024;
constexpr int page_chunks_max = 2;
constexpr std::int64_t page_bytes_max = std::int64_t{4} << 20U;

} // namespace

/// A time before PostgreSQL's earliest time becomes -infinity, which is the lowest number in
/// binary.
std::int64_t from_bound(const std::optional<std::int64_t>& time_us) {
  constexpr std::int64_t margin_us = std::int64_t{27} * 3'600'000'000;
  return time_us && *time_us > time_us_min + margin_us ? *time_us - epoch_2000_us
                                                       : std::numeric_limits<std::int64_t>::min();
}

std::int64_t to_bound(const std::optional<std::int64_t>& time_us) {
  if (!time_us)
    return std::numeric_limits<std::int64_t>::max();
  return std::max(*time_us, time_us_min) - epoch_2000_us;
}

namespace {

task<result<std::vector<std::int32_t>>>
streams_from(pq_connection& db, std::int32_t equipment, std::int32_t first) {
  const auto reply = co_await db.query(
    "select id from furrow.stream where equipment_id = $1 and id >= $2 order by id",
    pq_parameters{}.int4(equipment).int4(first));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<std::int32_t> streams;
  streams.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row)
    streams.push_back(static_cast<std::int32_t>(rows.integer(row, 0)));
  co_return streams;
}

/// Columns of a row: as in read_block, with the anchors in place of the payload and the planes in
/// place of long_payload; then chunk, chunk_last, time_step, time_planes, seq_planes,
/// payload_planes.
bool read_segment(const pq_rows& rows, int row, segment& out) {
  out.seq_base = rows.natural(row, 0);
  out.frames = static_cast<std::uint32_t>(rows.integer(row, 1));
  out.time_base_us = rows.integer(row, 2) + epoch_2000_us;
  out.data = rows.text(row, 7);
  out.time_step_us = rows.integer(row, 10);
  out.time_planes = static_cast<std::uint8_t>(rows.integer(row, 11));
  out.seq_planes = static_cast<std::uint8_t>(rows.integer(row, 12));
  out.payload_planes = static_cast<std::uint16_t>(rows.integer(row, 13));
  return rows.array(row, 3, out.headers) && rows.array(row, 6, out.anchors_us);
}

failure disagree(std::int32_t stream, const char* what, std::uint64_t seq) {
  return {errc::misconfigured, "stream " + std::to_string(stream) + ", " + what + " "
                                 + std::to_string(seq) + ": its columns do not agree"};
}

/// Reads chunks from their segment rows; answers the last number of the last chunk.
result<std::uint64_t>
read_chunks(const pq_rows& rows, std::int32_t stream, std::uint64_t after, frames_page& page) {
  std::vector<segment> segments;
  std::uint64_t last = 0;
  for (int row = 0; row < rows.size(); ++row) {
    const auto chunk = rows.natural(row, 8);
    last = rows.natural(row, 9);
    if (!read_segment(rows, row, segments.emplace_back()))
      return disagree(stream, "chunk", chunk);
    if (row + 1 < rows.size() && rows.natural(row + 1, 8) == chunk)
      continue;
    if (!unseal(segments, after, page.runs))
      return disagree(stream, "chunk", chunk);
    segments.clear();
  }
  return last;
}

/// Chunks of a stream after a number that overlap a time: $1 stream, $2 after, $3 from, $4 to, $5 how many.
constexpr const char* chunk_select =
  "select c.seq_first, c.seq_last, c.time_first, c.time_last from furrow.can_chunk c "
  "where c.stream = $1 and c.seq_last > $2 "
  "and c.seq_first >= coalesce((select max(o.seq_first) from furrow.can_chunk o "
  "                             where o.stream = $1 and o.seq_first <= $2 + 1), 0) "
  "and (c.time_first >= $3 - interval '26 hours' or c.wide) and c.time_first <= $4 "
  "and c.time_last >= $3 order by c.seq_first limit $5";

/// One statement, so that it sees a frame in one tier and not in both or none while it is sealed: what is sealed comes
/// first, and then alone. $6 is the last chunk of the page, $7 and $8 the times of its chunks: as constants they let the
/// planner leave out partitions, which it then does not lock.
const std::string& page_statement() {
  static const std::string sql =
    std::string{"with found as materialized ("} + chunk_select
    + "), "
      "chunk as (select f.* from found f where f.seq_first <= $6) "
      "select s.seq_base, s.frames, s.time_base, coalesce(s.headers, array[s.header]) as headers, "
      "null::smallint[] as header_index, null::int[] as time_offset, s.time_anchors as payload, "
      "s.data as long_payload, c.seq_first as chunk, c.seq_last as chunk_last, s.time_step, "
      "s.time_planes, s.seq_planes, s.payload_planes "
      "from chunk c join furrow.can_segment s on s.stream = $1 and s.chunk = c.seq_first "
      "and s.time_first >= c.time_first and s.time_first <= c.time_last "
      "and s.time_first >= $7 and s.time_first <= $8 "
      "union all "
      "select seq_first, frames, time_base, headers, header_index, time_offset, payload, "
      "long_payload, null, null, null, null, null, null "
      "from (select b.*, coalesce(sum(bytes) over (order by seq_first rows between unbounded "
      "preceding and 1 preceding), 0) as before "
      "      from (select c.*, 14::bigint * c.frames + coalesce(length(c.long_payload), 0) as "
      "bytes "
      "            from furrow.can_block c "
      "            where c.stream = $1 and c.seq_first > $2 "
      "              and c.time_first >= $3 - interval '72 minutes' and c.time_first <= $4 "
      "              and c.time_last >= $3 and not exists (select from found) "
      "            order by c.seq_first limit $10) b) p "
      "where before < $9 order by chunk, seq_base";
  return sql;
}

/// The chunks of the next page: the last of them, its last number, and the time that they cover.
struct page_chunks {
  std::int64_t last_first = -1; // none
  std::uint64_t last = 0;
  std::int64_t time_first = std::numeric_limits<std::int64_t>::max();
  std::int64_t time_last = std::numeric_limits<std::int64_t>::min();
};

pq_parameters page_parameters(std::int32_t stream, std::uint64_t after, const frames_query& query) {
  return pq_parameters{}
    .int4(stream)
    .int8(static_cast<std::int64_t>(after))
    .timestamptz(from_bound(query.from_us))
    .timestamptz(to_bound(query.to_us))
    .int8(page_chunks_max);
}

task<result<page_chunks>> next_chunks(pq_connection& db, const pq_parameters& page) {
  static const std::string sql =
    std::string{"select max(c.seq_first), max(c.seq_last), min(c.time_first), max(c.time_last) "
                "from ("}
    + chunk_select + ") c";
  const auto reply = co_await db.query(sql.c_str(), page);
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.null(0, 0))
    co_return page_chunks{};
  co_return page_chunks{rows.integer(0, 0), rows.natural(0, 1), rows.integer(0, 2),
                        rows.integer(0, 3)};
}

/// Fills `page` from one stream; answers the number to continue after, 0 at the stream's end.
task<result<std::uint64_t>> read_stream(pq_connection& db,
                                        std::int32_t stream,
                                        std::uint64_t after,
                                        const frames_query& query,
                                        frames_page& page) {
  const auto asked = page_parameters(stream, after, query);
  auto chunks = co_await next_chunks(db, asked);
  pq_reply reply;
  for (bool read = false; !read;) {
    if (!chunks)
      co_return chunks.error();
    reply = co_await db.query(page_statement().c_str(), pq_parameters{asked}
                                                          .int8(chunks->last_first)
                                                          .timestamptz(chunks->time_first)
                                                          .timestamptz(chunks->time_last)
                                                          .int8(page_bytes_max)
                                                          .int8(page_blocks_max));
    if (reply.error)
      co_return reply.error->as_failure();
    if (pq_rows{reply.rows.get()}.size() > 0)
      break;
    if (chunks->last_first >= 0)
      co_return chunks->last; // of these chunks nothing is left
    // Either there is nothing, or all of it has been sealed since the chunks were looked for.
    chunks = co_await next_chunks(db, asked);
    read = chunks && chunks->last_first < 0;
  }
  const pq_rows rows{reply.rows.get()};
  if (rows.size() > 0 && !rows.null(0, 8))
    co_return read_chunks(rows, stream, after, page);
  std::size_t bytes = 0;
  for (int row = 0; row < rows.size(); ++row) {
    auto& run = page.runs.emplace_back();
    if (!read_block(rows, row, run))
      co_return disagree(stream, "block", run.seq_first);
    bytes += 14 * run.block.size() + run.block.long_payload.size();
  }
  const bool full =
    rows.size() == page_blocks_max || bytes >= static_cast<std::size_t>(page_bytes_max);
  // The last number of the block, not its first: it may be part of a chunk when the next page is read.
  co_return full ? page.runs.back().seq_first + page.runs.back().block.size() - 1
                 : std::uint64_t{0};
}

task<result<done>> read_buses(pq_connection& db, std::int32_t stream, frames_page& page) {
  const auto reply =
    co_await db.query("select s.stream_id, b.bus, b.name from furrow.stream s "
                      "left join furrow.bus b on b.stream = s.id where s.id = $1 order by b.bus",
                      pq_parameters{}.int4(stream));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  for (int row = 0; row < rows.size(); ++row) {
    const auto id = rows.bytes(row, 0);
    std::copy_n(id.begin(), std::min(id.size(), page.stream_id.size()), page.stream_id.begin());
    if (!rows.null(row, 1))
      page.buses.push_back({static_cast<std::uint8_t>(rows.integer(row, 1)), rows.text(row, 2)});
  }
  co_return done{};
}

} // namespace

task<result<std::uint64_t>>
read_stream_page(pq_connection& db, std::int32_t stream, std::uint64_t after, frames_page& page) {
  const frames_query any_time;
  co_return co_await read_stream(db, stream, after, any_time, page);
}

namespace {

task<result<frames_page>>
read_frames(pq_connection& db, const frames_query& query, frames_cursor cursor) {
  const auto equipment = co_await find_equipment(db, query.farm, query.equipment);
  if (!equipment)
    co_return equipment.error();
  const auto streams = co_await streams_from(db, *equipment, cursor.stream);
  if (!streams)
    co_return streams.error();
  frames_page page;
  for (std::size_t i = 0; i < streams->size(); ++i) {
    const auto stream = (*streams)[i];
    auto after = stream == cursor.stream ? cursor.seq : 0;
    bool again = true;
    while (again) { // a chunk without remaining frames makes an empty page
      const auto more = co_await read_stream(db, stream, after, query, page);
      if (!more)
        co_return more.error();
      after = *more;
      again = after != 0 && page.runs.empty();
    }
    if (page.runs.empty())
      continue; // no frame of that time in this stream
    const auto named = co_await read_buses(db, stream, page);
    if (!named)
      co_return named.error();
    if (after != 0)
      page.next = frames_cursor{stream, after};
    else if (i + 1 < streams->size())
      page.next = frames_cursor{(*streams)[i + 1], 0};
    break;
  }
  co_return page;
}

/// Where the last `count` frames of a stream begin, in both tiers together; 0: the stream has no
/// frames.
constexpr const char* tail_statement =
  "select coalesce(min(t.seq_first), 0) from (select r.seq_first, sum(r.frames) over (order by "
  "r.seq_first desc) - r.frames as newer from ((select seq_first, frames from furrow.can_block "
  "where stream = $1 order by seq_first desc limit $2) union all (select seq_first, frames from "
  "furrow.can_chunk where stream = $1 order by seq_first desc limit $2)) r) t where t.newer < $2";

task<result<std::vector<stored_frame>>> newest_frames(pq_connection& db,
                                                      const std::string& farm,
                                                      const std::string& name,
                                                      std::size_t wanted) {
  const auto equipment = co_await find_equipment(db, farm, name);
  if (!equipment)
    co_return equipment.error();
  const auto streams = co_await streams_from(db, *equipment, 0);
  if (!streams)
    co_return streams.error();
  const auto count = std::clamp<std::size_t>(wanted, 1, newest_frames_max);
  newest_gatherer gathered{count};
  for (const auto stream : *streams) {
    const auto tail = co_await db.query(
      tail_statement, pq_parameters{}.int4(stream).int8(static_cast<std::int64_t>(count)));
    if (tail.error)
      co_return tail.error->as_failure();
    const auto first = pq_rows{tail.rows.get()}.natural(0, 0);
    if (first == 0)
      continue;
    frames_page named;
    const auto buses = co_await read_buses(db, stream, named);
    if (!buses)
      co_return buses.error();
    for (auto after = first - 1;;) {
      auto page = named;
      const auto more = co_await read_stream_page(db, stream, after, page);
      if (!more)
        co_return more.error();
      gathered.add(page);
      if (*more == 0)
        break;
      after = *more;
    }
    gathered.end_stream();
  }
  co_return gathered.take();
}

/// Reads on the query pool.
class postgres_frames : public frame_store {
public:
  explicit postgres_frames(std::shared_ptr<query_pool> queries) : queries_{std::move(queries)} {}

  void read_frames(frames_query query, frames_cursor cursor, handler<frames_page> done) override {
    queries_->submit(
      job_of(false, std::move(done), [query = std::move(query), cursor](pq_connection& db) {
        return postgres_work::read_frames(db, query, cursor);
      }));
  }
  void newest_frames(std::string farm,
                     std::string equipment,
                     std::size_t count,
                     handler<std::vector<stored_frame>> done) override {
    queries_->submit(
      job_of(false, std::move(done),
             [farm = std::move(farm), equipment = std::move(equipment), count](pq_connection& db) {
               return postgres_work::newest_frames(db, farm, equipment, count);
             }));
  }

private:
  std::shared_ptr<query_pool> queries_;
};

} // namespace

std::unique_ptr<frame_store> make_frames(std::shared_ptr<query_pool> queries) {
  return std::make_unique<postgres_frames>(std::move(queries));
}

} // namespace furrow::storage::postgres_work
