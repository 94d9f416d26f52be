#include "storage/archive/frame_import.hpp"

#include "storage/archive/import_plan.hpp"
#include "storage/failpoint.hpp"
#include "storage/migrations/migrations.hpp"
#include "storage/sqlite/migrate.hpp"
#include "storage/sqlite/retention.hpp"
#include "storage/sqlite/work.hpp"

#include <filesystem>

namespace furrow::storage {

namespace {

constexpr std::uint64_t block_frames_max = can::frame_block::frames_max;

/// Numbers between two bounds that are stored elsewhere than in blocks.
constexpr const char* others_sql =
  "select seq from (select seq from item_record where stream = ?1 and seq between ?2 and ?3 "
  "union all select seq from sensor_reading where stream = ?1 and seq between ?2 and ?3 "
  "union all select seq from yield_sample where stream = ?1 and seq between ?2 and ?3 "
  "union all select seq from token_usage where stream = ?1 and seq between ?2 and ?3 "
  "union all select seq from fault where stream = ?1 and seq between ?2 and ?3 "
  "union all select seq from quarantine where stream = ?1 and seq between ?2 and ?3) order by seq";

stream_facts facts_of(sqlite_db& db, std::int32_t stream, std::uint64_t first, std::uint64_t last) {
  stream_facts out;
  {
    auto row = db.statement("select seq, epoch from stream_watermark where stream = ?1");
    row.with(stream);
    if (row.step()) {
      out.watermark = row.natural(0);
      out.claimed = row.integer(1) > 0;
    }
  }
  const auto from = first > block_frames_max ? first - block_frames_max : 0;
  auto blocks = db.statement("select seq_first, frames from can_block where stream = ?1 and "
                             "seq_first between ?2 and ?3 and seq_first + frames > ?4 order by 1");
  blocks.with(stream, from, last, first);
  while (blocks.step())
    out.frames.push_back({blocks.natural(0), blocks.natural(0) + blocks.natural(1) - 1});
  out.frames = merged(std::move(out.frames));
  auto others = db.statement(others_sql);
  others.with(stream, first, last);
  while (others.step())
    out.others.push_back({others.natural(0), others.natural(0)});
  out.others = merged(std::move(out.others));
  return out;
}

std::optional<failure> compare(sqlite_db& db,
                               std::int32_t stream,
                               const std::vector<frame_run>& runs,
                               const return_plan& plan) {
  if (plan.known.empty())
    return std::nullopt;
  const auto first = plan.known.front().first;
  auto rows = db.statement(
    "select seq_first, frames, time_base, headers, header_index, time_offset, payload, "
    "long_payload from can_block where stream = ?1 and seq_first between ?2 and ?3 order by 1");
  rows.with(stream, first > block_frames_max ? first - block_frames_max : 0,
            plan.known.back().last);
  return_check check{runs, plan.known};
  frame_run stored;
  while (rows.step()) {
    stored.block.clear();
    if (!sqlite_work::read_block(rows, stored))
      return failure{errc::misconfigured,
                     "block " + std::to_string(stored.seq_first) + ": its columns do not agree"};
    check.add(stored);
  }
  return check.fault();
}

void restored(sqlite_db& db, std::int32_t stream, const number_ranges& numbers) {
  number_ranges there;
  const auto low = numbers.front().first;
  const auto high = numbers.back().last;
  {
    auto rows = db.statement("select first, last from expired where stream = ?1 and first <= ?3 "
                             "and last >= ?2 order by 1");
    rows.with(stream, low, high);
    while (rows.step())
      there.push_back({rows.natural(0), rows.natural(1)});
  }
  db.statement("delete from expired where stream = ?1 and first <= ?3 and last >= ?2")
    .with(stream, low, high)
    .run();
  for (const auto& one : without(there, numbers))
    db.statement("insert into expired (stream, first, last) values (?1, ?2, ?3)")
      .with(stream, one.first, one.last)
      .run();
}

void store(sqlite_db& db, const stream_claim& claim, const return_plan& plan) {
  append_attempt attempt;
  for (const auto& group : plan.groups)
    for (const auto& run : group)
      attempt.frames.push_back({claim, run.seq_first, &run.block, 0, run.block.size()});
  sqlite_work::insert_rows(db, attempt);
}

/// How many days the farm keeps frames, when frames of `time_us` are older; else absent.
std::optional<std::int64_t>
too_short(sqlite_db& db, const std::string& farm, std::int64_t time_us) {
  auto row = db.statement(
    "select keep_days from (select r.keep_days from retention r where r.kind = 'frames' and "
    "(r.farm_id is null or r.farm_id = (select f.id from farm f where f.name = ?1)) order by "
    "r.farm_id is null limit 1) where (unixepoch() - keep_days * 86400) * 1000000 > ?2");
  row.with(farm, time_us);
  return row.step() ? std::optional{row.integer(0)} : std::nullopt;
}

class sqlite_return final : public frame_return {
public:
  explicit sqlite_return(std::unique_ptr<sqlite_db> db) : db_{std::move(db)} {}

