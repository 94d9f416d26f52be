#include "tests/simulation/database/membership.hpp"

#include <algorithm>

namespace furrow::simulation {

using actors::lease_question;
using namespace std::chrono_literals;

namespace {

constexpr milliseconds lease_time{3'000};
constexpr milliseconds grace{4'000};

/// A model that breaks the grace breaks it in the node, too.
actors::lease_limits limits_of(const stage& on) {
  actors::lease_limits limits;
  if (on.breaks(broken_rule::judge_without_grace))
    limits.judge_after = 0ms;
  return limits;
}

bool serves(const node_row& row) {
  return row.status == node_status::alive || row.status == node_status::draining;
}

} // namespace

node_lease::node_lease(stage& on,
                       process& owner,
                       database& db,
                       std::string name,
                       incarnation node,
                       task died,
                       heard_to heard)
  : on_{on}, owner_{owner}, name_{std::move(name)}, node_{node}, died_{std::move(died)},
    heard_{std::move(heard)}, client_{on.net, owner, db, node}, keeper_{limits_of(on)} {}

void node_lease::turn() {
  const auto turn_number = ++turns_;
  const auto what = keeper_.next(now());
  if (what != lease_question::none)
    return ask(what);
  const auto wait = std::max(clock::duration{1ms}, keeper_.wake() - now());
  owner_.in(wait, [this, turn_number] {
    if (turn_number == turns_)
      turn();
  });
}

void node_lease::ask(lease_question what) {
  const auto joins = what == lease_question::join;
  database_client::request request =
    [name = name_, joins, clock = now()](server& at, server::session_id session, const answer& to) {
      at.beat(session, name, joins, clock, to);
    };
  if (what == lease_question::judge)
    request = [name = name_, clock = now()](server& at, server::session_id session,
                                            const answer& to) {
      at.judge(session, name, clock, to);
    };
  client_.ask(std::move(request), actors::lease_limits{}.deadline,
              [this, what](const reply& got) { answered(what, got); });
}

void node_lease::answered(lease_question what, const reply& got) {
  if (got.lost)
    keeper_.failed(now());
  else if (what == lease_question::judge)
    keeper_.judged(now());
  else
    keeper_.answered({.known = true, .mine = got.mine, .drain = false, .late = got.late}, now());
  if (keeper_.state() == actors::node_state::dead)
    return died_();
  if (!got.lost && what != lease_question::judge)
    heard_(got);
  turn();
}

/// A failover has taken the leases back to what the standby had; or the clock has gone back.
void lease_book::note_clock() {
  if (in.timeline != timeline || in.quiet_until > moment + grace)
    in.quiet_until = moment + grace;
  in.timeline = timeline;
  if (broken == broken_rule::lease_of_old_clock || broken == broken_rule::lease_by_node_clock)
    return;
  for (auto& [name, row] : in.nodes)
    if (serves(row) && row.lease_until > moment + grace) {
      row.lease_until = moment + lease_time;
      row.unbroken_since = moment;
    }
}

bool lease_book::beat(const std::string& name, incarnation node, bool joins) {
  note_clock();
  auto& row = in.nodes[name];
  if (joins && row.owner != node)
    row = {node, node_status::alive, moment + lease_time, moment};
  if (row.owner != node || !serves(row))
    return false;
  if (row.lease_until < moment)
    row.unbroken_since = moment;
  row.lease_until = moment + lease_time;
  return true;
}

bool lease_book::somebody_is_late(const std::string& name) const {
  return std::any_of(in.nodes.begin(), in.nodes.end(), [&](const auto& one) {
    return one.first != name && serves(one.second) && one.second.lease_until < moment;
  });
}

bool lease_book::may_judge(const std::string& name, incarnation node) const {
  const auto mine = in.nodes.find(name);
  if (mine == in.nodes.end() || mine->second.owner != node || !serves(mine->second))
    return false;
  const bool settled = mine->second.lease_until >= moment
                       && mine->second.unbroken_since <= moment - grace
                       && (server_started <= moment - grace || server_started > moment);
  if (!settled && broken != broken_rule::judge_without_grace)
    return false;
  return broken == broken_rule::judge_across_timeline
         || (in.timeline == timeline && in.quiet_until <= moment);
}

std::vector<std::string> lease_book::judge(const std::string& name, incarnation node) {
  std::vector<std::string> dead;
  const bool may = may_judge(name, node);
  if (in.timeline != timeline) {
    in.timeline = timeline;
    in.quiet_until = moment + grace;
  }
  if (!may)
    return dead;
  for (auto& [other, row] : in.nodes)
    if (other != name && serves(row) && row.lease_until < moment) {
      row.status = node_status::dead;
      dead.push_back(other);
    }
  return dead;
}

} // namespace furrow::simulation
