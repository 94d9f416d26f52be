// The nodes of a farm that moves: they greet streams and append at the home that they have cached.
#include "tests/simulation/homes/farm_world.hpp"

#include <algorithm>
#include <utility>

namespace furrow::simulation {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t items_an_append = 20;

} // namespace

void farm_world::start_node(node_model& one) {
  one.at.start();
  one.self = on_.chance.next() | 1U;
  one.streams.clear();
  one.home = main_.directory;
  one.version = main_.version;
  for (std::size_t stream = 0; stream < gateways_.size(); ++stream)
    pump(one, stream);
}

void farm_world::produce(std::size_t stream) {
  if (!troubled_)
    return;
  auto& from = gateways_[stream];
  for (auto count = 1 + on_.chance.below(8); count > 0; --count) {
    from.codes.push_back(++codes_);
    on_.truth.numbered(id_of(stream), from.codes.size(), codes_);
  }
  on_.time.in(on_.chance.between(50ms, 400ms), [this, stream] { produce(stream); });
}

/// Every node looks at each stream now and then; it works for those whose gateway is there.
void farm_world::pump(node_model& one, std::size_t stream) {
  one.at.in(on_.chance.between(20ms, 150ms), [this, &one, stream] { pump(one, stream); });
  const auto& from = gateways_[stream];
  if (nodes_[from.node].get() != &one) {
    one.streams.erase(stream);
    return;
  }
  auto& served = one.streams[stream];
  if (served.asking)
    return;
  if (served.epoch == 0)
    claim(one, stream);
  else if (served.seq < from.codes.size())
    append(one, stream);
}

template <class Answer>
void farm_world::ask(node_model& from,
                     std::size_t to,
                     std::function<Answer(home&)> what,
                     std::function<void(const Answer*)> told) {
  const auto way = [this] {
    return on_.chance.chance(0.05) ? on_.chance.between(200ms, 3s) : on_.chance.between(0ms, 20ms);
  };
  const auto back = way();
  const auto life = from.at.life();
  on_.time.in(way(), [this, &from, to, back, life, what = std::move(what), told] {
    const bool gone = life != from.at.life();
    if (!homes_.at(to).at.works()) { // it arrives nowhere
      if (!gone)
        from.at.in(1s, [told] { told(nullptr); });
      return;
    }
    const bool lost = troubled_ && on_.chance.chance(0.03);
    auto answer = what(homes_.at(to));
    if (gone)
      return;
    from.at.in(lost ? clock::duration{2s} : clock::duration{back},
               [told, lost, answer] { told(lost ? nullptr : &answer); });
  });
}

void farm_world::claim(node_model& one, std::size_t stream) {
  auto& served = one.streams[stream];
  served.asking = true;
  const auto asked = ++served.asked;
  ask<claim_reply>(
    one, one.home,
    [this, stream, self = one.self](home& at) { return take_claim(at, stream, self); },
    [this, &one, stream, asked](const claim_reply* what) {
      const auto found = one.streams.find(stream);
      if (found == one.streams.end() || found->second.asked != asked)
        return;
      found->second.asking = false;
      if (what != nullptr)
        claimed(one, stream, *what);
      else if (on_.chance.chance(0.5)) { // it reads the directory again
        one.home = main_.directory;
        one.version = main_.version;
      }
    });
}

farm_world::claim_reply farm_world::take_claim(home& at, std::size_t stream, std::uint64_t owner) {
  claim_reply out;
  out.version = at.version;
  if (at.state == home_state::arriving) {
    out.again = true;
    return out;
  }
  if (at.state != home_state::here) {
    out.moved = true;
    return out;
  }
  auto& row = at.streams[stream];
  ++row.epoch;
  row.owner = owner;
  on_.truth.claimed(id_of(stream), row.epoch, true);
  out.epoch = row.epoch;
  out.seq = row.seq;
  return out;
}

void farm_world::claimed(node_model& one, std::size_t stream, const claim_reply& what) {
  if (what.moved) {
    if (what.version >= one.version) {
      one.home = 1 - one.home;
      one.version = what.version;
    } else {
      one.home = main_.directory;
    }
    return;
  }
  if (what.again)
    return;
  auto& served = one.streams[stream];
  served.epoch = what.epoch;
  served.seq = what.seq;
  auto& acked = gateways_[stream].acked;
  if (what.seq > acked) {
    check_held(stream, acked, what.seq);
    acked = what.seq;
  }
}

void farm_world::append(node_model& one, std::size_t stream) {
  auto& served = one.streams[stream];
  const auto& codes = gateways_[stream].codes;
  const auto to = std::min(codes.size(), served.seq + items_an_append);
  const std::vector<item_code> items{codes.begin() + static_cast<std::ptrdiff_t>(served.seq),
                                     codes.begin() + static_cast<std::ptrdiff_t>(to)};
  served.asking = true;
  const auto asked = ++served.asked;
  ask<bool>(
    one, one.home,
    [this, stream, epoch = served.epoch, self = one.self, from = served.seq, items](home& at) {
      return take_append(at, stream, epoch, self, from, items);
    },
    [this, &one, stream, asked, from = served.seq, to](const bool* stored) {
      const auto found = one.streams.find(stream);
      if (found == one.streams.end() || found->second.asked != asked)
        return;
      found->second.asking = false;
      if (stored == nullptr || !*stored) {
        found->second.epoch = 0; // adrift: the claim says what is stored, and where
        return;
      }
      found->second.seq = to;
      check_held(stream, from, to);
      gateways_[stream].acked = std::max<std::uint64_t>(gateways_[stream].acked, to);
    });
}

bool farm_world::take_append(home& at,
                             std::size_t stream,
                             std::int64_t epoch,
                             std::uint64_t owner,
                             std::uint64_t from,
                             const std::vector<item_code>& codes) {
  auto& row = at.streams[stream];
  // The compare-and-set alone: the state of the farm is not read by an append.
  if (row.epoch != epoch || row.seq != from || row.owner != owner)
    return false;
  stored_part part;
  part.stream = id_of(stream);
  part.node = owner;
  part.held = row.seq;
  part.from = from;
  part.to = from + codes.size();
  part.epoch = epoch;
  part.newest_epoch = row.epoch;
  part.rows[from + 1] = codes;
  on_.truth.stored(part);
  for (const auto code : codes) {
    ++row.seq;
    if (row.elsewhere.contains(row.seq) || !row.rows.emplace(row.seq, code).second)
      on_.truth.broken("once", can::to_string(id_of(stream)) + " item " + std::to_string(row.seq)
                                 + " is stored again");
  }
  return true;
}

} // namespace furrow::simulation
