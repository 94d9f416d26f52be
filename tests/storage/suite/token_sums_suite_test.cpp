// Sums of used tokens on both databases: built into storage_tests and storage_pg_tests.
#include "can/text/civil_time.hpp"
#include "storage/farm/repositories.hpp"
#include "storage/series/series.hpp"
#include "tests/storage/suite/record_bed.hpp"

#include <string>
#include <utility>
#include <vector>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t sums_hour_us = 3'600'000'000;

std::int64_t sums_day_us(int year, unsigned month, unsigned day) {
  return can::days_of({year, month, day}) * can::day_us;
}

can::record used_at(std::int64_t time_us,
                    const std::string& agent,
                    const std::string& model,
                    const std::string& tokens,
                    const std::string& cost = "") {
  return {time_us, can::record_kind_tokens,
          R"({"agent":")" + agent + R"(","model":")" + model + R"(","prompt_tokens":)" + tokens
            + R"(,"completion_tokens":1)" + (cost.empty() ? "" : R"(,"cost_usd":)" + cost) + "}"};
}

/// Two machines, two agents, two models, around the end of April in Berlin (22:00 UTC).
void fill_usage(store& store) {
  const auto lane = store.open_appender("w0");
  const auto t1 = claim(store, request_for("T1", 1)).claim;
  const auto t2 = claim(store, request_for("T2", 2)).claim;
  const auto april = sums_day_us(2026, 4, 30);
  REQUIRE(
    append(*lane, {append_records(t1, 0,
                                  {used_at(april + sums_hour_us, "scout", "m", "1200.25", "0.5"),
                                   used_at(april + 21 * sums_hour_us, "scout", "m", "0.5"),
                                   used_at(april + 23 * sums_hour_us, "scout", "m", "7", "0.25"),
                                   used_at(april + 30 * sums_hour_us, "Planner", "m", "1e12")})}));
  REQUIRE(
    append(*lane, {append_records(t2, 0,
                                  {used_at(april + 2 * sums_hour_us, "scout", "m-2", "3"),
                                   used_at(april + 2 * sums_hour_us, "scout", "m", "100")})}));
}

token_sums ask_sums(store& store, const token_sums_wish& wish) {
  return must(
    answer_of<token_sums>([&](auto done) { series_of(store)->read_token_sums(wish, done); }));
}

errc refusal_of_sums(store& store, const token_sums_wish& wish) {
  const auto said =
    answer_of<token_sums>([&](auto done) { series_of(store)->read_token_sums(wish, done); });
  REQUIRE_FALSE(said);
  return said.code();
}

/// "30T00 scout m 3 1300.75 3 0.5; ..." with the day and hour of UTC.
std::string as_text(const token_sums& sums) {
  std::string out;
  for (const auto& row : sums.rows) {
    const auto days = row.start_us / can::day_us;
    out += (out.empty() ? "" : "; ") + std::to_string(can::date_of(days).day) + "T"
           + std::to_string(row.start_us % can::day_us / sums_hour_us) + " " + row.agent + " "
           + row.model + " " + std::to_string(row.records) + " "
           + std::to_string(static_cast<std::int64_t>(row.prompt_tokens * 100)) + "/100 "
           + std::to_string(static_cast<int>(row.completion_tokens)) + " "
           + (row.cost_usd ? std::to_string(static_cast<int>(*row.cost_usd * 100)) : "-");
  }
  return out;
}

token_sums_wish usage_wish(sum_period by = sum_period::day, const std::string& zone = "") {
  token_sums_wish wish;
  wish.farm = "default";
  wish.by = by;
  wish.zone = zone;
  return wish;
}

} // namespace

