#include "storage/postgres_work.hpp"
#include "storage/pq_rows.hpp"

#include <limits>

namespace furrow::storage::postgres_work {

task<result<std::int32_t>>
find_equipment(pq_connection& db, const std::string& farm, const std::string& name) {
  const auto reply =
    co_await db.query("select e.id from furrow.equipment e join furrow.farm f on f.id = e.farm_id "
                      "where e.name = $1 and ($2 = '' or f.name = $2) limit 2",
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
constexpr std::int64_t page_bytes_max = std::int64_t{4} << 20U;

/// What lies before all of PostgreSQL's time is as good as -infinity, which is the lowest number in
/// binary.
std::int64_t from_bound(const std::optional<std::int64_t>& time_us) {
  constexpr std::int64_t margin_us = std::int64_t{2} * 72 * 60'000'000;
  return time_us && *time_us > time_us_min + margin_us ? *time_us - epoch_2000_us
                                                       : std::numeric_limits<std::int64_t>::min();
}

std::int64_t to_bound(const std::optional<std::int64_t>& time_us) {
  if (!time_us)
    return std::numeric_limits<std::int64_t>::max();
  return std::max(*time_us, time_us_min) - epoch_2000_us;
}

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

/// Fills `page` from one stream; answers the number to go on after, 0 when the stream has no more.
task<result<std::uint64_t>> read_stream(pq_connection& db,
                                        std::int32_t stream,
                                        std::uint64_t after,
                                        const frames_query& query,
                                        frames_page& page) {
  const auto reply =
    co_await db.query("select seq_first, frames, time_base, headers, header_index, time_offset, "
                      "payload, long_payload, before + bytes "
                      "from (select b.*, coalesce(sum(bytes) over (order by seq_first rows between "
                      "unbounded preceding and 1 preceding), 0)"
                      "        as before"
                      "      from (select c.*, 14::bigint * c.frames + "
                      "coalesce(length(c.long_payload), 0) as bytes from furrow.can_block c"
                      "            where c.stream = $1 and c.seq_first > $2 and c.time_first >= $3 "
                      "- interval '72 minutes'"
                      "              and c.time_first <= $4 and c.time_last >= $3 order by "
                      "c.seq_first limit $6) b) p "
                      "where before < $5 order by seq_first",
                      pq_parameters{}
                        .int4(stream)
                        .int8(static_cast<std::int64_t>(after))
                        .timestamptz(from_bound(query.from_us))
                        .timestamptz(to_bound(query.to_us))
                        .int8(page_bytes_max)
                        .int8(page_blocks_max));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::size_t bytes = 0;
  for (int row = 0; row < rows.size(); ++row) {
    auto& run = page.runs.emplace_back();
    if (!read_block(rows, row, run))
      co_return failure{errc::misconfigured, "stream " + std::to_string(stream) + ", block "
                                               + std::to_string(run.seq_first)
                                               + ": its columns do not agree"};
    bytes += 14 * run.block.size() + run.block.long_payload.size();
  }
  const bool full =
    rows.size() == page_blocks_max || bytes >= static_cast<std::size_t>(page_bytes_max);
  co_return full ? page.runs.back().seq_first : std::uint64_t{0};
}

task<result<done>> read_buses(pq_connection& db, std::int32_t stream, frames_page& page) {
  const auto reply =
    co_await db.query("select bus, name from furrow.bus where stream = $1 order by bus",
                      pq_parameters{}.int4(stream));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  for (int row = 0; row < rows.size(); ++row)
    page.buses.push_back({static_cast<std::uint8_t>(rows.integer(row, 0)), rows.text(row, 1)});
  co_return done{};
}

} // namespace

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
    const auto after = stream == cursor.stream ? cursor.seq : 0;
    const auto more = co_await read_stream(db, stream, after, query, page);
    if (!more)
      co_return more.error();
    if (page.runs.empty())
      continue; // nothing of that time in this stream
    const auto named = co_await read_buses(db, stream, page);
    if (!named)
      co_return named.error();
    if (*more != 0)
      page.next = frames_cursor{stream, *more};
    else if (i + 1 < streams->size())
      page.next = frames_cursor{(*streams)[i + 1], 0};
    break;
  }
  co_return page;
}

task<result<std::vector<ledger_row>>>
read_ledger(pq_connection& db, const std::string& farm, const std::string& equipment) {
  const auto reply = co_await db.query(
    "select farm, equipment, stream_id, sent, durable, stored, lost, doubled, quarantined from "
    "furrow.ledger "
    "where ($1 = '' or farm = $1) and ($2 = '' or equipment = $2) order by farm, equipment, stream",
    pq_parameters{}.text(farm).text(equipment));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0 && !equipment.empty())
    co_return failure{errc::not_found, "no equipment " + equipment};
  std::vector<ledger_row> out(static_cast<std::size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i) {
    auto& row = out[static_cast<std::size_t>(i)];
    row.farm = rows.text(i, 0);
    row.equipment = rows.text(i, 1);
    const auto id = rows.bytes(i, 2);
    std::copy_n(id.begin(), std::min(id.size(), row.stream_id.size()), row.stream_id.begin());
    row.sent = rows.natural(i, 3);
    row.durable = rows.natural(i, 4);
    row.stored = rows.natural(i, 5);
    row.lost = rows.natural(i, 6);
    row.doubled = rows.natural(i, 7);
    row.quarantined = rows.natural(i, 8);
  }
  co_return out;
}

task<result<std::vector<equipment_row>>> list_equipment(pq_connection& db,
                                                        const std::string& farm) {
  const auto reply = co_await db.query(
    "select f.name, e.name, e.iso_name, count(s.id), coalesce(sum(w.seq), 0)::bigint, "
    "max(l.time_last) "
    "from furrow.equipment e join furrow.farm f on f.id = e.farm_id left join furrow.stream s on "
    "s.equipment_id = e.id "
    "left join furrow.stream_watermark w on w.stream = s.id "
    "left join lateral (select b.time_last from furrow.can_block b where b.stream = s.id "
    "                   order by b.seq_first desc limit 1) l on true "
    "where $1 = '' or f.name = $1 group by f.name, e.id order by f.name, e.name",
    pq_parameters{}.text(farm));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<equipment_row> out(static_cast<std::size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i) {
    auto& row = out[static_cast<std::size_t>(i)];
    row.farm = rows.text(i, 0);
    row.name = rows.text(i, 1);
    if (!rows.null(i, 2))
      row.iso_name = rows.natural(i, 2);
    row.streams = rows.natural(i, 3);
    row.durable = rows.natural(i, 4);
    if (!rows.null(i, 5))
      row.last_frame_us = rows.integer(i, 5) + epoch_2000_us;
  }
  co_return out;
}

task<result<store_health>> health(pq_connection& db) {
  const auto begun = std::chrono::steady_clock::now();
  const auto reply = co_await db.query("select 1");
  store_health out;
  out.latency =
    std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
  out.mode = "postgresql";
  if (reply.error) {
    out.detail = reply.error->message;
    co_return out;
  }
  out.up = true;
  const char* version = PQparameterStatus(db.raw(), "server_version");
  if (version != nullptr)
    out.mode += " " + std::string{version}.substr(0, std::string_view{version}.find(' '));
  co_return out;
}

} // namespace furrow::storage::postgres_work
