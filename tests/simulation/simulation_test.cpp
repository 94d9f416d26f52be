// A thousand worlds in virtual time, each from one seed. A bad seed is printed with the command that replays it.
#include "tests/simulation/bad_seeds.hpp"
#include "tests/simulation/report.hpp"
#include "tests/simulation/world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace furrow::simulation;

namespace {

world_result played(std::uint64_t seed, broken_rule broken = broken_rule::none) {
  return play({kind_with(broken), seed, broken});
}

void check_sound(std::uint64_t seed, totals& sum, world_kind kind = world_kind::fleet) {
  const auto out = play({kind, seed});
  sum.add(out);
  CHECK_MESSAGE(!out.found, described({kind, seed}, out));
}

/// How many seeds it takes to notice that the world breaks a rule; 0 when seeds_max are not enough.
constexpr std::uint64_t seeds_max = 1'000;
std::uint64_t seeds_to_find(broken_rule rule, world_result& out) {
  for (std::uint64_t seed = 1; seed <= seeds_max; ++seed) {
    out = played(seed, rule);
    if (out.found)
      return seed;
  }
  return 0;
}

struct expectation {
  broken_rule rule;
  std::vector<std::string> invariants; // one of them is broken first
};

} // namespace

TEST_CASE("simulation: seeds that were bad once keep every invariant") {
  totals sum;
  for (const auto seed : bad_seeds)
    check_sound(seed, sum);
}

TEST_CASE("simulation: a thousand worlds keep every invariant") {
  totals sum;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed)
    check_sound(seed, sum);
  MESSAGE(described(sum));
  // The worlds have seen what they are made for.
  CHECK(sum.items > 500'000);
  CHECK(sum.troubles > 5'000);
  CHECK(sum.failovers > 100);
  CHECK(sum.forks > 20);
  CHECK(sum.moves > 500);
}

TEST_CASE("simulation: a farm moves in a thousand worlds, and is never in two databases") {
  totals sum;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed)
    check_sound(seed, sum, world_kind::farm);
  MESSAGE(described(sum));
  CHECK(sum.items > 100'000);
  CHECK(sum.troubles > 5'000);
  CHECK(sum.moves > 1'000);
}

TEST_CASE(
  "simulation: a site forwards in a thousand worlds, and deletes nothing that head office lacks") {
  totals sum;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed)
    check_sound(seed, sum, world_kind::site);
  MESSAGE(described(sum));
  CHECK(sum.items > 100'000);
  CHECK(sum.troubles > 5'000);
}

TEST_CASE("simulation: a seed gives the same world each time") {
  for (const std::uint64_t seed : {3U, 45U, 700U}) {
    const auto first = played(seed);
    const auto second = played(seed);
    CHECK(first.steps == second.steps);
    CHECK(first.items == second.items);
    CHECK(first.settled_after == second.settled_after);
  }
}

TEST_CASE("simulation: notices each broken rule within a thousand seeds") {
  const std::vector<expectation> all{
    {broken_rule::ack_before_commit, {"durable", "same"}},
    {broken_rule::compare_without_epoch, {"fenced"}},
    {broken_rule::claim_again_when_fenced, {"yield"}},
    {broken_rule::no_reaper, {"alive"}},
    {broken_rule::judge_without_grace, {"judged"}},
    {broken_rule::judge_across_timeline, {"judged"}},
    {broken_rule::claim_before_replication, {"durable"}},
    {broken_rule::epoch_without_timeline, {"epochs", "once", "same", "whole", "fenced", "owner"}},
    {broken_rule::lease_by_node_clock, {"judged"}},
    {broken_rule::lease_of_old_clock, {"buried"}},
    {broken_rule::replaced_goes_on, {"one"}},
    {broken_rule::idle_never_asks, {"alive"}},
    {broken_rule::target_takes_first, {"two"}},
    {broken_rule::admit_unasked, {"two"}},
    {broken_rule::relay_ack_is_final, {"forwarded"}},
  };
  for (const auto& one : all) {
    world_result out;
    const auto seeds = seeds_to_find(one.rule, out);
    CAPTURE(to_string(one.rule));
    REQUIRE(seeds > 0);
    MESSAGE(to_string(one.rule) << ": found by seed " << seeds << ": " << out.found->rule << ": "
                                << out.found->what);
    CHECK(std::find(one.invariants.begin(), one.invariants.end(), out.found->rule)
          != one.invariants.end());
  }
}
