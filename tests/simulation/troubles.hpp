/// The faults of a simulated world, drawn from its seed: one after the other, many at once.
///
/// Shape: each fault begins, and schedules its own end. What dies starts again, what is frozen thaws, what is cut heals.
/// Threads: one.
#pragma once

#include "tests/simulation/stage/scheduler.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace furrow::simulation {

class world;
class node;
class gateway;
class server;

class troubles {
public:
  explicit troubles(world& in);

  void begin();
  /// No new fault; those that are under way end when they end.
  void end() { ended_ = true; }
  [[nodiscard]] std::uint64_t begun() const { return begun_; }

private:
  struct kind {
    unsigned weight;
    void (troubles::*start)();
  };
  static const std::vector<kind>& kinds();
  void next();

  void kill_node();
  void freeze_node();
  void freeze_node_in_copy();
  void freeze_one_for_ever();
  void kill_actor();
  void drain_node();
  void kill_gateway();
  void freeze_gateway();
  void restore_spool();
  void cut_gateway();
  void cut_node_from_gateways();
  void cut_node_from_database();
  void bad_line();
  void crash_leader();
  void freeze_leader();
  void crash_leader_with_lag();
  void crash_leader_between_leases(int tries);
  void standby_trouble();
  void slow_disk();
  void reconnect_storm();
  void move_machine();
  void set_clock();

  node& any_node();
  gateway& any_gateway();
  /// Does `undo` after a while, drawn from the range.
  void later(milliseconds low, milliseconds high, task undo);
  void cut(const process& a, const process& b, milliseconds longest);
  void restart_node(node& which, milliseconds longest);
  void note(const std::string& what);

  world& in_;
  bool ended_ = false;
  std::uint64_t begun_ = 0;
};

} // namespace furrow::simulation
