#include "storage/frames.hpp"

#include "storage/sqlite/areas.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/work.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace furrow::storage::sqlite_work {

namespace {

constexpr std::size_t page_bytes_max = 4U << 20U;

template <class T>
bool fill(std::vector<T>& column, std::string_view bytes, std::size_t count) {
  if (bytes.size() != count * sizeof(T))
    return false;
  column.resize(count);
  if (!bytes.empty())
    std::memcpy(column.data(), bytes.data(), bytes.size());
  return true;
}

} // namespace

bool read_block(const sqlite_statement& row, frame_run& run) {
  run.seq_first = row.natural(0);
  auto& block = run.block;
  const auto frames = static_cast<std::size_t>(row.natural(1));
  block.time_base_us = row.integer(2);
  const auto headers = row.bytes(3);
  const auto long_payload = row.bytes(7);
  return fill(block.headers, headers, headers.size() / 8)
         && fill(block.header_index, row.bytes(4), frames)
         && fill(block.time_offset_us, row.bytes(5), frames)
         && fill(block.slots, row.bytes(6), frames)
         && fill(block.long_payload, long_payload, long_payload.size())
         && block.structural_fault() == nullptr;
}

result<std::int64_t>
find_equipment(sqlite_db& db, const std::string& farm, const std::string& name) {
  auto rows = db.statement("select e.id from equipment e join farm f on f.id = e.farm_id "
                           "where e.name = ?1 and (?2 = '' or f.name = ?2) limit 2");
  rows.with(name, farm);
  if (!rows.step())
    return failure{errc::not_found, "no equipment " + name};
  const auto id = rows.integer(0);
  if (rows.step())
    return failure{errc::not_found,
                   "more than one farm has an equipment " + name + ": name the farm"};
  return id;
}

namespace {

std::vector<std::int32_t> streams_from(sqlite_db& db, std::int64_t equipment, std::int32_t first) {
  std::vector<std::int32_t> streams;
  auto rows = db.statement("select id from stream where equipment_id = ? and id >= ? order by id");
  rows.with(equipment, first);
  while (rows.step())
    streams.push_back(static_cast<std::int32_t>(rows.integer(0)));
  return streams;
}

std::size_t stored_bytes(const can::frame_block& block) {
  return block.headers.size() * 8 + block.size() * 14 + block.long_payload.size();
}

/// Fills `page` from one stream; answers the number to continue after, 0 at the stream's end.
result<std::uint64_t> read_stream(sqlite_db& db,
                                  std::int32_t stream,
                                  std::uint64_t after,
                                  const frames_query& query,
                                  frames_page& page) {
  auto rows =
    db.statement("select seq_first, frames, time_base, headers, header_index, time_offset, "
                 "payload, long_payload "
                 "from can_block where stream = ?1 and seq_first > ?2 "
                 "and time_last >= ifnull(?3, time_last) and time_first <= ifnull(?4, time_first) "
                 "order by seq_first");
  rows.with(stream, after, query.from_us, query.to_us);
  std::size_t bytes = 0;
  while (rows.step()) {
    if (bytes >= page_bytes_max)
      return page.runs.back().seq_first;
    auto& run = page.runs.emplace_back();
    if (!read_block(rows, run))
      return failure{errc::misconfigured, "stream " + std::to_string(stream) + ", block "
                                            + std::to_string(run.seq_first)
                                            + ": its columns do not agree"};
    bytes += stored_bytes(run.block);
  }
  return std::uint64_t{0};
}

void read_buses(sqlite_db& db, std::int32_t stream, frames_page& page) {
  auto rows = db.statement("select s.stream_id, b.bus, b.name from stream s left join bus b on "
                           "b.stream = s.id where s.id = ? order by b.bus");
  rows.with(stream);
  while (rows.step()) {
    const auto id = rows.bytes(0);
    std::memcpy(page.stream_id.data(), id.data(), std::min(page.stream_id.size(), id.size()));
    if (!rows.null(1))
      page.buses.push_back(
        {static_cast<std::uint8_t>(rows.integer(1)), std::string{rows.bytes(2)}});
  }
}

result<frames_page>
read_frames(sqlite_db& db, const frames_query& query, const frames_cursor& cursor) {
  const auto equipment = find_equipment(db, query.farm, query.equipment);
  if (!equipment)
    return equipment.error();
  frames_page page;
  const auto streams = streams_from(db, *equipment, cursor.stream);
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const auto stream = streams[i];
    const auto more =
      read_stream(db, stream, stream == cursor.stream ? cursor.seq : 0, query, page);
    if (!more)
      return more.error();
    if (page.runs.empty())
      continue; // no frame of that time in this stream
    read_buses(db, stream, page);
    if (*more != 0)
      page.next = frames_cursor{stream, *more};
    else if (i + 1 < streams.size())
      page.next = frames_cursor{streams[i + 1], 0};
    break;
  }
  return page;
}

/// Where the last `count` frames of a stream begin; 0: the stream has no frames.
std::uint64_t tail_of(sqlite_db& db, std::int32_t stream, std::size_t count) {
  auto tail = db.statement(
    "select ifnull(min(seq_first), 0) from (select seq_first, sum(frames) over (order by seq_first "
    "desc) - frames as newer from (select seq_first, frames from can_block where stream = ?1 order "
    "by seq_first desc limit ?2)) where newer < ?2");
  tail.with(stream, std::uint64_t{count});
  return tail.step() ? tail.natural(0) : 0;
}

result<std::vector<stored_frame>>
newest_frames(sqlite_db& db, const std::string& farm, const std::string& name, std::size_t wanted) {
  const auto equipment = find_equipment(db, farm, name);
  if (!equipment)
    return equipment.error();
  const auto count = std::clamp<std::size_t>(wanted, 1, newest_frames_max);
  newest_gatherer gathered{count};
  for (const auto stream : streams_from(db, *equipment, 0)) {
    const auto first = tail_of(db, stream, count);
    if (first == 0)
      continue;
    frames_page named;
    read_buses(db, stream, named);
    for (auto after = first - 1;;) {
      auto page = named;
      const auto more = read_stream(db, stream, after, {}, page);
      if (!more)
        return more.error();
      gathered.add(page);
      if (*more == 0)
        break;
      after = *more;
    }
    gathered.end_stream();
  }
  return gathered.take();
}

/// Reads on the reading connection.
class sqlite_frames : public frame_store {
public:
  explicit sqlite_frames(sqlite_connections db) : reader_{std::move(db.reader)} {}

  void read_frames(frames_query query, frames_cursor cursor, handler<frames_page> done) override {
    reader_->submit(std::move(done), [query = std::move(query), cursor](sqlite_db& db) {
      return sqlite_work::read_frames(db, query, cursor);
    });
  }
  void newest_frames(std::string farm,
                     std::string equipment,
                     std::size_t count,
                     handler<std::vector<stored_frame>> done) override {
    reader_->submit(std::move(done), [farm = std::move(farm), equipment = std::move(equipment),
                                      count](sqlite_db& db) {
      return sqlite_work::newest_frames(db, farm, equipment, count);
    });
  }

private:
  std::shared_ptr<sqlite_connection> reader_;
};

} // namespace

std::unique_ptr<frame_store> make_frames(sqlite_connections db) {
  return std::make_unique<sqlite_frames>(std::move(db));
}

} // namespace furrow::storage::sqlite_work
