#include "tests/simulation/report.hpp"

#include "tests/simulation/homes/farm_world.hpp"
#include "tests/simulation/homes/site_world.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace furrow::simulation {

namespace {

constexpr std::array<std::pair<broken_rule, const char*>, 16> rule_names{{
  {broken_rule::none, "none"},
  {broken_rule::ack_before_commit, "ack_before_commit"},
  {broken_rule::compare_without_epoch, "compare_without_epoch"},
  {broken_rule::claim_again_when_fenced, "claim_again_when_fenced"},
  {broken_rule::judge_without_grace, "judge_without_grace"},
  {broken_rule::judge_across_timeline, "judge_across_timeline"},
  {broken_rule::no_reaper, "no_reaper"},
  {broken_rule::claim_before_replication, "claim_before_replication"},
  {broken_rule::epoch_without_timeline, "epoch_without_timeline"},
  {broken_rule::lease_by_node_clock, "lease_by_node_clock"},
  {broken_rule::lease_of_old_clock, "lease_of_old_clock"},
  {broken_rule::replaced_goes_on, "replaced_goes_on"},
  {broken_rule::idle_never_asks, "idle_never_asks"},
  {broken_rule::target_takes_first, "target_takes_first"},
  {broken_rule::admit_unasked, "admit_unasked"},
  {broken_rule::relay_ack_is_final, "relay_ack_is_final"},
}};

constexpr std::array<const char*, 3> kind_names{"fleet", "farm", "site"};

} // namespace

void totals::add(const world_result& one) {
  ++seeds;
  bad += one.found ? 1 : 0;
  steps += one.steps;
  items += one.items;
  troubles += one.troubles;
  failovers += one.failovers;
  forks += one.forks;
  moves += one.moves;
  slowest = std::max(slowest, one.settled_after);
}

std::optional<world_kind> kind_named(const std::string& name) {
  for (std::size_t i = 0; i < kind_names.size(); ++i)
    if (name == kind_names[i])
      return static_cast<world_kind>(i);
  return std::nullopt;
}

world_kind kind_with(broken_rule rule) {
  switch (rule) {
  case broken_rule::target_takes_first:
  case broken_rule::admit_unasked:
    return world_kind::farm;
  case broken_rule::relay_ack_is_final:
    return world_kind::site;
  default:
    return world_kind::fleet;
  }
}

world_result play(const game& which, const std::function<void(const std::string&)>& trace) {
  switch (which.kind) {
  case world_kind::fleet:
    return world{plan_of(which.seed, which.broken), trace}.run();
  case world_kind::farm:
    return farm_world{which.seed, which.broken, trace}.run();
  case world_kind::site:
    return site_world{which.seed, which.broken, trace}.run();
  }
  return {};
}

std::string described(const game& which, const world_result& of) {
  const std::string kind = kind_names.at(static_cast<std::size_t>(which.kind));
  const auto about =
    which.kind == world_kind::fleet ? to_string(plan_of(which.seed, which.broken)) : kind;
  const auto seed = "seed " + std::to_string(which.seed) + " (" + about + "): ";
  if (!of.found)
    return seed + "sound, " + std::to_string(of.steps) + " steps, settled after "
           + std::to_string(of.settled_after.count()) + " ms";
  return seed + "step " + std::to_string(of.found->step) + ", "
         + std::to_string(of.found->at.count()) + " ms: " + of.found->rule + ": " + of.found->what
         + "\n  replay: simulate" + (which.kind == world_kind::fleet ? "" : " --world " + kind)
         + " --seed " + std::to_string(which.seed)
         + (which.broken == broken_rule::none ? "" : " --rule " + to_string(which.broken));
}

std::string described(const totals& of) {
  const auto ms = std::chrono::duration_cast<milliseconds>(clock::now() - of.begun).count();
  return std::to_string(of.seeds) + " seeds, " + std::to_string(of.bad) + " bad, in "
         + std::to_string(ms) + " ms; " + std::to_string(of.steps) + " steps, "
         + std::to_string(of.items) + " items, " + std::to_string(of.troubles) + " faults, "
         + std::to_string(of.failovers) + " failovers, " + std::to_string(of.forks) + " forks, "
         + std::to_string(of.moves) + " moves; the slowest settled after "
         + std::to_string(of.slowest.count()) + " ms";
}

std::string to_string(broken_rule rule) {
  for (const auto& [one, name] : rule_names)
    if (one == rule)
      return name;
  return "unknown";
}

std::optional<broken_rule> rule_named(const std::string& name) {
  for (const auto& [one, known] : rule_names)
    if (name == known)
      return one;
  return std::nullopt;
}

} // namespace furrow::simulation
