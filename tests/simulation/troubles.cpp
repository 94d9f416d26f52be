#include "tests/simulation/troubles.hpp"

#include "tests/simulation/world.hpp"

#include <algorithm>
#include <numeric>

namespace furrow::simulation {

using namespace std::chrono_literals;

troubles::troubles(world& in) : in_{in} {}

const std::vector<troubles::kind>& troubles::kinds() {
  static const std::vector<kind> all{
    {8, &troubles::kill_node},
    {6, &troubles::freeze_node},
    {8, &troubles::freeze_node_in_copy},
    {6, &troubles::kill_actor},
    {4, &troubles::drain_node},
    {6, &troubles::kill_gateway},
    {3, &troubles::freeze_gateway},
    {3, &troubles::restore_spool},
    {8, &troubles::cut_gateway},
    {4, &troubles::cut_node_from_gateways},
    {5, &troubles::cut_node_from_database},
    {8, &troubles::bad_line},
    {7, &troubles::crash_leader},
    {4, &troubles::freeze_leader},
    {4, &troubles::crash_leader_with_lag},
    {5, &troubles::standby_trouble},
    {3, &troubles::slow_disk},
    {2, &troubles::reconnect_storm},
    {5, &troubles::move_machine},
    {4, &troubles::set_clock},
  };
  return all;
}

void troubles::begin() {
  if (in_.plan.leaves_one_frozen)
    in_.on.time.in(in_.on.chance.between(2s, in_.plan.troubled), [this] { freeze_one_for_ever(); });
  next();
}

void troubles::next() {
  in_.on.time.in(in_.on.chance.between(0ms, 2 * in_.plan.between_troubles), [this] {
    if (ended_)
      return;
    ++begun_;
    const auto sum =
      std::accumulate(kinds().begin(), kinds().end(), 0U,
                      [](unsigned all, const kind& one) { return all + one.weight; });
    auto drawn = in_.on.chance.below(sum);
    for (const auto& one : kinds()) {
      if (drawn < one.weight) {
        (this->*one.start)();
        break;
      }
      drawn -= one.weight;
    }
    next();
  });
}

void troubles::note(const std::string& what) {
  in_.note(what);
}

node& troubles::any_node() {
  return *in_.nodes[in_.on.chance.below(in_.nodes.size())];
}

gateway& troubles::any_gateway() {
  return *in_.gateways[in_.on.chance.below(in_.gateways.size())];
}

void troubles::later(milliseconds low, milliseconds high, task undo) {
  in_.on.time.in(in_.on.chance.between(low, high), std::move(undo));
}

void troubles::restart_node(node& which, milliseconds longest) {
  later(100ms, longest, [this, &which] {
    if (which.at.alive())
      return;
    note("start " + which.at.name());
    which.start();
  });
}

void troubles::kill_node() {
  auto& one = any_node();
  if (!one.at.alive() || &one == in_.left_frozen)
    return;
  const bool unplug = in_.on.chance.chance(0.3);
  note((unplug ? "unplug " : "kill ") + one.at.name());
  one.kill(unplug);
  restart_node(one, 6s);
}

void troubles::freeze_node() {
  auto& one = any_node();
  if (!one.at.works())
    return;
  note("freeze " + one.at.name());
  one.at.freeze();
  later(500ms, 12s, [this, &one] {
    if (&one == in_.left_frozen)
      return;
    note("thaw " + one.at.name());
    one.at.thaw();
  });
}

void troubles::freeze_node_in_copy() {
  auto& one = any_node();
  if (!one.at.works())
    return;
  note("freeze " + one.at.name() + " in its next COPY");
  one.freeze_in_copy(true);
  later(3s, 15s, [this, &one] {
    if (&one == in_.left_frozen)
      return;
    one.freeze_in_copy(false);
    note("thaw " + one.at.name());
    one.at.thaw();
  });
}

void troubles::freeze_one_for_ever() {
  auto& one = any_node();
  if (!one.at.works() || in_.left_frozen != nullptr)
    return;
  note("freeze " + one.at.name() + " in its next COPY, for ever");
  in_.left_frozen = &one;
  one.freeze_in_copy(true);
}

void troubles::kill_actor() {
  auto& one = any_node();
  if (!one.at.works())
    return;
  if (in_.on.chance.chance(0.6)) {
    note("kill a lane of " + one.at.name());
    one.kill_lane();
  } else {
    note("kill the claim desk of " + one.at.name());
    one.kill_desk();
  }
}

void troubles::drain_node() {
  auto& one = any_node();
  if (!one.at.works() || &one == in_.left_frozen)
    return;
  note("drain " + one.at.name());
  one.drain();
  restart_node(one, 9s);
}

void troubles::kill_gateway() {
  auto& one = any_gateway();
  if (!one.at.alive())
    return;
  const bool unplug = in_.on.chance.chance(0.5);
  note((unplug ? "unplug " : "kill ") + one.at.name());
  one.kill(unplug);
  later(50ms, 4s, [&one] {
    if (!one.at.alive())
      one.start();
  });
}

void troubles::freeze_gateway() {
  auto& one = any_gateway();
  if (!one.at.works())
    return;
  note("freeze " + one.at.name());
  one.at.freeze();
  later(200ms, 8s, [&one] { one.at.thaw(); });
}

void troubles::restore_spool() {
  auto& one = any_gateway();
  if (!one.at.alive() || !one.spool.has_copy())
    return;
  note("restore an old copy of the disk of " + one.at.name());
  one.kill(true);
  one.spool.restore();
  one.start();
}

void troubles::cut(const process& a, const process& b, milliseconds longest) {
  const auto ways = in_.on.chance.below(3); // both, one, the other
  const auto apply = [this, &a, &b, ways](int count) {
    if (ways != 1)
      in_.on.net.cut(a, b, count);
    if (ways != 2)
      in_.on.net.cut(b, a, count);
  };
  apply(1);
  later(300ms, longest, [apply] { apply(-1); });
}

void troubles::cut_gateway() {
  auto& one = any_gateway();
  auto& far = any_node();
  note("cut " + one.at.name() + " from " + far.at.name());
  cut(one.at, far.at, 10s);
}

void troubles::cut_node_from_gateways() {
  auto& one = any_node();
  note("cut all gateways from " + one.at.name());
  for (const auto& each : in_.gateways)
    cut(each->at, one.at, 8s);
}

void troubles::cut_node_from_database() {
  auto& one = any_node();
  note("cut the database from " + one.at.name());
  for (const auto& each : in_.db.servers())
    cut(one.at, each->at, 10s);
}

void troubles::bad_line() {
  auto& one = any_gateway();
  auto& far = any_node();
  const bool slow = in_.on.chance.chance(0.5);
  const bool of_database = in_.on.chance.chance(0.3);
  const process& a = of_database ? in_.db.leader().at : one.at;
  const process& b = far.at;
  note("a bad line between " + a.name() + " and " + b.name());
  const auto apply = [this, &a, &b, slow](int count) {
    for (const auto& [from, to] : {std::pair{&a, &b}, std::pair{&b, &a}})
      slow ? in_.on.net.slow(*from, *to, count) : in_.on.net.drop(*from, *to, count);
  };
  apply(1);
  later(1s, 8s, [apply] { apply(-1); });
}

void troubles::crash_leader() {
  auto& one = in_.db.leader();
  if (!one.at.alive())
    return;
  const bool unplug = in_.on.chance.chance(0.4);
  note("crash " + one.at.name());
  one.crash(unplug);
  later(100ms, 8s, [this, &one] {
    if (one.at.alive())
      return;
    note("start " + one.at.name());
    in_.db.restart(one);
  });
}

void troubles::freeze_leader() {
  auto& one = in_.db.leader();
  if (!one.at.works())
    return;
  note("freeze " + one.at.name());
  one.at.freeze();
  later(300ms, 10s, [this, &one] {
    note("thaw " + one.at.name());
    one.at.thaw();
  });
}

/// The standby takes over without what it had not received yet.
void troubles::crash_leader_with_lag() {
  if (!in_.plan.database.standby)
    return;
  auto& one = in_.db.other();
  note("the standby lags, and the primary is to crash");
  auto lag = in_.on.chance.between(1'000ms, 2'800ms);
  // Mostly such that the leases which the standby then has are about to end.
  if (const auto lease_age = 2'000ms + (lag - 1'000ms) / 3; lag.count() % 3 != 0)
    lag = std::max(100ms, lease_age - in_.plan.database.ttl);
  one.set_lag(lag);
  later(1'500ms, 3'500ms, [this] { crash_leader_between_leases(40); });
  later(4s, 8s, [&one] { one.set_lag(0ms); });
}

