#include "tests/simulation/world.hpp"

#include "tests/simulation/troubles.hpp"

#include <algorithm>
#include <utility>

namespace furrow::simulation {

using namespace std::chrono_literals;

world_plan plan_of(std::uint64_t seed, broken_rule broken) {
  dice chance{seed ^ 0xF0220ULL};
  world_plan plan;
  plan.seed = seed;
  plan.broken = broken;
  plan.nodes = 1 + chance.below(4);
  plan.gateways = chance.chance(0.06) ? 24 : 1 + chance.below(6);
  plan.node.lanes = 1 + chance.below(2);
  plan.node.budget_bytes = chance.chance(0.2) ? 8U << 10U : 1U << 20U;
  plan.gateway.pace = chance.between(150ms, 900ms);
  plan.gateway.items = 1 + static_cast<std::uint32_t>(chance.below(30));
  plan.database.standby = chance.chance(0.75);
  plan.database.synchronous = chance.chance(0.55);
  plan.database.refuses_poison = chance.chance(0.3);
  plan.database.ttl = chance.between(500ms, 4'000ms);
  plan.troubled = chance.between(8'000ms, 25'000ms);
  plan.between_troubles = chance.between(300ms, 2'500ms);
  plan.leaves_one_frozen = plan.nodes > 1 && chance.chance(0.25);
  return plan;
}

std::string to_string(const world_plan& plan) {
  return std::to_string(plan.nodes) + " nodes, " + std::to_string(plan.gateways) + " gateways, "
         + (!plan.database.standby      ? "one server"
            : plan.database.synchronous ? "a synchronous standby"
                                        : "an asynchronous standby")
         + (plan.leaves_one_frozen ? ", one node stays frozen" : "");
}

world::world(const world_plan& of, std::function<void(const std::string&)> trace)
  : plan{of}, on{of.seed, of.broken}, db{on, "db", of.database}, begin_{on.time.now()} {
  if (trace)
    on.trace = [this, trace](const std::string& what) {
      const auto ms = std::chrono::duration_cast<milliseconds>(on.time.now() - begin_).count();
      trace(std::to_string(on.time.steps()) + " " + std::to_string(ms) + " ms " + what);
    };
  std::vector<std::string> names;
  for (std::size_t i = 1; i <= plan.nodes; ++i)
    names.push_back("n" + std::to_string(i));
  std::vector<node*> all;
  for (const auto& name : names) {
    nodes.push_back(std::make_unique<node>(on, db, name, names, plan.node));
    all.push_back(nodes.back().get());
  }
  for (std::size_t i = 1; i <= plan.gateways; ++i)
    gateways.push_back(
      std::make_unique<gateway>(on, i, all, plan.gateway,
                                [this](const spool_model& spool, std::uint64_t from,
                                       std::uint64_t to) { check_acked(spool, from, to); }));
  db.on_promoted([this] { check_promoted(); });
  on.judged = [this](const server& by, const std::string& name) { check_judged(by, name); };
  on.replaced_took = [this](const server& old, const can::stream_id& stream, std::uint64_t from,
                            std::uint64_t to) { check_replaced(old, stream, from, to); };
}

/// What tasks hold refers to the processes: it goes first.
world::~world() {
  for (const auto& one : nodes)
    one->at.kill();
  on.time.clear();
}

void world::note(const std::string& what) {
  if (on.trace)
    on.trace(what);
}

world_result world::run() {
  db.start();
  for (const auto& one : nodes)
    one->start();
  for (const auto& one : gateways) {
    one->start();
    if (on.chance.chance(0.2)) // it is idle from then on
      on.time.in(on.chance.between(2s, plan.troubled), [&one] { one->stop_producing(); });
  }
  troubles trouble{*this};
  trouble.begin();
  run_until(begin_ + plan.troubled);
  trouble.end();
  world_result out;
  const auto mended_at = on.time.now();
  if (!on.truth.found()) {
    mend();
    if (settle())
      check_held();
    else if (!on.truth.found())
      check_complete();
  }
  out.found = on.truth.found();
  out.steps = on.time.steps();
  out.troubles = trouble.begun();
  out.failovers = db.failovers();
  out.moves = moves;
  out.settled_after = std::chrono::duration_cast<milliseconds>(on.time.now() - mended_at);
  for (const auto& one : gateways) {
    out.items += one->spool.last_seq();
    out.forks += one->spool.forks();
  }
  return out;
}

void world::run_until(time_point end) {
  while (!on.truth.found() && on.time.step(end)) {
  }
}

void world::mend() {
  note("everything is mended");
  on.net.heal();
  for (const auto& one : db.servers()) {
    one->set_lag(0ms);
    one->set_flush(5ms);
    one->at.thaw();
  }
  for (const auto& one : nodes)
    if (one.get() != left_frozen) {
      one->freeze_in_copy(false);
      one->at.thaw();
    }
  for (const auto& one : gateways)
    one->at.thaw();
  for (const auto& one : gateways)
    one->stop_producing();
}

void world::restart_dead() {
  for (const auto& one : db.servers())
    if (!one->at.alive())
      db.restart(*one);
  for (const auto& one : nodes)
    if (!one->at.alive())
      one->start();
  for (const auto& one : gateways)
    if (!one->at.alive())
      one->start();
}

/// Runs until everything is durable; false when nothing became durable for too long. The budget of a node may be so
/// small that the backlog of many gateways takes minutes.
bool world::settle() {
  const auto begun = on.time.now();
  const auto calm = begun + 6s; // until then a server may still be replaced
  auto end = begun + settle_limit;
  for (std::uint64_t stored = 0; on.time.now() < end && !on.truth.found();) {
    restart_dead();
    run_until(on.time.now() + 500ms);
    if (on.time.now() >= calm && is_settled())
      return true;
    if (on.time.now() >= begun + settle_limit && !everyone_is_placed())
      return false;
    if (const auto now = stored_items(); now > stored) {
      stored = now;
      end = std::min(on.time.now() + settle_limit, begun + settle_longest);
    }
  }
  return false;
}

std::uint64_t world::stored_items() {
  std::uint64_t sum = 0;
  for (const auto& one : gateways)
    if (const auto* row = db.leader().disk().find(one->spool.stream()); row != nullptr)
      sum += row->seq();
  return sum;
}

bool world::everyone_is_placed() const {
  return is_buried() && std::all_of(gateways.begin(), gateways.end(), [this](const auto& one) {
           return is_placed(*one);
         });
}

bool world::is_settled() const {
  return everyone_is_placed()
         && std::all_of(gateways.begin(), gateways.end(),
                        [this](const auto& one) { return complete(*one); });
}

bool world::is_buried() const {
  if (left_frozen == nullptr || !left_frozen->at.frozen())
    return true;
  const auto& rows = db.leader().disk().nodes;
  const auto row = rows.find(left_frozen->at.name());
  return row == rows.end() || row->second.owner != left_frozen->self()
         || row->second.status == node_status::dead;
}

/// Where people want the machine, if that node works.
bool world::is_placed(const gateway& one) const {
  const auto& pins = db.leader().disk().pins;
  const auto pin = pins.find(one.machine());
  if (pin == pins.end() || pin->second.empty() || pin->second == one.node_name())
    return true;
  const auto target = std::find_if(
    nodes.begin(), nodes.end(), [&](const auto& each) { return each->at.name() == pin->second; });
  return !(*target)->at.works();
}

bool world::complete(const gateway& one) const {
  if (!one.at.alive() || !one.satisfied())
    return false;
  if (one.spool.last_seq() == 0)
    return true;
  const auto* row = db.leader().disk().find(one.spool.stream());
  return row != nullptr && row->seq() == one.spool.last_seq();
}

void world::check_complete() {
  for (const auto& one : nodes)
    note(one->described());
  for (const auto& one : gateways)
    note(one->described());
  if (!is_buried())
    on.truth.broken("buried", left_frozen->at.name() + " is frozen, and nobody declares it dead");
  for (const auto& one : gateways)
    if (!is_placed(*one))
      on.truth.broken("placed", one->at.name() + " is at " + one->node_name()
                                  + ", and people want it at another node");
  for (const auto& one : gateways)
    if (!complete(*one))
      on.truth.broken("alive",
                      one->at.name() + " has numbered " + std::to_string(one->spool.last_seq())
                        + " items, and " + std::to_string(one->spool.acked_seq())
                        + " are durable for it, " + std::to_string(settle_limit.count() / 1'000)
                        + " s after the last item was stored; it is at " + one->node_name());
}

/// Items count as durable at a gateway: they must be, and be the ones that the spool has.
void world::check_acked(const spool_model& spool, std::uint64_t from, std::uint64_t to) {
  auto& acked = acked_[spool.stream()];
  acked = std::max(acked, to);
  const auto name = can::to_string(spool.stream()) + " item " + std::to_string(to);
  const auto* row = db.leader().disk().find(spool.stream());
  const auto held = row == nullptr ? 0 : row->seq();
  if (to > held && !(may_lose() && to <= on.truth.highest(spool.stream())))
    return on.truth.broken("durable",
                           name + " counts as durable; the database has " + std::to_string(held));
  const auto& vain = taken_in_vain_[spool.stream()];
  for (auto seq = from + 1; seq <= std::min(to, held); ++seq)
    if (row->codes[seq - 1] != spool.code_of(seq) && !vain.contains(spool.code_of(seq)))
      return on.truth.broken("same", can::to_string(spool.stream()) + " item " + std::to_string(seq)
                                       + " is another one in the database");
  if (!plan.database.synchronous || !db.could_promote())
    return;
  const auto* there = db.other().disk().find(spool.stream());
  if (there == nullptr || there->seq() < to)
    on.truth.broken("durable", name + " counts as durable; the standby does not have it");
}

/// In the end the database has the items of each spool, also where a server that was replaced had taken some in vain.
void world::check_held() {
  for (const auto& one : gateways) {
    const auto& spool = one->spool;
    const auto* row = db.leader().disk().find(spool.stream());
    for (std::uint64_t seq = 1; row != nullptr && seq <= row->seq(); ++seq)
      if (row->codes[seq - 1] != spool.code_of(seq))
        on.truth.broken("same", can::to_string(spool.stream()) + " item " + std::to_string(seq)
                                  + " stays another one in the database");
  }
}

/// A synchronous standby that has become the leader has everything that was acknowledged.
void world::check_promoted() {
  note(db.leader().at.name() + " is the primary, timeline "
       + std::to_string(db.leader().timeline()));
  if (!plan.database.synchronous)
    return;
  for (const auto& [stream, acked] : acked_) {
    const auto* row = db.leader().disk().find(stream);
    if (acked > (row == nullptr ? 0 : row->seq()))
      on.truth.broken("durable", can::to_string(stream) + " is acknowledged up to "
                                   + std::to_string(acked) + "; the new primary has less");
  }
}

/// A node that is declared dead must have had a reason to be silent. What a server decides that was replaced goes with
/// it, within two seconds: it does not hear the nodes that ask its successor.
void world::check_judged(const server& by, const std::string& name) {
  note(by.at.name() + " declares " + name + " dead");
  const auto since = on.time.now() - 5s;
  const auto& leader = db.leader();
  if (&by != &leader)
    return;
  const auto one = std::find_if(nodes.begin(), nodes.end(),
                                [&](const auto& each) { return each->at.name() == name; });
  const auto& at = (*one)->at;
  const bool reaches =
    on.net.sound_since(since, at, leader.at) && leader.leads() && leader.slow_until() < since;
  const bool set = leader.at.clock_set() >= since; // a step forward makes leases look late
  if (at.works() && at.awake_since() < since && reaches && !set)
    on.truth.broken("judged", name + " works and reaches the database, and is declared dead");
}

/// Unless the new leader has them: the answer was on its way then. An asynchronous one may not have them; a gateway whose
/// disk was restored meanwhile may then have given their numbers to other items.
void world::check_replaced(const server& old,
                           const can::stream_id& stream,
                           std::uint64_t from,
                           std::uint64_t to) {
  if (may_lose()) {
    const auto& codes = old.disk().find(stream)->codes;
    for (auto seq = from + 1; seq <= std::min<std::uint64_t>(to, codes.size()); ++seq)
      taken_in_vain_[stream].insert(codes[seq - 1]);
    return;
  }
  const auto* row = db.leader().disk().find(stream);
  if (row == nullptr || row->seq() < to)
    on.truth.broken("one", old.at.name() + " takes items of " + can::to_string(stream) + " up to "
                             + std::to_string(to) + ", and another server has replaced it");
}

} // namespace furrow::simulation
