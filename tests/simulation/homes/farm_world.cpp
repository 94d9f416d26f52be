#include "tests/simulation/homes/farm_world.hpp"

#include <algorithm>
#include <utility>

namespace furrow::simulation {

using namespace std::chrono_literals;
using storage::move_step;

namespace {

constexpr std::size_t rows_a_slice = 12;

} // namespace

/// Where the steps of a move are done. Each is one transaction.
class farm_world::places final : public storage::move_places {
public:
  explicit places(farm_world& in) : in_{in} {}

  storage::result<bool> work(const storage::farm_move& move) override {
    auto& source = in_.named(move.source);
    auto& target = in_.named(move.target);
    auto& at = move.step == move_step::leave || move.step == move_step::release ? source : target;
    const bool both = move.step == move_step::admit || move.step == move_step::follow;
    if (!at.at.works() || (both && !source.at.works()))
      return storage::failure{storage::errc::retry_later, "the database is away"};
    switch (move.step) {
    case move_step::expect:
      if (target.version < move.version) {
        target.state = home_state::arriving;
        target.version = move.version;
      }
      return true;
    case move_step::leave:
      return in_.on_.breaks(broken_rule::target_takes_first) ? admit(source, target)
                                                             : leave(source, move.version);
    case move_step::admit:
      // As move_steps::close_source: the farm leaves once more.
      if (!in_.on_.breaks(broken_rule::admit_unasked)
          && !in_.on_.breaks(broken_rule::target_takes_first))
        (void)leave(source, move.version);
      return in_.on_.breaks(broken_rule::target_takes_first) ? leave(source, move.version)
                                                             : admit(source, target);
    case move_step::point:
      in_.main_.directory = &target == &in_.homes_[0] ? 0 : 1;
      in_.main_.version = move.version;
      source.state = home_state::gone;
      return true;
    case move_step::follow:
      return follow(source, target);
    case move_step::compare:
      return true; // follow has taken each number out of `elsewhere`
    case move_step::release:
      return release(source, target);
    case move_step::done:
      break;
    }
    return true;
  }

  storage::result<furrow::done> note(const storage::farm_move& move) override {
    if (dies())
      return storage::failure{storage::errc::retry_later, "killed"};
    in_.main_.next = move.step;
    in_.main_.moving = move.step != move_step::done;
    return furrow::done{};
  }

  /// The process that moves the farm dies between a step and its note.
  [[nodiscard]] bool dies() { return in_.troubled_ && in_.on_.chance.chance(0.15); }

private:
  storage::result<bool> leave(home& source, std::int64_t version) {
    if (source.version >= version)
      return true;
    source.standby.emplace();
    source.standby->version = source.version;
    for (auto& [number, one] : source.streams) {
      source.standby->epochs[number] = one.epoch;
      ++one.epoch;
      one.owner = 0;
    }
    source.state = home_state::leaving;
    source.version = version;
    return true;
  }

  storage::result<bool> admit(home& source, home& target) {
    if (target.state == home_state::here)
      return true;
    source.standby.reset(); // it has got all by now
    for (const auto& [number, one] : source.streams) {
      auto& there = target.streams[number];
      there.epoch = std::max(there.epoch, one.epoch);
      there.seq = one.seq;
      for (const auto& [seq, code] : one.rows)
        if (!there.rows.contains(seq))
          there.elsewhere.insert(seq);
    }
    target.state = home_state::here;
    return true;
  }

  storage::result<bool> follow(const home& source, home& target) {
    for (auto& [number, there] : target.streams) {
      for (std::size_t rows = 0; rows < rows_a_slice && !there.elsewhere.empty(); ++rows) {
        const auto newest = std::prev(there.elsewhere.end());
        there.rows[*newest] = source.streams.at(number).rows.at(*newest);
        there.elsewhere.erase(newest);
      }
      if (!there.elsewhere.empty())
        return false;
    }
    return true;
  }

