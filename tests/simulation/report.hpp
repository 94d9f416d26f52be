/// What a run of the simulation says of its seeds.
///
/// Threads: plain values and pure functions.
#pragma once

#include "tests/simulation/world.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace furrow::simulation {

/// Sums over seeds.
struct totals {
  std::uint64_t seeds = 0;
  std::uint64_t bad = 0;
  std::uint64_t steps = 0;
  std::uint64_t items = 0;
  std::uint64_t troubles = 0;
  std::uint64_t failovers = 0;
  std::uint64_t forks = 0;
  std::uint64_t moves = 0;
  milliseconds slowest{0}; // to settle
  clock::time_point begun = clock::now();

  void add(const world_result& one);
};

enum class world_kind : std::uint8_t {
  fleet, // world.hpp
  farm,  // homes/farm_world.hpp
  site,  // homes/site_world.hpp
};
[[nodiscard]] std::optional<world_kind> kind_named(const std::string& name);
/// The kind of world that has this rule.
[[nodiscard]] world_kind kind_with(broken_rule rule);

struct game {
  world_kind kind = world_kind::fleet;
  std::uint64_t seed = 1;
  broken_rule broken = broken_rule::none;
};
[[nodiscard]] world_result play(const game& which,
                                const std::function<void(const std::string&)>& trace = {});
/// The seed, the step and the broken invariant, and how to replay it; or that nothing was found.
[[nodiscard]] std::string described(const game& which, const world_result& of);
[[nodiscard]] std::string described(const totals& of);

[[nodiscard]] std::string to_string(broken_rule rule);
[[nodiscard]] std::optional<broken_rule> rule_named(const std::string& name);

} // namespace furrow::simulation
