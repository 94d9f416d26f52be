#include "storage/append/append_plan.hpp"
#include "storage/append/quarantine.hpp"
#include "storage/verdict.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>

namespace can = furrow::can;
using namespace furrow::storage;

namespace {

/// `frames` frames, then `records` records.
stream_append
append_of(std::int32_t stream, std::uint64_t from, std::size_t frames, std::size_t records = 0) {
  stream_append out;
  out.claim = {stream + 100, stream, 5};
  out.from = from;
  out.to = from + frames + records;
  out.sent = out.to + 1;
  frame_run run{from + 1, {}};
  for (std::size_t i = 0; i < frames; ++i) {
    const std::array<std::uint8_t, 8> payload{static_cast<std::uint8_t>(i)};
    REQUIRE(run.block.push(static_cast<std::int64_t>(i), can::pack({.id = 1, .length = 8}),
                           payload.data()));
  }
  if (frames > 0)
    out.frames.push_back(std::move(run));
  for (std::size_t i = 0; i < records; ++i)
    out.records.push_back({from + frames + i + 1, {7, 1, "{}"}});
  return out;
}

append_plan plan_of(append_batch batch) {
  return append_plan{std::make_shared<const append_batch>(std::move(batch))};
}

/// A database that rejects each transaction with a poisoned number in its plain items, and stores
/// the others.
struct model {
  using key = std::pair<std::int32_t, std::uint64_t>;
  std::set<key> poison;
  std::map<std::int32_t, std::uint64_t> watermark;
  std::multiset<key> stored;
  std::multiset<key> quarantined;
  int transactions = 0;

  static std::vector<key> plain_items(const append_attempt& attempt) {
    std::vector<key> items;
    for (const auto& slice : attempt.frames)
      for (std::size_t i = 0; i < slice.count; ++i)
        items.emplace_back(slice.claim.stream, slice.seq_first + i);
    for (const auto& record : attempt.records)
      items.emplace_back(record.claim.stream, record.item->seq);
    return items;
  }