  storage::result<bool> release(home& source, const home& target) {
    for (auto& [number, here] : source.streams)
      for (std::size_t rows = 0; !here.rows.empty(); ++rows) {
        if (rows == rows_a_slice)
          return false;
        const auto [seq, code] = *here.rows.begin();
        const auto& there = target.streams.at(number).rows;
        if (const auto copy = there.find(seq); copy == there.end() || copy->second != code)
          in_.on_.truth.broken("held", can::to_string(id_of(number)) + " item "
                                         + std::to_string(seq) + " is deleted at "
                                         + source.at.name() + ", and is not at "
                                         + target.at.name());
        here.rows.erase(here.rows.begin());
      }
    return true;
  }

  farm_world& in_;
};

farm_world::farm_world(std::uint64_t seed,
                       broken_rule broken,
                       const std::function<void(const std::string&)>& trace)
  : on_{seed ^ 0xFA54ULL, broken}, begin_{on_.time.now()}, homes_{home{on_.time, "main"},
                                                                  home{on_.time, "second"}} {
  if (trace)
    on_.trace = [this, trace](const std::string& what) {
      const auto ms = std::chrono::duration_cast<milliseconds>(on_.time.now() - begin_).count();
      trace(std::to_string(on_.time.steps()) + " " + std::to_string(ms) + " ms " + what);
    };
  homes_[0].state = home_state::here;
  const auto nodes = 1 + on_.chance.below(3);
  for (std::uint64_t i = 0; i < nodes; ++i)
    nodes_.push_back(std::make_unique<node_model>(on_.time, "n" + std::to_string(i + 1)));
  gateways_.resize(1 + on_.chance.below(3));
  for (auto& one : gateways_)
    one.node = on_.chance.below(nodes);
}

farm_world::~farm_world() {
  on_.time.clear();
}

can::stream_id farm_world::id_of(std::size_t stream) {
  can::stream_id out{};
  out[0] = static_cast<std::uint8_t>(stream + 1);
  return out;
}

farm_world::home& farm_world::named(const std::string& name) {
  return homes_[0].at.name() == name ? homes_[0] : homes_[1];
}

void farm_world::note(const std::string& what) {
  if (on_.trace)
    on_.trace(what);
}

world_result farm_world::run() {
  for (auto& one : homes_)
    one.at.start();
  for (const auto& one : nodes_)
    start_node(*one);
  for (std::size_t stream = 0; stream < gateways_.size(); ++stream)
    produce(stream);
  on_.time.in(on_.chance.between(500ms, 4s), [this] { begin_move(); });
  trouble();
  while (!on_.truth.found() && on_.time.step(begin_ + troubled_for))
    check_homes();
  troubled_ = false;
  note("everything is mended");
  for (auto& one : homes_)
    if (!one.at.alive())
      one.at.start();
  for (const auto& one : nodes_)
    if (!one->at.alive())
      start_node(*one);
  const auto mended = on_.time.now();
  while (!on_.truth.found() && !is_settled() && on_.time.step(mended + settle_limit))
    check_homes();
  if (!on_.truth.found())
    check_end();
  world_result out;
  out.found = on_.truth.found();
  out.steps = on_.time.steps();
  out.troubles = troubles_;
  out.moves = moves_;
  out.settled_after = std::chrono::duration_cast<milliseconds>(on_.time.now() - mended);
  for (const auto& one : gateways_)
    out.items += one.codes.size();
  return out;
}

void farm_world::begin_move() {
  if (!troubled_)
    return;
  on_.time.in(on_.chance.between(2s, 6s), [this] { begin_move(); });
  if (main_.moving)
    return;
  main_.moving = true;
  main_.source = main_.directory;
  main_.next = move_step::expect;
  ++moves_;
  note("the farm is to move to " + homes_.at(1 - main_.source).at.name());
  move_on();
}

/// One step, or one slice of it, by a process that may die then; the next one goes on from what is noted.
void farm_world::move_on() {
  if (!main_.moving)
    return;
  storage::farm_move move;
  move.farm = "farm";
  move.source = homes_.at(main_.source).at.name();
  move.target = homes_.at(1 - main_.source).at.name();
  move.version = static_cast<std::int64_t>(moves_);
  move.step = main_.next;
  note("move: " + std::string{storage::to_string(move.step)});
  places here{*this};
  bool worked = false;
  (void)storage::run_farm_move(
    move, here, [&](const storage::farm_move&) { return !std::exchange(worked, true); });
  if (move.step != move_step::leave && homes_.at(main_.source).standby && on_.chance.chance(0.2))
    on_.time.in(on_.chance.between(0ms, 60ms),
                [this, source = main_.source] { fail_over(homes_.at(source)); });
  on_.time.in(on_.chance.chance(0.1) ? on_.chance.between(200ms, 2s)
                                     : on_.chance.between(5ms, 80ms),
              [this] { move_on(); });
}

void farm_world::fail_over(home& at) {
  if (!troubled_ || !at.standby)
    return;
  note("failover of " + at.at.name() + " to a standby that the farm has not left");
  at.state = home_state::here;
  at.version = at.standby->version;
  for (const auto& [number, epoch] : at.standby->epochs)
    at.streams.at(number).epoch = epoch + 1; // of the new timeline
  at.standby.reset();
}

void farm_world::trouble() {
  on_.time.in(on_.chance.between(100ms, 1'500ms), [this] {
    if (!troubled_)
      return;
    ++troubles_;
    switch (on_.chance.below(4)) {
    case 0: {
      auto& one = homes_.at(on_.chance.below(2));
      if (!one.at.alive())
        break;
      note("kill " + one.at.name());
      one.at.kill();
      on_.time.in(on_.chance.between(100ms, 3s), [&one] {
        if (!one.at.alive())
          one.at.start();
      });
      break;
    }
    case 1: {
      auto& one = *nodes_[on_.chance.below(nodes_.size())];
      if (!one.at.alive())
        break;
      note("kill " + one.at.name());
      one.at.kill();
      on_.time.in(on_.chance.between(100ms, 2s), [this, &one] {
        if (!one.at.alive())
          start_node(one);
      });
      break;
    }
    default: {
      auto& one = gateways_[on_.chance.below(gateways_.size())];
      one.node = on_.chance.below(nodes_.size());
      note("a gateway goes to " + nodes_[one.node]->at.name());
    }
    }
    trouble();
  });
}

void farm_world::check_homes() {
  if (homes_[0].state == home_state::here && homes_[1].state == home_state::here)
    on_.truth.broken("two", "both databases would take items of the farm");
}

void farm_world::check_held(std::size_t stream, std::uint64_t from, std::uint64_t to) {
  for (auto seq = from + 1; seq <= to; ++seq) {
    const bool held = std::any_of(homes_.begin(), homes_.end(), [&](const home& at) {
      const auto row = at.streams.find(stream);
      if (row == at.streams.end())
        return false;
      const auto item = row->second.rows.find(seq);
      return item != row->second.rows.end() && item->second == gateways_[stream].codes[seq - 1];
    });
    if (!held)
      return on_.truth.broken("held", can::to_string(id_of(stream)) + " item " + std::to_string(seq)
                                        + " counts as durable, and no database has it");
  }
}

bool farm_world::is_settled() const {
  return !main_.moving && std::all_of(gateways_.begin(), gateways_.end(), [](const auto& one) {
    return one.acked == one.codes.size();
  });
}

void farm_world::check_end() {
  if (!is_settled())
    return on_.truth.broken("alive", main_.moving ? "the move does not end"
                                                  : "items are not durable after the last fault");
  auto& home = homes_.at(main_.directory);
  const auto& other = homes_.at(1 - main_.directory);
  for (std::size_t stream = 0; stream < gateways_.size(); ++stream) {
    const auto& codes = gateways_[stream].codes;
    const auto& rows = home.streams[stream].rows;
    if (rows.size() != codes.size())
      on_.truth.broken("whole", can::to_string(id_of(stream)) + " has "
                                  + std::to_string(rows.size()) + " rows for "
                                  + std::to_string(codes.size()) + " items");
    for (const auto& [seq, code] : rows)
      if (seq > codes.size() || codes[seq - 1] != code)
        on_.truth.broken("same", can::to_string(id_of(stream)) + " item " + std::to_string(seq)
                                   + " is another one in the end");
    if (const auto left = other.streams.find(stream);
        left != other.streams.end() && !left->second.rows.empty())
      on_.truth.broken("once",
                       can::to_string(id_of(stream)) + " has rows in both databases in the end");
  }
}

} // namespace furrow::simulation