/// Waits a little for a moment after which the standby will find some leases past, and others not.
void troubles::crash_leader_between_leases(int tries) {
  if (ended_)
    return;
  const auto& standby = in_.db.other();
  const auto takes_over = standby.at.local_now() + in_.plan.database.ttl + 300ms;
  bool past = false;
  bool lasting = false;
  for (const auto& [name, row] : standby.disk().nodes)
    if (row.status == node_status::alive) {
      past = past || row.lease_until < takes_over;
      lasting = lasting || row.lease_until > takes_over + 300ms;
    }
  if (tries == 0 || (past && lasting))
    return crash_leader();
  in_.on.time.in(50ms, [this, tries] { crash_leader_between_leases(tries - 1); });
}

void troubles::standby_trouble() {
  auto& one = in_.db.other();
  if (!in_.plan.database.standby || !one.at.alive())
    return;
  switch (in_.on.chance.below(3)) {
  case 0:
    note("crash " + one.at.name());
    one.crash(in_.on.chance.chance(0.4));
    return later(100ms, 5s, [this, &one] {
      if (!one.at.alive())
        in_.db.restart(one);
    });
  case 1:
    note("cut the standby from the primary");
    return cut(one.at, in_.db.leader().at, 6s);
  default:
    note("the standby lags");
    one.set_lag(in_.on.chance.between(100ms, 4s));
    return later(1s, 8s, [&one] { one.set_lag(0ms); });
  }
}

void troubles::slow_disk() {
  auto& one = in_.db.leader();
  note("a slow disk at " + one.at.name());
  one.set_flush(in_.on.chance.between(50ms, 900ms));
  later(1s, 6s, [&one] { one.set_flush(5ms); });
}

/// People pin a machine to a node, or take that back.
void troubles::move_machine() {
  const auto machine = any_gateway().machine();
  const auto node = in_.on.chance.chance(0.2) ? std::string{} : any_node().at.name();
  auto& one = in_.db.leader();
  if (!one.at.works())
    return;
  note("move " + machine + " to " + (node.empty() ? "any node" : node));
  ++in_.moves;
  one.pin(machine, node);
}

/// Somebody sets the clock of a database server.
void troubles::set_clock() {
  auto& one = in_.on.chance.chance(0.6) ? in_.db.leader() : in_.db.other();
  note("set the clock of " + one.at.name());
  one.at.set_clock(in_.on.chance.wrong_clock());
}

void troubles::reconnect_storm() {
  note("all gateways start again");
  for (const auto& one : in_.gateways)
    if (one->at.alive()) {
      one->kill(false);
      one->start();
    }
}

} // namespace furrow::simulation
