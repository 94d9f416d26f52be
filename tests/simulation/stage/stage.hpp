/// What everything in a simulated world shares: time, chance, the network, the oracle, and the trace of a replay.
///
/// Threads: one.
#pragma once

#include "tests/simulation/stage/network.hpp"
#include "tests/simulation/stage/oracle.hpp"
#include "tests/simulation/stage/rules.hpp"

#include <functional>
#include <string>

namespace furrow::simulation {

class server;

struct stage {
  stage(std::uint64_t seed, broken_rule rule) : chance{seed}, broken{rule} {}

  scheduler time;
  dice chance;
  network net{time, chance};
  oracle truth{time};
  broken_rule broken;
  std::function<void(const std::string&)> trace; // of a replay; empty otherwise
  /// That server has declared the node dead a moment ago.
  std::function<void(const server& by, const std::string& node)> judged;
  /// A server that another one has replaced answers that items after `from` up to `to` are durable.
  std::function<void(
    const server& old, const can::stream_id& stream, std::uint64_t from, std::uint64_t to)>
    replaced_took;

  [[nodiscard]] bool breaks(broken_rule rule) const { return broken == rule; }
};

} // namespace furrow::simulation
