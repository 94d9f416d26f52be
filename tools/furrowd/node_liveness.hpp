/// What the service manager hears of a node: its state in one sentence, and that all its threads and the actor system
/// work.
///
/// Shape: a round trip passes the gateways' io thread, an actor (a worker and the clock of the actor system), the thread
///   for people and, with a link, the one for other nodes. What hangs anywhere there ends the process
///   (tools/process/liveness.hpp).
/// Units: frames a second since the sentence before.
/// Threads: the gateways' io thread. It must end() before the node and the executors.
#pragma once

#include "actors/node.hpp"
#include "tools/furrowd/executors.hpp"
#include "tools/process/liveness.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace furrow::daemon {

/// The sentence of a node that serves gateways.
class standing {
public:
  using time_point = std::chrono::steady_clock::time_point;
  explicit standing(time_point now) : at_{now} {}
  [[nodiscard]] std::string text(const actors::node_stats& now, time_point at);

private:
  std::uint64_t frames_ = 0;
  time_point at_;
};

class node_liveness {
public:
  explicit node_liveness(executors& threads);

  void start() { reports_.start(); }
  /// The node is there, and the thread for other nodes if it `has_peers`.
  void watch(actors::node& node, bool has_peers);
  void waits_for_database() { state_ = state::waiting; }
  void serves();
  void reloading() { reports_.reloading(); }
  void reloaded() { reports_.reloaded(); }
  void stopping(std::chrono::seconds longest);
  void end() { reports_.end(); }

private:
  enum class state : std::uint8_t { starting, waiting, serving, draining };
  std::string status();

  executors& threads_;
  actors::node* node_ = nullptr;
  state state_ = state::starting;
  standing standing_{std::chrono::steady_clock::now()};
  liveness reports_;
};

} // namespace furrow::daemon
