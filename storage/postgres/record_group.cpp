#include "storage/postgres/record_group.hpp"

#include "storage/append/record_batch.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/work.hpp"

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace furrow::storage::postgres_work {

namespace {

using places = std::vector<std::size_t>; // of batches in the group

/// A running group: the decision for each batch, and the transaction of the batches that are stored together now.
struct group_work {
  explicit group_work(const std::vector<record_batch>& given)
    : batches{given}, judged(given.size()), decided(given.size()) {}

  const std::vector<record_batch>& batches;
  std::vector<record_batch_outcome> judged;
  std::vector<std::optional<result<record_batch_outcome>>> decided;
  places together;
  std::deque<std::vector<numbered_record>> rows; // the attempt points at them
  append_attempt attempt;
};

void judge(group_work& work) {
  for (std::size_t i = 0; i < work.batches.size(); ++i) {
    auto judged = judge_batch(work.batches[i]);
    if (judged)
      work.judged[i] = std::move(*judged);
    else
      work.decided[i] = judged.error();
  }
}

/// The streams of the undecided batches and the stored answers for their keys, by position in the
/// group.
task<result<pq_reply>> stand_all(pq_connection& db, const group_work& work, const places& open) {
  byte_buffer farms;
  byte_buffer machines;
  byte_buffer keys;
  byte_buffer numbers;
  farms.array_head(oid::text, open.size());
  machines.array_head(oid::text, open.size());
  keys.array_head(oid::text, open.size());
  for (const auto i : open) {
    const auto& batch = work.batches[i];
    farms.bytes_field(batch.farm);
    machines.bytes_field(batch.equipment);
    keys.bytes_field(batch.key);
  }
  numbers.array<std::uint32_t>(oid::int4, open.size(),
                               [&](std::size_t i) { return static_cast<std::uint32_t>(open[i]); });
  const auto* id = reinterpret_cast<const char*>(direct_stream.data());
  pq_parameters parameters;
  parameters.add(oid::text_array, farms.view())
    .add(oid::text_array, machines.view())
    .add(oid::uuid, {id, direct_stream.size()})
    .add(oid::text_array, keys.view())
    .add(oid::int4_array, numbers.view());
  auto reply = co_await db.query(
    "select k.place, e.equipment, e.stream, e.epoch, e.seq, b.records, b.refused, b.sha256, "
    "e.moved_to "
    "from furrow.enter($1, $2, array_fill($3, array[cardinality($1)]), "
    "array_fill(null::bigint, array[cardinality($1)])) e "
    "join unnest($4, $5) with ordinality k(key, place, ordinal) on k.ordinal = e.ordinal "
    // By the index for each key: a join would read every stored key.
    "left join lateral (select o.records, o.refused, o.sha256 from furrow.record_batch o "
    "where o.stream = e.stream and o.key = k.key limit 1) b on true order by k.place",
    parameters);
  if (reply.error)
    co_return reply.error->as_failure();
  co_return reply;
}

/// Numbers the batches of each stream in sequence. A batch whose key occurs twice in the group is stored alone.
void plan(group_work& work, const pq_rows& rows) {
  work.together.clear();
  work.rows.clear();
  work.attempt = {};
  std::map<std::int32_t, watermark_step> steps;
  std::set<std::pair<std::int32_t, std::string_view>> keys;
  for (int row = 0; row < rows.size(); ++row) {
    const auto i = static_cast<std::size_t>(rows.integer(row, 0));
    const auto& batch = work.batches[i];
    if (!rows.null(row, 8)) {
      work.decided[i] = lives_elsewhere(batch.farm, rows.text(row, 8));
      continue;
    }
    const stream_claim claim{static_cast<std::int32_t>(rows.integer(row, 1)),
                             static_cast<std::int32_t>(rows.integer(row, 2)), rows.integer(row, 3)};
    if (!rows.null(row, 5)) {
      work.decided[i] =
        known_outcome(batch, {rows.natural(row, 5), rows.text(row, 6), rows.text(row, 7)});
      continue;
    }
    if (!keys.emplace(claim.stream, batch.key).second)
      continue;
    const auto from = rows.natural(row, 4);
    auto& step =
      steps.try_emplace(claim.stream, watermark_step{claim, from, from, from}).first->second;
    auto numbers = numbered(batch, work.judged[i], step.to);
    if (numbers.empty()) {
      work.decided[i] = work.judged[i];
      continue;
    }
    const auto& kept = work.rows.emplace_back(std::move(numbers));
    auto one = attempt_of(batch, work.judged[i], claim, step.to, kept);
    for (const auto& record : kept)
      work.attempt.add_record({claim, &record});
    work.attempt.batches.push_back(std::move(one.batches.front()));
    step.to = step.sent = one.steps.front().to;
    work.together.push_back(i);
  }
  for (const auto& [stream, step] : steps)
    if (step.to > step.from)
      work.attempt.steps.push_back(step);
}

/// Stores the remaining batches one by one, so that each gets its own error.
task<result<record_group_outcomes>> finish_one_by_one(pq_connection& db, group_work& work) {
  record_group_outcomes out;
  out.reserve(work.batches.size());
  for (std::size_t i = 0; i < work.batches.size(); ++i) {
    if (!work.decided[i] && db.connected())
      work.decided[i] = co_await insert_records(db, work.batches[i]);
    if (!work.decided[i])
      work.decided[i] = failure{errc::retry_later, "the connection was lost"};
    out.push_back(std::move(*work.decided[i]));
  }
  co_return out;
}

/// Stores the batches of `some` that go together in one transaction. False: something was rejected or disturbed.
task<result<bool>> store_together(pq_connection& db, group_work& work, const places& some) {
  const auto standing = co_await stand_all(db, work, some);
  if (!standing)
    co_return standing.error();
  plan(work, pq_rows{standing->rows.get()});
  if (work.together.empty())
    co_return true;
  const auto error = co_await run_attempt(db, work.attempt);
  if (!error) {
    for (const auto i : work.together)
      work.decided[i] = std::move(work.judged[i]);
    co_return true;
  }
  if (error->lost)
    co_return failure{errc::in_doubt, error->message};
  const auto why = error->judge();
  if (why == verdict::retry_later || why == verdict::misconfigured)
    co_return error->as_failure(); // the failure concerns all of them
  co_return false;
}

} // namespace

task<result<record_group_outcomes>> insert_record_group(pq_connection& db, record_group group) {
  group_work work{*group};
  judge(work);
  std::vector<places> left(1);
  for (std::size_t i = 0; i < group->size(); ++i)
    if (!work.decided[i])
      left.front().push_back(i);
  std::optional<failure> broken;
  while (!left.empty() && !broken) {
    const auto some = std::move(left.back());
    left.pop_back();
    if (some.size() < 2)
      continue; // stored alone, at the end
    const auto stored = co_await store_together(db, work, some);
    if (!stored) {
      broken = stored.error();
    } else if (!*stored) { // halve until the rejected batch is alone
      const auto half = some.begin() + static_cast<std::ptrdiff_t>(some.size() / 2);
      left.emplace_back(half, some.end());
      left.emplace_back(some.begin(), half);
    }
  }
  if (broken)
    for (auto& one : work.decided)
      if (!one)
        one = *broken;
  co_return co_await finish_one_by_one(db, work);
}

} // namespace furrow::storage::postgres_work
