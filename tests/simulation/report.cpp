#include "tests/simulation/report.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace furrow::simulation {

namespace {

constexpr std::array<std::pair<broken_rule, const char*>, 13> rule_names{{
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
}};

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

std::string described(const world_plan& plan, const world_result& of) {
  const auto seed = "seed " + std::to_string(plan.seed) + " (" + to_string(plan) + "): ";
  if (!of.found)
    return seed + "sound, " + std::to_string(of.steps) + " steps, settled after "
           + std::to_string(of.settled_after.count()) + " ms";
  return seed + "step " + std::to_string(of.found->step) + ", "
         + std::to_string(of.found->at.count()) + " ms: " + of.found->rule + ": " + of.found->what
         + "\n  replay: simulate --seed " + std::to_string(plan.seed)
         + (plan.broken == broken_rule::none ? "" : " --rule " + to_string(plan.broken));
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