  void run(append_plan& plan) {
    while (const auto* attempt = plan.next()) {
      ++transactions;
      REQUIRE(transactions < 10'000);
      const auto items = plain_items(*attempt);
      if (std::ranges::any_of(items, [&](const key& item) { return poison.contains(item); })) {
        plan.refused(verdict::poison, "22000 no");
        continue;
      }
      for (const auto& step : attempt->steps) {
        REQUIRE(watermark[step.claim.stream] == step.from); // in order, without a hole
        watermark[step.claim.stream] = step.to;
      }
      stored.insert(items.begin(), items.end());
      for (const auto& item : attempt->quarantine)
        quarantined.insert({item.claim.stream, item.item->seq});
      plan.stored();
    }
  }
};

} // namespace

TEST_CASE("append plan: a valid batch is one attempt with one step per stream") {
  auto plan = plan_of({append_of(1, 10, 3), append_of(2, 0, 0, 2), append_of(1, 13, 2, 1)});
  const auto* attempt = plan.next();
  REQUIRE(attempt != nullptr);
  REQUIRE(attempt->steps.size() == 2);
  CHECK(attempt->steps[0].from == 10);
  CHECK(attempt->steps[0].to == 16);
  CHECK(attempt->steps[0].sent == 17);
  CHECK(attempt->frames.size() == 2);
  CHECK(attempt->records.size() == 3);
  plan.stored();
  CHECK(plan.next() == nullptr);
  CHECK(plan.outcome()->fenced.empty());
}

TEST_CASE("append plan: a stream that is held waits alone, behind all others and not for long") {
  const std::array<std::int32_t, 1> two{2};
  auto plan =
    plan_of({append_of(1, 0, 3), append_of(2, 0, 3), append_of(3, 0, 3), append_of(2, 3, 2)});
  plan.held(two, "FW005");
  REQUIRE(plan.next() != nullptr);
  CHECK(plan.next()->steps.size() == 2);
  CHECK(plan.pause().count() == 0); // the others do not wait
  plan.stored();
  REQUIRE(plan.next() != nullptr);
  REQUIRE(plan.next()->steps.size() == 1);
  CHECK(plan.next()->steps[0].claim.stream == 2);
  CHECK(plan.next()->steps[0].from == 0);
  CHECK(plan.next()->steps[0].to == 5); // all of it, in order
  SUBCASE("it is released meanwhile") {
    plan.stored();
    REQUIRE(plan.next() == nullptr);
    CHECK(plan.outcome()->waiting.empty());
  }
  SUBCASE("it is still held") {
    plan.refused(verdict::again, "40P01"); // a deadlock is another matter
    REQUIRE(plan.next() != nullptr);
    plan.refused(verdict::held, "55P03");
    REQUIRE(plan.next() == nullptr);
    CHECK(plan.outcome()->waiting == std::vector<std::int32_t>{2});
    CHECK(plan.outcome()->fenced.empty());
  }
}

TEST_CASE(
  "append plan: a stream that is held and alone in its batch waits, and the batch does not fail") {
  auto plan = plan_of({append_of(1, 0, 3), append_of(1, 3, 2)});
  unsigned tries = 0;
  for (; plan.next() != nullptr && tries < 10; ++tries)
    plan.refused(verdict::held, "55P03"); // the wait for its row has ended
  CHECK(tries == append_plan::held_max);
  REQUIRE(plan.outcome().has_value());
  CHECK(plan.outcome()->waiting == std::vector<std::int32_t>{1});
}

TEST_CASE("append plan: several held streams are tried a few times, with pauses") {
  const std::array<std::int32_t, 2> two{2, 3};
  auto plan = plan_of({append_of(1, 0, 3), append_of(2, 0, 3), append_of(3, 0, 3)});
  plan.held(two, "FW005");
  plan.stored();
  unsigned tries = 1;
  for (; plan.next() != nullptr && tries < 10; ++tries)
    plan.held(two, "FW005");
  CHECK(tries == append_plan::held_max);
  CHECK(plan.outcome()->waiting == std::vector<std::int32_t>{2, 3});
}

TEST_CASE("append plan: fenced streams leave, the others are retried") {
  auto plan = plan_of({append_of(1, 0, 3), append_of(2, 0, 3), append_of(3, 0, 3)});
  const std::array<std::int32_t, 2> gone{1, 3};
  plan.fenced(gone);
  REQUIRE(plan.next() != nullptr);
  CHECK(plan.next()->steps.size() == 1);
  CHECK(plan.next()->frames.size() == 1);
  plan.stored();
  REQUIRE(plan.next() == nullptr);
  CHECK(plan.outcome()->fenced == std::vector<std::int32_t>{1, 3});
  CHECK(plan.outcome()->taken.empty());
  auto all_gone = plan_of({append_of(1, 0, 3)});
  all_gone.fenced(std::array{1});
  CHECK(all_gone.next() == nullptr);
  CHECK(all_gone.outcome()->fenced == std::vector<std::int32_t>{1});
}

TEST_CASE("append plan: names the fenced streams that another node has taken, and no other") {
  auto plan = plan_of({append_of(1, 0, 3), append_of(2, 0, 3)});
  plan.fenced(std::array{1, 2}, std::array{2, 9});
  REQUIRE(plan.next() == nullptr);
  CHECK(plan.outcome()->fenced == std::vector<std::int32_t>{1, 2});
  CHECK(plan.outcome()->taken == std::vector<std::int32_t>{2});
}

TEST_CASE("append plan: two claims of one stream, or a hole in it, are fenced without asking") {
  auto newer = append_of(1, 3, 3);
  newer.claim.epoch = 6;
  auto plan = plan_of(
    {append_of(1, 0, 3), newer, append_of(2, 0, 1), append_of(3, 0, 2), append_of(3, 3, 2)});
  REQUIRE(plan.next() != nullptr);
  CHECK(plan.next()->steps.size() == 1);
  plan.stored();
  CHECK(plan.outcome()->fenced == std::vector<std::int32_t>{1, 3});
  CHECK(plan_of({}).next() == nullptr);
}

TEST_CASE("append plan: numbers beyond the database's range do not harm the rest of the batch") {
  auto boast = append_of(1, 0, 2);
  boast.sent = ~std::uint64_t{0};
  auto beyond = append_of(2, ~std::uint64_t{0} - 5, 2);
  auto plan = plan_of({boast, beyond, append_of(3, 0, 2)});
  REQUIRE(plan.next() != nullptr);
  REQUIRE(plan.next()->steps.size() == 2);
  CHECK(plan.next()->steps[0].sent == std::uint64_t{INT64_MAX});
  plan.stored();
  CHECK(plan.outcome()->fenced == std::vector<std::int32_t>{2});
}

TEST_CASE("append plan: retries transient errors a bounded number of times, with growing pauses") {
  auto plan = plan_of({append_of(1, 0, 3)});
  CHECK(plan.pause().count() == 0);
  auto last = plan.pause();
  unsigned tries = 0;
  for (; plan.next() != nullptr; ++tries) {
    plan.refused(verdict::again, "40P01 deadlock");
    if (plan.next() != nullptr)
      CHECK(plan.pause() > last);
    last = plan.pause();
  }
  CHECK(tries == append_plan::attempts_max);
  CHECK(plan.outcome().code() == errc::retry_later);
  CHECK(plan.outcome().error().detail == "40P01 deadlock");
  auto nameless = plan_of({append_of(1, 0, 3)});
  for (unsigned i = 0; i < append_plan::attempts_max; ++i)
    nameless.fenced({});
  CHECK(nameless.outcome().code() == errc::retry_later);
}

TEST_CASE("append plan: a final failure keeps its code, or is in doubt once something was stored") {
  const std::array<std::pair<verdict, errc>, 2> table{
    {{verdict::retry_later, errc::retry_later}, {verdict::misconfigured, errc::misconfigured}}};
  for (const auto& [why, expected] : table) {
    auto plan = plan_of({append_of(1, 0, 3)});
    plan.refused(why, "no");
    CHECK(plan.next() == nullptr);
    CHECK(plan.outcome().code() == expected);
  }
  auto lost = plan_of({append_of(1, 0, 3)});
  lost.failed(errc::in_doubt, "connection lost");
  CHECK(lost.outcome().code() == errc::in_doubt);
  auto partly = plan_of({append_of(1, 0, 4), append_of(2, 0, 4)});
  partly.refused(verdict::poison, "22000");
  partly.stored();
  partly.failed(errc::retry_later, "away");
  CHECK(partly.outcome().code() == errc::in_doubt);
}

TEST_CASE("append plan: checks a duplicate key before it counts as poison") {
  auto passed = plan_of({append_of(1, 0, 8), append_of(2, 0, 8)});
  passed.refused(verdict::duplicate, "23505");
  REQUIRE(passed.next() != nullptr);
  CHECK(passed.next()->check);
  passed.fenced(std::array{1});
  REQUIRE(passed.next() != nullptr);
  CHECK_FALSE(passed.next()->check);
  passed.stored();
  CHECK(passed.outcome()->fenced == std::vector<std::int32_t>{1});
  CHECK(passed.outcome()->quarantined == 0);

  auto real = plan_of({append_of(1, 0, 2)});
  real.refused(verdict::duplicate, "23505");
  CHECK(real.next()->check);
  real.stored(); // the watermark is right: the table has a wrong row
  REQUIRE(real.next() != nullptr);
  CHECK_FALSE(real.next()->check);
  CHECK(real.next()->steps[0].to == 1);
  real.refused(verdict::duplicate, "23505"); // not checked again
  REQUIRE(real.next() != nullptr);
  CHECK_FALSE(real.next()->check);
  CHECK(real.next()->quarantine.size() == 1);
  real.stored();
  real.stored();
  CHECK(real.outcome()->quarantined == 1);
}

TEST_CASE("append plan: isolates poison anywhere, and stores everything else once and in order") {
  std::mt19937 random{4};
  for (int round = 0; round < 200; ++round) {
    append_batch batch;
    std::map<std::int32_t, std::uint64_t> at;
    std::vector<model::key> all;
    for (unsigned i = 0; i < 1 + random() % 6; ++i) {
      const auto stream = static_cast<std::int32_t>(1 + random() % 3);
      batch.push_back(append_of(stream, at[stream], random() % 20, random() % 5));
      for (auto seq = batch.back().from + 1; seq <= batch.back().to; ++seq)
        all.emplace_back(stream, seq);
      at[stream] = batch.back().to;
    }
    model database;
    for (unsigned i = 0; i < random() % 4 && !all.empty(); ++i)
      database.poison.insert(all[random() % all.size()]);
    auto plan = plan_of(batch);
    database.run(plan);
    REQUIRE(plan.outcome().has_value());
    CHECK(plan.outcome()->quarantined == database.poison.size());
    CHECK(database.quarantined.size() == database.poison.size());
    CHECK(database.stored.size() + database.quarantined.size() == all.size());
    for (const auto& item : all)
      CHECK((database.poison.contains(item) ? database.quarantined : database.stored).count(item)
            == 1);
  }
}

TEST_CASE("append plan: isolates one poisoned frame of a long block in few transactions, with "
          "bytes and reason") {
  auto batch = std::make_shared<const append_batch>(
    append_batch{append_of(1, 0, 1'000), append_of(2, 0, 1'000)});
  append_plan plan{batch};
  model database;
  database.poison = {{2, 717}};
  const quarantined_item* kept = nullptr;
  while (const auto* attempt = plan.next()) {
    if (!attempt->quarantine.empty())
      kept = attempt->quarantine[0].item;
    const auto items = model::plain_items(*attempt);
    if (std::ranges::find(items, model::key{2, 717}) != items.end())
      plan.refused(verdict::poison, "22008: out of range");
    else
      plan.stored();
    ++database.transactions;
  }
  CHECK(database.transactions <= 24);
  REQUIRE(kept != nullptr);
  CHECK(kept->seq == 717);
  CHECK(kept->reason == "22008: out of range");
  CHECK(kept->time_us == 716);
  CHECK(kept->bytes == quarantine_bytes((*batch)[1].frames[0].block[716]));
}

TEST_CASE("append plan: an item that cannot be quarantined is misconfigured") {
  auto plan = plan_of({append_of(1, 0, 1)});
  plan.refused(verdict::poison, "22000");
  REQUIRE(plan.next() != nullptr);
  CHECK(plan.next()->quarantine.size() == 1);
  plan.refused(verdict::poison, "23514 on quarantine");
  REQUIRE(plan.next() == nullptr);
  CHECK(plan.outcome().code() == errc::misconfigured);
  auto empty = append_of(1, 5, 0);
  auto nothing = plan_of({empty});
  nothing.refused(verdict::poison, "22000");
  CHECK(nothing.outcome().code() == errc::misconfigured);
}

TEST_CASE("append plan: quarantines items before the earliest time without an attempt, and slices "
          "their block") {
  auto append = append_of(1, 0, 0);
  frame_run run{1, {}};
  const std::array<std::uint8_t, 8> payload{};
  for (const std::int64_t time : {-5, -200, -7, -100, -99, -300})
    REQUIRE(run.block.push(time, can::pack({.id = 1, .length = 8}), payload.data()));
  append.frames.push_back(run);
  append.records = {{7, {-500, 1, "{}"}}, {8, {0, 1, "{}"}}};
  append.to = 8;
  append_plan plan{std::make_shared<const append_batch>(append_batch{append}), -100};
  const auto* attempt = plan.next();
  REQUIRE(attempt != nullptr);
  REQUIRE(attempt->frames.size() == 2);
  CHECK(attempt->frames[0].seq_first == 1);
  CHECK(attempt->frames[0].count == 1);
  CHECK(attempt->frames[1].seq_first == 3);
  CHECK(attempt->frames[1].first == 2);
  CHECK(attempt->frames[1].count == 3);
  CHECK(attempt->records.size() == 1);
  REQUIRE(attempt->quarantine.size() == 3);
  CHECK(attempt->quarantine[0].item->seq == 2);
  plan.stored();
  CHECK(plan.outcome()->quarantined == 3);
}

TEST_CASE("verdict: codes of both databases give the transaction's next step") {
  const std::array<std::pair<const char*, verdict>, 18> table{{
    {"FW001", verdict::fenced},
    {"23505", verdict::duplicate},
    {"40P01", verdict::again},
    {"40001", verdict::again},
    {"55P03", verdict::again},
    {"57014", verdict::again},
    {"25006", verdict::retry_later},
    {"57P01", verdict::retry_later},
    {"57P03", verdict::retry_later},
    {"08006", verdict::retry_later},
    {"53100", verdict::retry_later},
    {"28P01", verdict::misconfigured},
    {"3D000", verdict::misconfigured},
    {"42P01", verdict::misconfigured},
    {"22P02", verdict::poison},
    {"23514", verdict::poison},
    {"P0001", verdict::poison},
    {"", verdict::retry_later},
  }};
  for (const auto& row : table) {
    CAPTURE(row.first);
    CHECK(judge_sqlstate(row.first) == row.second);
  }
}

TEST_CASE("quarantine: accepts UTF-8 without NUL, marks invalid bytes, cuts between characters") {
  CHECK(is_text("plain, büs, 牛, 🚜"));
  CHECK_FALSE(is_text(std::string_view{"a\0b", 3}));
  CHECK_FALSE(is_text("\xc0\xaf"));     // overlong
  CHECK_FALSE(is_text("\xed\xa0\x80")); // surrogate
  CHECK_FALSE(is_text("\xf4\x90\x80\x80"));
  CHECK_FALSE(is_text("\xe7\x89"));
  CHECK(as_text("a\xff\xfe z") == "a?? z");
  CHECK(as_text("ab牛", 4) == "ab");
  CHECK(as_text("ab牛", 5) == "ab牛");
}