  result<return_outcome> put(const frames_owner& owner,
                             const std::vector<frame_run>& runs) override {
    try {
      return put_in(owner, runs);
    } catch (const sqlite_error& error) {
      return error.as_failure();
    }
  }

  result<std::string> farm_of(const std::string& equipment, const can::stream_id& stream) override {
    try {
      auto rows = db_->statement(
        "select f.name from stream s join equipment e on e.id = s.equipment_id join farm f on f.id "
        "= e.farm_id where e.name = ?1 and s.stream_id = ?2");
      rows.with(equipment, std::span<const std::uint8_t>{stream});
      if (!rows.step())
        return std::string{};
      std::string farm{rows.bytes(0)};
      return rows.step() ? std::string{} : farm;
    } catch (const sqlite_error& error) {
      return error.as_failure();
    }
  }

private:
  result<return_outcome> put_in(const frames_owner& owner, const std::vector<frame_run>& runs) {
    sqlite_transaction transaction{*db_};
    const auto claim =
      sqlite_work::find_or_make(*db_, {owner.farm, owner.equipment, owner.stream_id, {}, {}});
    const auto first = runs.front().seq_first;
    const auto last = runs.back().seq_first + runs.back().block.size() - 1;
    const auto facts = facts_of(*db_, claim.stream, first, last);
    const auto plan = plan_return(runs, facts);
    if (!plan)
      return plan.error();
    if (auto unlike = compare(*db_, claim.stream, runs, *plan))
      return *unlike;
    if (!plan->stored.empty()) {
      if (const auto days = too_short(*db_, owner.farm, latest_us(runs)))
        return would_go_again(owner.farm, *days);
      store(*db_, claim, *plan);
      restored(*db_, claim.stream, plan->stored);
    }
    if (!plan->holes.empty())
      sqlite_work::note_expired(*db_, claim.stream, plan->holes);
    finish(claim, owner, facts, *plan);
    if (failpoint::hit(failpoint::return_stored))
      return failure{errc::retry_later, "failpoint"};
    transaction.commit();
    if (failpoint::hit(failpoint::return_committed))
      return failure{errc::in_doubt, "failpoint"};
    return return_outcome{count_of(plan->stored), count_of(plan->known), count_of(plan->holes)};
  }

  void finish(const stream_claim& claim,
              const frames_owner& owner,
              const stream_facts& facts,
              const return_plan& plan) {
    for (const auto& bus : owner.buses)
      db_->statement("insert into bus (stream, bus, name) values (?, ?, ?) on conflict do nothing")
        .with(claim.stream, std::int64_t{bus.bus}, bus.name)
        .run();
    if (plan.watermark == facts.watermark)
      return;
    db_
      ->statement("update stream_watermark set seq = ?2, sent = max(sent, ?2) where stream = ?1 "
                  "and epoch = 0 and seq = ?3")
      .with(claim.stream, plan.watermark, facts.watermark)
      .run();
  }

  std::unique_ptr<sqlite_db> db_;
};

} // namespace

result<std::unique_ptr<frame_return>> open_sqlite_return(const std::string& path,
                                                         const store_options& options) {
  const auto there = check_sqlite_file(path);
  if (!there)
    return there.error();
  auto db = sqlite_db::open(path, sqlite_db::access::write, options.lock_timeout);
  if (!db)
    return db.error();
  try {
    const auto steps = sqlite_work::migration_status(**db);
    if (!steps)
      return steps.error();
    for (const auto& step : *steps)
      if (!step.fault.empty() || !step.applied)
        return failure{errc::misconfigured,
                       path + ": migration " + std::to_string(step.number)
                         + (step.fault.empty() ? " is not applied: `furrow db migrate` applies it"
                                               : ": " + step.fault)};
  } catch (const sqlite_error& error) {
    return error.as_failure();
  }
  return std::unique_ptr<frame_return>{std::make_unique<sqlite_return>(std::move(*db))};
}

} // namespace furrow::storage
