// Which frames of an archive may be imported, and how: decided without a database.
#include "storage/archive/import_plan.hpp"
#include "tests/storage/suite/store_bed.hpp"

#include <algorithm>
#include <random>
#include <set>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

std::vector<frame_run> runs_of(const number_ranges& ranges) {
  std::vector<frame_run> out;
  for (const auto& [first, last] : ranges)
    out.push_back({first, mixed_block(static_cast<unsigned>(first), last - first + 1)});
  return out;
}

std::set<std::uint64_t> one_by_one(const number_ranges& ranges) {
  std::set<std::uint64_t> out;
  for (const auto& [first, last] : ranges)
    for (auto number = first; number <= last; ++number)
      out.insert(number);
  return out;
}

std::string refused(const number_ranges& wanted, const stream_facts& facts) {
  const auto plan = plan_return(runs_of(wanted), facts);
  CHECK_FALSE(plan);
  return plan ? "" : plan.error().detail;
}

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("number ranges: behave as sets of numbers") {
  std::mt19937 random{3};
  const auto some = [&] {
    number_ranges out;
    for (unsigned i = random() % 6; i > 0; --i) {
      const std::uint64_t first = 1 + random() % 40;
      out.push_back({first, first + random() % 6});
    }
    return out;
  };
  for (unsigned round = 0; round < 2'000; ++round) {
    const auto raw = some();
    const auto left = merged(raw);
    const auto right = merged(some());
    const auto a = one_by_one(left);
    const auto b = one_by_one(right);
    REQUIRE(a == one_by_one(raw));
    std::set<std::uint64_t> difference;
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(),
                        std::inserter(difference, difference.end()));
    std::set<std::uint64_t> both;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(both, both.end()));
    REQUIRE(one_by_one(without(left, right)) == difference);
    REQUIRE(one_by_one(common(left, right)) == both);
    REQUIRE(count_of(left) == a.size());
    REQUIRE(without(left, right) == merged(without(left, right)));
  }
  CHECK(without({{5, UINT64_MAX}}, {{7, UINT64_MAX}}) == number_ranges{{5, 6}});
}

TEST_CASE("archive return: stores missing frames, compares stored ones") {
  stream_facts facts;
  facts.watermark = 100;
  facts.claimed = true;
  facts.frames = {{1, 20}, {41, 50}};
  const auto plan = plan_return(runs_of({{11, 30}, {35, 60}}), facts);
  REQUIRE(plan);
  CHECK(plan->stored == number_ranges{{21, 30}, {35, 40}, {51, 60}});
  CHECK(plan->known == number_ranges{{11, 20}, {41, 50}});
  CHECK(plan->holes.empty());
  CHECK(plan->watermark == 100);
}

TEST_CASE("archive return: new chunks lie between chunks, never across one") {
  stream_facts facts;
  facts.watermark = 100;
  facts.claimed = true;
  facts.frames = {{20, 25}, {40, 45}};
  facts.chunks = {{20, 25}, {38, 45}};
  facts.sealed_to = 90;
  const auto plan = plan_return(runs_of({{1, 30}, {32, 37}, {46, 60}}), facts);
  REQUIRE(plan);
  REQUIRE(plan->groups.size() == 3);
  CHECK(numbers_of(plan->groups[0]) == number_ranges{{1, 19}});
  CHECK(numbers_of(plan->groups[1]) == number_ranges{{26, 30}, {32, 37}});
  CHECK(numbers_of(plan->groups[2]) == number_ranges{{46, 60}});
  CHECK(mentions(refused({{39, 39}}, facts), "item 39 is missing within a sealed chunk"));
  CHECK(mentions(refused({{80, 95}}, facts), "furrow db seal"));
  facts.fresh_from = 55;
  CHECK(mentions(refused({{46, 60}}, facts), "items 46 to 60 would lie among fresh frames"));
}

TEST_CASE("archive return: a stream without a claim grows, and gaps are recorded as expired") {
  stream_facts facts;
  const auto first = plan_return(runs_of({{11, 30}, {35, 60}}), facts);
  REQUIRE(first);
  CHECK(first->watermark == 60);
  CHECK(first->holes == number_ranges{{1, 10}, {31, 34}});
  facts.watermark = 60;
  facts.frames = {{11, 30}, {35, 60}};
  const auto before = plan_return(runs_of({{1, 10}}), facts);
  REQUIRE(before);
  CHECK(before->watermark == 60);
  CHECK(before->holes.empty());
  facts.claimed = true;
  CHECK(plan_return(runs_of({{1, 10}}), facts));
  CHECK(mentions(refused({{50, 61}}, facts), "what follows is its gateway's to send"));
}

TEST_CASE("archive return: rejects numbers that belong to other items") {
  stream_facts facts;
  facts.watermark = 100;
  facts.others = {{33, 34}};
  CHECK(mentions(refused({{11, 60}}, facts), "items 33 to 34 is not a frame here"));
}

TEST_CASE("archive return: detects one frame that differs or cannot be read") {
  const auto runs = runs_of({{1, 40}, {50, 60}});
  const number_ranges known{{1, 40}};
  const auto check = [&](const std::vector<frame_run>& stored) {
    return_check one{runs, known};
    for (const auto& run : stored)
      one.add(run);
    const auto fault = one.fault();
    return fault ? fault->detail : "";
  };
  CHECK(check({runs[0]}) == "");
  auto other = runs[0];
  other.block.time_offset_us[7] += 1;
  CHECK(mentions(check({other}), "item 8 is another frame here"));
  other = runs[0];
  other.block.slots[0] ^= 1U;
  if (runs[0].block.header(0).payload_bytes() > 0 && runs[0].block.header(0).payload_bytes() <= 8)
    CHECK(mentions(check({other}), "item 1 is another"));
  other = runs[0];
  frame_run part{2, {}};
  REQUIRE(part.block.append(other.block, 1, 39));
  CHECK(mentions(check({part}), "40 of its frames should be stored here, and 39 could be read"));
}
