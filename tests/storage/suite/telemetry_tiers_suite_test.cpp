// Tiers of telemetry on both databases: what retention takes out of one stays in the next, as the first row of each span.
#include "can/live/telemetry.hpp"
#include "storage/identity/audit.hpp"
#include "storage/removal.hpp"
#include "storage/series/series.hpp"
#include "tests/storage/suite/retention_bed.hpp"
#include "tests/storage/suite/telemetry_bed.hpp"

#include <algorithm>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t span_10s_us = 10'000'000;

std::vector<retention_loss> losses_now(store& of) {
  return must(answer_of<retention_preview>(
                [&](auto done) { of.retention()->preview_retention(monday_us, done); }))
    .losses;
}

std::string counts(store_bed& bed) {
  std::string out;
  for (const auto* tier : {"telemetry", "telemetry_10s", "telemetry_1m"})
    out += bed.value(std::string{"select count(*) from "} + tier) + " ";
  return out;
}

} // namespace

TEST_CASE("telemetry: an answer every 10 s or minute is the same before and after rows leave") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  append_days(*store, "a", "T1", 1, {monday_us});
  // 25,001 s from a second within a span on, with holes: a batch of retention ends within a span too.
  const auto from_us = monday_us - 3 * day_us + 3 * second_us;
  fill_telemetry(*bed, "a", from_us, 25'001);
  bed->tamper("delete from telemetry where seq % 37 < 11 or seq between 4000 and 4100");
  const auto ask = [&](std::int64_t every_us) {
    return telemetry_lines(*store, "a", from_us, from_us + 30'000 * second_us, every_us);
  };
  const std::vector<std::int64_t> tens{span_10s_us, 3 * span_10s_us, minute_us, 5 * minute_us,
                                       60 * minute_us};
  const auto answers = [&](std::size_t first) {
    std::vector<std::vector<std::string>> out;
    for (auto i = first; i < tens.size(); ++i)
      out.push_back(ask(tens[i]));
    return out;
  };
  const auto before = answers(0);
  const auto minutes_before = answers(2);
  REQUIRE(before[0].size() > 2'000);
  const auto every_second = ask(0);

  keep(*store, "", data_kind::telemetry, 1);
  // The age ends within the rows, and within a span: the answers over both tiers are the same.
  const auto middle = from_us + day_us + 12'345 * second_us;
  CHECK(must(expire(*store, middle)).telemetry > 8'000);
  CHECK(answers(0) == before);
  const auto left = ask(0);
  CHECK(left.size() < every_second.size() / 2 + 1'500);
  CHECK(std::ranges::includes(every_second, left)); // no row was made up
  CHECK(must(expire(*store, monday_us)).telemetry > 8'000);
  CHECK(bed->value("select count(*) from telemetry") == "0");
  CHECK(answers(0) == before);
  CHECK(ask(0) == before[0]); // every row is now one every 10 s

  // 10 days: the first of each minute is what stays.
  CHECK(must(expire(*store, monday_us + 8 * day_us)).telemetry == before[0].size());
  CHECK(counts(*bed) == "0 0 " + std::to_string(minutes_before[0].size()) + " ");
  CHECK(answers(2) == minutes_before);
  // 60 days, and nothing stays.
  CHECK(must(expire(*store, monday_us + 58 * day_us)).telemetry == minutes_before[0].size());
  CHECK(counts(*bed) == "0 0 0 ");
}

TEST_CASE("telemetry: rows that come late take their place in the coarser tiers") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  append_days(*store, "a", "T1", 1, {monday_us});
  const auto from_us = monday_us - 3 * day_us;
  fill_telemetry(*bed, "a", from_us, 60);
  bed->tamper("delete from telemetry where seq < 5"); // the first span begins with its fifth second
  keep(*store, "", data_kind::telemetry, 1);
  must(expire(*store, monday_us));
  const auto first = [&] {
    return bed->value("select seq from telemetry_10s order by time limit 1");
  };
  CHECK(counts(*bed) == "0 6 0 ");
  CHECK(first() == "5");
  fill_telemetry(*bed, "a", from_us + 3 * second_us, 5); // seconds 3 to 7, as numbers 0 to 4
  must(expire(*store, monday_us));
  CHECK(counts(*bed) == "0 6 0 ");
  CHECK(first() == "0");
  // A second of a later stream takes the place of the same second; one of an earlier item does not.
  fill_telemetry(*bed, "a", from_us + 3 * second_us, 1);
  bed->tamper("update telemetry set stream = stream + 1, seq = 77");
  must(expire(*store, monday_us));
  CHECK(first() == "77");
  fill_telemetry(*bed, "a", from_us + 3 * second_us, 6);
  must(expire(*store, monday_us));
  CHECK(first() == "77");
  CHECK(counts(*bed) == "0 6 0 ");
  // The same in the minute.
  must(expire(*store, monday_us + 8 * day_us));
  CHECK(counts(*bed) == "0 0 1 ");
  fill_telemetry(*bed, "a", from_us, 30);
  must(expire(*store, monday_us + 8 * day_us));
  CHECK(counts(*bed) == "0 0 1 ");
  CHECK(bed->value("select seq from telemetry_1m") == "0");
}

TEST_CASE("telemetry: each farm has its own ages for each tier; without a rule no tier is made") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  for (const auto* farm : {"a", "b", "c"})
    append_days(*store, farm, "T1", 1 + static_cast<unsigned>(farm[0]), {monday_us});
  for (const auto* farm : {"a", "b", "c"})
    fill_telemetry(*bed, farm, monday_us - 20 * day_us, 600);
  const auto held = [&](const std::string& farm) {
    std::string out;
    for (const auto* tier : {"telemetry", "telemetry_10s", "telemetry_1m"})
      out += bed->value(std::string{"select count(*) from "} + tier
                        + " t join equipment e on e.id = t.equipment_id join farm f on f.id = "
                          "e.farm_id where f.name = '"
                        + farm + "'")
             + " ";
    return out;
  };
  CHECK(must(expire(*store, monday_us)).telemetry == 0);
  CHECK(held("a") == "600 0 0 ");
  // A rule for a coarser tier alone takes nothing out of the finer one.
  keep(*store, "", data_kind::telemetry_10s, 1);
  CHECK(must(expire(*store, monday_us)).telemetry == 0);

  keep(*store, "a", data_kind::telemetry,
       5); // its own 10 s for 50 days: it comes before the rule of all
  keep(*store, "b", data_kind::telemetry, 5);
  keep(*store, "b", data_kind::telemetry_10s, 5); // straight on to minutes
  keep(*store, "c", data_kind::telemetry, std::nullopt);
  const auto losses = losses_now(*store);
  REQUIRE(losses.size() == 2);
  CHECK(losses[0].farm == "a");
  CHECK(losses[0].kind == data_kind::telemetry);
  CHECK(losses[0].rows == 600);
  CHECK(losses[1].farm == "b");
  must(expire(*store, monday_us));
  CHECK(held("a") == "0 60 0 ");
  CHECK(held("b") == "0 0 10 ");
  CHECK(held("c") == "600 0 0 ");
  // As before there were tiers: what is past the age of telemetry goes for good.
  keep(*store, "a", data_kind::telemetry_10s, 1);
  keep(*store, "a", data_kind::telemetry_1m, 1);
  must(expire(*store, monday_us));
  CHECK(held("a") == "0 0 0 ");
  fill_telemetry(*bed, "a", monday_us - 20 * day_us, 600);
  must(expire(*store, monday_us));
  CHECK(held("a") == "0 0 0 ");
  keep(*store, "b", data_kind::telemetry_1m, std::nullopt);
  must(expire(*store, monday_us + 30'000 * day_us));
  CHECK(held("b") == "0 0 10 ");
  CHECK(held("c") == "600 0 0 ");
  check_nothing_lost(*store);
}

TEST_CASE("telemetry: goes with its machine, in every tier") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  for (const auto* farm : {"a", "b"})
    append_days(*store, farm, "T1", 1 + static_cast<unsigned>(farm[0]), {monday_us});
  for (const auto* farm : {"a", "b"})
    for (const int days : {1, 10, 90})
      fill_telemetry(*bed, farm, monday_us - days * day_us, 120);
  keep(*store, "", data_kind::telemetry, 5);
  must(expire(*store, monday_us));
  CHECK(counts(*bed) == "240 24 4 ");
  const auto outcome = must(answer_of<removal_outcome>([&](auto done) {
    store->removals()->remove({"a", "T1", std::nullopt}, {"me"}, done);
  }));
  CHECK(outcome.telemetry == 120 + 12 + 2);
  CHECK(counts(*bed) == "120 12 2 ");
}