TEST_CASE("token sums: by agent, model and day of UTC or of a time zone") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_usage(*store);
  CHECK(as_text(ask_sums(*store, usage_wish()))
        == "30T0 scout m 4 130775/100 4 75; 30T0 scout m-2 1 300/100 1 -; "
           "1T0 Planner m 1 100000000000000/100 1 -");
  const auto local = "29T22 scout m 3 130075/100 3 50; 29T22 scout m-2 1 300/100 1 -; "
                     "30T22 Planner m 1 100000000000000/100 1 -; 30T22 scout m 1 700/100 1 25";
  CHECK(as_text(ask_sums(*store, usage_wish(sum_period::day, "Europe/Berlin"))) == local);
  CHECK(as_text(ask_sums(*store, usage_wish(sum_period::day, "farm")))
        == as_text(ask_sums(*store, usage_wish())));
  farm_record farm;
  farm.name = "default";
  farm.time_zone = "Europe/Berlin";
  REQUIRE(must(answer_of<unit_outcome>([&](auto done) {
            store->farm()->apply("default", unit_of(action::update, farm), done);
          }))
            .committed);
  CHECK(as_text(ask_sums(*store, usage_wish(sum_period::day, "farm"))) == local);
  CHECK(refusal_of_sums(*store, usage_wish(sum_period::day, "Mars/Base")) == errc::reject_row);
}

TEST_CASE("token sums: by month, and whole") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_usage(*store);
  CHECK(as_text(ask_sums(*store, usage_wish(sum_period::month)))
        == "1T0 scout m 4 130775/100 4 75; 1T0 scout m-2 1 300/100 1 -; "
           "1T0 Planner m 1 100000000000000/100 1 -");
  const auto local = ask_sums(*store, usage_wish(sum_period::month, "Europe/Berlin"));
  REQUIRE(local.rows.size() == 4);
  CHECK(local.rows[0].start_us == sums_day_us(2026, 3, 31) + 22 * sums_hour_us);
  CHECK(local.rows[2].start_us == sums_day_us(2026, 4, 30) + 22 * sums_hour_us);
  CHECK(as_text(ask_sums(*store, usage_wish(sum_period::whole)))
        == "1T0 Planner m 1 100000000000000/100 1 -; 1T0 scout m 4 130775/100 4 75; "
           "1T0 scout m-2 1 300/100 1 -");
}

TEST_CASE("token sums: filters take a part, and no other farm's machines") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_usage(*store);
  auto wish = usage_wish();
  wish.equipment = "T2";
  CHECK(as_text(ask_sums(*store, wish))
        == "30T0 scout m 1 10000/100 1 -; 30T0 scout m-2 1 300/100 1 -");
  wish = usage_wish();
  wish.machines = {"T2", "T7"};
  wish.model = "m-2";
  CHECK(as_text(ask_sums(*store, wish)) == "30T0 scout m-2 1 300/100 1 -");
  wish = usage_wish();
  wish.agent = "Planner";
  CHECK(ask_sums(*store, wish).rows.size() == 1);
  wish = usage_wish();
  wish.from_us = sums_day_us(2026, 4, 30) + 21 * sums_hour_us; // both ends are included
  wish.to_us = sums_day_us(2026, 4, 30) + 23 * sums_hour_us;
  CHECK(as_text(ask_sums(*store, wish)) == "30T0 scout m 2 750/100 2 25");
  wish = usage_wish();
  wish.farm = "hill";
  CHECK(ask_sums(*store, wish).rows.empty());
  wish.zone = "farm";
  CHECK(ask_sums(*store, wish).rows.empty());
  wish.equipment = "T1";
  CHECK(refusal_of_sums(*store, wish) == errc::not_found);
}

TEST_CASE("token sums: pages follow each other without a gap or a repeated row") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_usage(*store);
  for (const auto* zone : {"", "Europe/Berlin"})
    for (const auto by : {sum_period::day, sum_period::month, sum_period::whole}) {
      const auto whole = ask_sums(*store, usage_wish(by, by == sum_period::whole ? "" : zone));
      auto wish = usage_wish(by, by == sum_period::whole ? "" : zone);
      for (wish.limit = 1; wish.limit <= 4; ++wish.limit) {
        token_sums gathered;
        wish.after.reset();
        do {
          const auto page = ask_sums(*store, wish);
          CHECK(page.rows.size() <= wish.limit);
          gathered.rows.insert(gathered.rows.end(), page.rows.begin(), page.rows.end());
          wish.after = page.next;
          REQUIRE(gathered.rows.size() <= whole.rows.size());
        } while (wish.after);
        CHECK(as_text(gathered) == as_text(whole));
      }
    }
}
