// Items after they were sent: acked, kept for a while for a rewind, deleted; or moved to a new stream.
#include "tools/furrow-edge/spool/spool.hpp"
#include "tools/furrow-edge/spool/spool_schema.hpp"

#include <algorithm>
#include <utility>

namespace furrow::edge {

namespace {

constexpr std::uint64_t prune_blocks_max = 256; // per step: some milliseconds
constexpr std::int64_t free_pages_kept = 4'096; // 16 MiB of room to grow
constexpr std::int64_t save_interval_ms = 1'000;

} // namespace

void spool::acknowledge(std::uint64_t durable_seq) {
  const std::lock_guard guard{guard_};
  const auto place = std::min(base_ + durable_seq, next_place_ - 1);
  acked_place_ = std::max(acked_place_, place);
}

void spool::rewind(std::uint64_t from_seq) {
  const std::lock_guard guard{guard_};
  acked_place_ = std::min(acked_place_, base_ + from_seq - 1);
}

result<done> spool::welcomed(std::uint64_t resume_from, std::uint64_t run) {
  const std::lock_guard writing{writing_};
  {
    const std::lock_guard guard{guard_};
    acked_place_ = std::min(base_ + resume_from - 1, next_place_ - 1);
  }
  const auto ok = with_reserve([&] { return forget_runs_before(run); });
  // Without room the runs stay on the list, and the next hello names them again. So do the files.
  if (!ok)
    return ok.code() == errc::full ? done{} : ok;
  const auto dropped = with_reserve([&] { return drop_files(); });
  return dropped.code() == errc::full ? done{} : dropped;
}

result<done> spool::forget_runs_before(std::uint64_t run) {
  const auto known =
    std::find_if(runs_.begin(), runs_.end(), [run](const auto& mark) { return mark.run == run; });
  if (known == runs_.begin() || known == runs_.end())
    return done{};
  const std::vector<can::run_mark> rest{known, runs_.end()};
  if (auto ok = set_durability(durability::normal); !ok)
    return ok;
  auto transaction = sqlite_transaction::begin(writer_);
  if (!transaction)
    return transaction.error();
  if (auto ok = write_runs(rest); !ok)
    return ok;
  if (auto ok = transaction->commit(); !ok)
    return ok;
  const std::lock_guard guard{guard_};
  runs_ = rest;
  return done{};
}

result<done> spool::save_acked() {
  const auto [place, base] = [this] {
    const std::lock_guard guard{guard_};
    return std::pair{acked_place_, base_};
  }();
  auto transaction = sqlite_transaction::begin(writer_);
  if (!transaction)
    return transaction.error();
  auto update = writer_.prepare("update stream set acked_place = ?1");
  auto forget = writer_.prepare("delete from ack where place >= ?1");
  auto insert = writer_.prepare("insert into ack values (?1, ?2)");
  if (!update || !forget || !insert)
    return failure{errc::damaged, "the spool lacks its tables"};
  const auto now = now_ms();
  for (auto* statement : {&update->bind(1, place), &forget->bind(1, place)})
    if (auto ok = statement->run(); !ok)
      return ok;
  if (place > base)
    if (auto ok = insert->bind(1, place).bind(2, now).run(); !ok)
      return ok;
  if (auto ok = transaction->commit(); !ok)
    return ok;
  saved_acked_place_ = place;
  acked_saved_ms_ = now;
  return done{};
}

/// Returns the highest place that is no longer needed: items up to it are acked and too old, or acked and too many, or
/// of an abandoned stream.
result<std::uint64_t> spool::prunable_place() {
  const auto keep_ms =
    std::chrono::duration_cast<std::chrono::milliseconds>(options_.retain_time).count();
  auto by_time = writer_.prepare("select max(place) from ack where acked_at_ms <= ?1");
  if (!by_time)
    return by_time.error();
  if (const auto row = by_time->bind(1, now_ms() - keep_ms).step(); !row)
    return row.error();
  const auto acked = std::min(acked_place_, saved_acked_place_);
  const auto expired = std::max(base_, std::min(by_time->bits(0), acked));
  by_time->reset();
  const auto retain = short_of_room_ ? 0 : options_.retain_bytes;
  auto by_bytes = writer_.prepare("select max(place + count - 1) from (select place, count, lead("
                                  "bytes_before, 1, ?1) over (order by place) as bytes_until "
                                  "from (select place, count, bytes_before from item_block "
                                  "order by place limit ?2)) where bytes_until <= ?3");
  auto unacked = writer_.prepare("select coalesce((select bytes_before from item_block where "
                                 "place > ?1 order by place limit 1), ?2)");
  if (!by_bytes || !unacked)
    return failure{errc::damaged, "the spool lacks its tables"};
  if (const auto row = unacked->bind(1, acked).bind(2, bytes_total_).step(); !row)
    return row.error();
  const auto acked_until = unacked->bits(0);
  if (acked_until <= retain)
    return expired;
  const auto surplus = acked_until - retain;
  by_bytes->bind(1, bytes_total_).bind(2, prune_blocks_max + 1).bind(3, surplus);
  if (const auto row = by_bytes->step(); !row)
    return row.error();
  return std::max(expired, std::min(by_bytes->bits(0), acked));
}

result<bool> spool::maintain() {
  const std::lock_guard writing{writing_};
  auto more = with_reserve([this] { return prune(); });
  if (disk_short_ && !settled_)
    settle();
  room_.hold();
  return more;
}

/// One step of `maintain`.
result<bool> spool::prune() {
  if (auto ok = set_durability(durability::normal); !ok)
    return ok.error();
  const bool is_due = now_ms() - acked_saved_ms_ >= save_interval_ms || now_ms() < acked_saved_ms_;
  if (acked_seq() + base_ != saved_acked_place_ && is_due)
    if (auto ok = save_acked(); !ok)
      return ok.error();
  const auto until = prunable_place();
  if (!until)
    return until.error();
  auto select =
    writer_.prepare("select count(*), max(place) from (select place from item_block "
                    "where place <= ?1 and place + count - 1 <= ?1 order by place limit ?2)");
  if (!select)
    return select.error();
  if (const auto row = select->bind(1, *until).bind(2, prune_blocks_max).step(); !row)
    return row.error();
  const auto count = select->bits(0);
  const auto last = select->bits(1);
  select->reset();
  if (count == 0)
    return false;
  auto remove = writer_.prepare("delete from item_block where place <= ?1");
  auto forget = writer_.prepare("delete from ack where place < ?1");
  auto mend = writer_.prepare("delete from damage where place <= ?1");
  if (!remove || !forget || !mend)
    return failure{errc::damaged, "the spool lacks its tables"};
  auto transaction = sqlite_transaction::begin(writer_);
  if (!transaction)
    return transaction.error();
  for (auto* statement : {&remove->bind(1, last), &forget->bind(1, last), &mend->bind(1, last)})
    if (auto ok = statement->run(); !ok)
      return ok.error();
  if (auto ok = transaction->commit(); !ok)
    return ok.error();
  settled_ = false;
  if (auto ok = refresh_first(); !ok)
    return ok.error();
  const auto free_pages = writer_.number("pragma freelist_count");
  if (free_pages && free_pages->value_or(0) > free_pages_kept)
    give_back_pages();
  return count == prune_blocks_max;
}

result<done> spool::refresh_first() {
  const auto of_stream = "select min(place) from item_block where place > " + std::to_string(base_);
  const auto first = writer_.number(of_stream.c_str());
  if (!first)
    return first.error();
  const auto before = writer_.number("select bytes_before from item_block order by place limit 1");
  if (!before)
    return before.error();
  const std::lock_guard guard{guard_};
  first_place_ = *first ? static_cast<std::uint64_t>(**first) : next_place_;
  bytes_before_ = *before ? static_cast<std::uint64_t>(**before) : bytes_total_;
  return done{};
}

/// Splits the block that holds items before and after `place`, and drops the items before it.
result<done> spool::split_at(std::uint64_t place) {
  auto select =
    writer_.prepare("select place, count, bytes_before, checksum, bytes from item_block "
                    "where place < ?1 order by place desc limit 1");
  if (!select)
    return select.error();
  const auto row = select->bind(1, place).step();
  if (!row)
    return row.error();
  const auto at = *row ? select->bits(0) : 0;
  const auto count = *row ? static_cast<std::uint32_t>(select->integer(1)) : 0;
  if (!*row || at + count <= place)
    return done{};
  const auto bytes = select->text(4);
  const auto bytes_before = select->bits(2);
  const bool sound = block_checksum(at, count, bytes) == select->bits(3);
  select->reset();
  auto remove = writer_.prepare("delete from item_block where place = ?1");
  if (!remove)
    return remove.error();
  if (auto ok = remove->bind(1, at).run(); !ok || !sound)
    return ok; // damaged: its items have no number in the new stream
  const auto tail = items_after(bytes, place - at, count);
  if (!tail)
    return tail.error();
  return insert_block_.bind(1, place)
    .bind(2, std::int64_t{tail->count})
    .bind(3, bytes_before + bytes.size() - tail->bytes.size())
    .bind(4, block_checksum(place, tail->count, tail->bytes))
    .bind_blob(5, std::string_view{tail->bytes})
    .run();
}

result<done> spool::fork(std::uint64_t fork_seq, std::uint64_t durable_seq) {
  const std::lock_guard writing{writing_};
  return with_reserve([&] { return move_to_new_stream(fork_seq, durable_seq); });
}

result<done> spool::move_to_new_stream(std::uint64_t fork_seq, std::uint64_t durable_seq) {
  if (auto ok = set_durability(durability::full); !ok)
    return ok;
  const auto id = random_stream_id();
  const std::vector<can::run_mark> runs{{random_run(), 1}};
  // An item that no node has is never dropped, even if another spool of the stream may still have it and send it: a
  // double in two streams can be repaired, a loss cannot.
  const auto parted = base_ + std::max<std::uint64_t>(fork_seq, 1);
  const auto stored = std::max(acked_place_, base_ + durable_seq);
  auto place = std::min({parted, stored + 1, next_place_});
  auto transaction = sqlite_transaction::begin(writer_);
  if (!transaction)
    return transaction.error();
  if (auto ok = split_at(place); !ok)
    return ok;
  // Items that are no longer here get no number in the new stream.
  const auto from = "select min(place) from item_block where place >= " + std::to_string(place);
  const auto first = writer_.number(from.c_str());
  if (!first)
    return first.error();
  place = *first ? static_cast<std::uint64_t>(**first) : next_place_;
  if (auto ok = write_runs(runs); !ok)
    return ok;
  if (auto ok = writer_.execute("delete from ack; delete from damage; "
                                "drop table if exists kept_file");
      !ok)
    return ok;
  auto update = writer_.prepare("update stream set stream_id = ?1, place_base = ?2, "
                                "acked_place = ?2, forks = forks + 1");
  if (!update)
    return update.error();
  if (auto ok = update->bind_blob(1, std::span<const std::uint8_t>{id}).bind(2, place - 1).run();
      !ok)
    return ok;
  if (auto ok = transaction->commit(); !ok)
    return ok;
  {
    const std::lock_guard guard{guard_};
    stream_id_ = id;
    runs_ = runs;
    base_ = acked_place_ = saved_acked_place_ = place - 1;
  }
  return refresh_first();
}

} // namespace furrow::edge
