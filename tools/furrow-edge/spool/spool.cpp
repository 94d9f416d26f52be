// Numbers and reads items, and gives the uplink the numbers that it needs.
#include "tools/furrow-edge/spool/spool.hpp"

#include "proto/wire.hpp"
#include "tools/furrow-edge/spool/spool_schema.hpp"

#include <algorithm>
#include <utility>

namespace furrow::edge {

namespace {

constexpr std::size_t sources_kept_max = 1'000;

result<done> insert_source(sqlite_database& database, source_row& row) {
  const auto forget = "delete from source where id <= (select max(id) from source) - "
                      + std::to_string(sources_kept_max);
  if (auto ok = database.execute(forget.c_str()); !ok)
    return ok;
  auto insert = database.prepare("insert into source (path, size, head_bytes, head_hash, offset, "
                                 "line, tail_hash, bad_lines, refused, reader_state) "
                                 "values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
  if (!insert)
    return insert.error();
  if (auto ok = insert->bind(1, std::string_view{row.path})
                  .bind(2, row.size)
                  .bind(3, row.head_bytes)
                  .bind(4, row.head_hash)
                  .bind(5, row.offset)
                  .bind(6, row.line)
                  .bind(7, row.tail_hash)
                  .bind(8, row.bad_lines)
                  .bind(9, row.refused)
                  .bind(10, std::string_view{row.reader_state})
                  .run();
      !ok)
    return ok;
  const auto id = database.number("select last_insert_rowid()");
  if (!id)
    return id.error();
  row.id = id->value_or(0);
  return done{};
}

result<done> save_progress(sqlite_database& database, source_row& row) {
  if (row.id == 0)
    return insert_source(database, row);
  auto update = database.prepare("update source set size = ?2, offset = ?3, line = ?4, "
                                 "tail_hash = ?5, bad_lines = ?6, refused = ?7, reader_state = ?8 "
                                 "where id = ?1");
  if (!update)
    return update.error();
  return update->bind(1, row.id)
    .bind(2, row.size)
    .bind(3, row.offset)
    .bind(4, row.line)
    .bind(5, row.tail_hash)
    .bind(6, row.bad_lines)
    .bind(7, row.refused)
    .bind(8, std::string_view{row.reader_state})
    .run();
}

result<done> save_buses(sqlite_database& database, std::span<const can::bus_name> buses) {
  auto insert = database.prepare("insert or replace into bus values (?1, ?2)");
  if (!insert)
    return insert.error();
  for (const auto& bus : buses)
    if (auto ok = insert->bind(1, std::int64_t{bus.bus}).bind(2, std::string_view{bus.name}).run();
        !ok)
      return ok;
  return done{};
}

} // namespace

std::int64_t spool::now_ms() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_().time_since_epoch()).count();
}

result<done> spool::set_durability(durability level) {
  if (durability_ == level)
    return done{};
  auto ok = writer_.execute(level == durability::full ? "pragma synchronous = full"
                                                      : "pragma synchronous = normal");
  if (ok)
    durability_ = level;
  return ok;
}

result<done> spool::append(std::span<const encoded_group> groups,
                           std::span<const can::bus_name> new_buses,
                           source_row* progress) {
  const std::lock_guard writing{writing_};
  std::uint64_t bytes = 0;
  for (const auto& group : groups)
    bytes += group.bytes.size();
  auto ok = bytes > 0 ? admit(bytes) : result<done>{done{}};
  if (ok) {
    ok = save_items(groups, new_buses, progress);
    disk_short_ = ok.code() == errc::full;
  }
  if (ok)
    settled_ = false;
  short_of_room_ = ok.code() == errc::full;
  return ok;
}

result<done> spool::save_items(std::span<const encoded_group> groups,
                               std::span<const can::bus_name> new_buses,
                               source_row* progress) {
  if (auto ok = set_durability(durability::full); !ok)
    return ok;
  if (!run_begun_)
    if (auto ok = begin_run(); !ok)
      return ok;
  auto transaction = sqlite_transaction::begin(writer_);
  if (!transaction)
    return transaction.error();
  auto place = next_place_;
  auto total = bytes_total_;
  for (const auto& group : groups) {
    if (auto ok = insert_block_.bind(1, place)
                    .bind(2, std::int64_t{group.count})
                    .bind(3, total)
                    .bind(4, block_checksum(place, group.count, group.bytes))
                    .bind_blob(5, std::string_view{group.bytes})
                    .run();
        !ok)
      return ok;
    place += group.count;
    total += group.bytes.size();
  }
  if (auto ok = save_buses(writer_, new_buses); !ok)
    return ok;
  auto saved = progress != nullptr ? *progress : source_row{};
  if (progress != nullptr)
    if (auto ok = save_progress(writer_, saved); !ok)
      return ok;
  auto numbers = writer_.prepare("update stream set next_place = ?1, bytes_total = ?2");
  if (!numbers)
    return numbers.error();
  if (auto ok = numbers->bind(1, place).bind(2, total).run(); !ok)
    return ok;
  if (auto ok = transaction->commit(); !ok)
    return ok;
  if (progress != nullptr)
    progress->id = saved.id; // only now: a transaction that failed gave no id
  const std::lock_guard guard{guard_};
  next_place_ = place;
  bytes_total_ = total;
  buses_.insert(buses_.end(), new_buses.begin(), new_buses.end());
  return done{};
}

void spool::note_newest(const frame_picker& picked) {
  const auto place = [this] {
    const std::lock_guard guard{guard_};
    return next_place_ - 1;
  }();
  const std::lock_guard newest{newest_guard_};
  newest_.put(picked, place);
}

void spool::begin_samples() {
  const std::lock_guard newest{newest_guard_};
  newest_.begin();
}

can::frame_block spool::sample(std::uint64_t from, std::size_t bytes_max) {
  const auto place = [&] {
    const std::lock_guard guard{guard_};
    return base_ + from;
  }();
  const std::lock_guard newest{newest_guard_};
  return newest_.take(place, bytes_max);
}

result<std::vector<source_row>> spool::sources() {
  const std::lock_guard writing{writing_};
  return load_sources(writer_);
}

stream_state spool::state() const {
  const std::lock_guard guard{guard_};
  return {stream_id_, first_place_ - base_, next_place_ - base_ - 1, acked_place_ - base_, runs_,
          buses_};
}

std::uint64_t spool::last_seq() const {
  const std::lock_guard guard{guard_};
  return next_place_ - base_ - 1;
}

std::uint64_t spool::acked_seq() const {
  const std::lock_guard guard{guard_};
  return acked_place_ - base_;
}

std::uint64_t spool::run() const {
  const std::lock_guard guard{guard_};
  return runs_.empty() ? 0 : runs_.back().run;
}

std::size_t spool::bus_count() const {
  const std::lock_guard guard{guard_};
  return buses_.size();
}

result<std::vector<item_block>>
spool::read(std::uint64_t from, std::size_t bytes_max, std::size_t blocks_max) {
  const auto [base, next] = [this] {
    const std::lock_guard guard{guard_};
    return std::pair{base_, next_place_};
  }();
  std::vector<item_block> blocks;
  auto place = base + from; // the next block begins here, the first block here or before
  std::size_t bytes = 0;
  select_blocks_.bind(1, place);
  while (place < next && blocks.size() < blocks_max && bytes < bytes_max) {
    const auto row = select_blocks_.step();
    if (!row)
      return row.error();
    const auto at = *row ? select_blocks_.bits(0) : next;
    const auto count = *row ? static_cast<std::uint32_t>(select_blocks_.integer(1)) : 0;
    const bool follows = blocks.empty() ? at <= place && at + count > place : at == place;
    auto block_bytes = follows ? select_blocks_.text(3) : std::string{};
    if (!follows || block_checksum(at, count, block_bytes) != select_blocks_.bits(2)) {
      if (blocks.empty()) {
        const auto lost_from = follows && place - at < proto::records_max ? at : place;
        const auto end = place_after(std::max(place, at <= place ? place : at - 1));
        select_blocks_.reset();
        if (!end)
          return end.error();
        auto lost = lost_block({lost_from, *end - lost_from});
        if (!lost)
          return lost.error();
        blocks.push_back(std::move(*lost));
      }
      break; // the blocks before it go first
    }
    place = at + count;
    bytes += block_bytes.size();
    blocks.push_back(
      {at - base, count, std::make_shared<const std::string>(std::move(block_bytes))});
  }
  select_blocks_.reset();
  return blocks;
}

result<std::uint64_t> spool::place_after(std::uint64_t place) {
  auto select = reader_.prepare("select min(place) from item_block where place > ?1");
  if (!select)
    return select.error();
  const auto row = select->bind(1, place).step();
  if (!row)
    return row.error();
  const std::lock_guard guard{guard_};
  return *row && !select->is_null(0) ? select->bits(0) : next_place_;
}

result<item_block> spool::lost_block(place_range range) {
  const std::lock_guard writing{writing_};
  if (auto ok = set_durability(durability::normal); !ok)
    return ok.error();
  // A damage found once keeps its extent and its time: what is sent again must be the same.
  auto found = writer_.prepare("select place, count, found_at_us from damage "
                               "where place <= ?1 order by place desc limit 1");
  if (!found)
    return found.error();
  const auto row = found->bind(1, range.first).step();
  if (!row)
    return row.error();
  auto found_at_us = now_ms() * 1'000;
  if (*row && found->bits(0) + found->bits(1) > range.first) {
    range = {found->bits(0), found->bits(1)};
    found_at_us = found->integer(2);
  } else {
    range.count = std::min<std::uint64_t>(range.count, proto::records_max);
    if (auto ok = with_reserve([&] { return save_damage(range, found_at_us); }); !ok)
      return ok.error();
  }
  const auto seq_first = range.first - base_;
  const auto count = static_cast<std::uint32_t>(range.count);
  if (known_damage_.insert(range.first).second && damaged_)
    damaged_(seq_first, count);
  const can::record record{found_at_us, can::record_kind_lost,
                           R"({"lost":"its block in the gateway's spool was damaged"})"};
  const std::vector<can::record> records(count, record);
  return item_block{seq_first, count,
                    std::make_shared<const std::string>(proto::encode_items(records))};
}

result<done> spool::save_damage(place_range range, std::int64_t found_at_us) {
  auto transaction = sqlite_transaction::begin(writer_);
  if (!transaction)
    return transaction.error();
  auto insert = writer_.prepare("insert into damage values (?1, ?2, ?3)");
  if (!insert)
    return insert.error();
  if (auto ok = insert->bind(1, range.first).bind(2, range.count).bind(3, found_at_us).run(); !ok)
    return ok;
  const auto lost = "update stream set lost_items = lost_items + " + std::to_string(range.count);
  if (auto ok = writer_.execute(lost.c_str()); !ok)
    return ok;
  return transaction->commit();
}

} // namespace furrow::edge
