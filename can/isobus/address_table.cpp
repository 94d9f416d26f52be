#include "can/isobus/address_table.hpp"

#include "can/frame/identifier.hpp"

#include <algorithm>
#include <utility>

namespace furrow::can {

namespace {

/// Time from an event to `now`. After a clock stepped back the result is very large. Unsigned: any times may come.
bool is_over(std::int64_t since_us, std::int64_t now_us, std::int64_t wait_us) {
  if (now_us < since_us)
    return true;
  return static_cast<std::uint64_t>(now_us) - static_cast<std::uint64_t>(since_us)
         >= static_cast<std::uint64_t>(wait_us);
}

} // namespace

ecu* address_table::find(std::uint8_t bus, iso_name name) {
  const auto at = std::find_if(ecus_.begin(), ecus_.end(),
                               [&](const ecu& one) { return one.bus == bus && one.name == name; });
  return at == ecus_.end() ? nullptr : &*at;
}

const ecu* address_table::holder(std::uint8_t bus, std::uint8_t address) const {
  const auto at = std::find_if(ecus_.begin(), ecus_.end(), [&](const ecu& one) {
    return one.bus == bus && one.address == address;
  });
  return at == ecus_.end() ? nullptr : &*at;
}

ecu* address_table::holder(std::uint8_t bus, std::uint8_t address) {
  return const_cast<ecu*>(std::as_const(*this).holder(bus, address));
}

ecu& address_table::enter(std::uint8_t bus, iso_name name, std::int64_t time_us) {
  auto* known = find(bus, name);
  if (known == nullptr) {
    if (ecus_.size() == ecus_max) {
      const auto out = std::min_element(ecus_.begin(), ecus_.end(), [](const ecu& a, const ecu& b) {
        return std::pair{a.address.has_value(), a.last_claim_us}
               < std::pair{b.address.has_value(), b.last_claim_us};
      });
      release(*out, time_us);
      drop_challenges(out->bus, out->name);
      ecus_.erase(out);
      ++counts_.ecus_forgotten;
    }
    known = &ecus_.emplace_back();
    known->bus = bus;
    known->name = name;
    known->first_claim_us = time_us;
  }
  known->last_claim_us = time_us;
  ++known->claims;
  return *known;
}

void address_table::release(ecu& from, std::int64_t time_us) {
  if (!from.address)
    return;
  if (ended_.size() == spans_max) {
    ended_.pop_front();
    ++counts_.spans_forgotten;
  }
  ended_.push_back({from.bus, *from.address, from.name, from.address_since_us, time_us});
  from.address.reset();
}

void address_table::give(ecu& to, std::uint8_t address, std::int64_t time_us) {
  release(to, time_us);
  to.address = address;
  to.address_since_us = time_us;
  to.cannot_claim = false;
  to.commanded_address.reset();
}

void address_table::drop_challenges(std::uint8_t bus, iso_name name) {
  std::erase_if(challenges_,
                [&](const challenge& one) { return one.bus == bus && one.name == name; });
}

void address_table::settle(std::int64_t now_us) {
  // In order of arrival: a later challenger contends with the one that has just won the address.
  for (std::size_t i = 0; i < challenges_.size();) {
    const auto due = challenges_[i];
    if (!is_over(due.since_us, now_us, contention_us)) {
      ++i;
      continue;
    }
    challenges_.erase(challenges_.begin() + static_cast<std::ptrdiff_t>(i));
    if (auto* loser = holder(due.bus, due.address))
      release(*loser, due.since_us);
    if (auto* winner = find(due.bus, due.name))
      give(*winner, due.address, due.since_us);
  }
}

bool address_table::claim(std::uint8_t bus,
                          std::uint8_t address,
                          iso_name name,
                          std::int64_t time_us) {
  auto& claimant = enter(bus, name, time_us);
  drop_challenges(bus, name);
  if (address == address_null) {
    ++counts_.cannot_claims;
    const bool changed = !claimant.cannot_claim;
    release(claimant, time_us);
    claimant.cannot_claim = true;
    return changed;
  }
  if (claimant.address == address) {
    // The holder is still there: every challenger has lost.
    std::erase_if(challenges_,
                  [&](const challenge& one) { return one.bus == bus && one.address == address; });
    return false;
  }
  auto* held_by = holder(bus, address);
  if (held_by != nullptr) {
    ++counts_.contentions;
    if (held_by->name < name) {
      release(claimant, time_us);
      challenges_.push_back({bus, address, name, time_us});
      return true;
    }
    release(*held_by, time_us);
  }
  std::erase_if(challenges_,
                [&](const challenge& one) { return one.bus == bus && one.address == address; });
  give(claimant, address, time_us);
  return true;
}

bool address_table::update(const frame_view& frame) {
  const auto header = frame.header;
  if (!header.extended() || header.error() || header.remote()
      || pgn_of(header.id()) != pgn_address_claimed)
    return false;
  settle(frame.time_us);
  const auto name = parse_name(frame.payload());
  const auto address = source_of(header.id());
  if (!name || address == address_global) {
    ++counts_.malformed;
    return false;
  }
  ++counts_.claims;
  return claim(header.bus(), address, *name, frame.time_us);
}

void address_table::command(std::uint8_t bus, std::span<const std::uint8_t> payload) {
  // Nine bytes: the NAME of the ECU that must move, and its new address.
  if (payload.size() != 9 || payload[8] >= address_null) {
    ++counts_.malformed;
    return;
  }
  ++counts_.commands;
  const auto name = parse_name(payload.first(8));
  if (auto* known = find(bus, *name); known != nullptr && known->address != payload[8])
    known->commanded_address = payload[8];
}

std::optional<iso_name> address_table::name_of(std::uint8_t bus, std::uint8_t address) const {
  const auto* now = holder(bus, address);
  return now == nullptr ? std::nullopt : std::optional{now->name};
}

std::optional<iso_name>
address_table::name_of(std::uint8_t bus, std::uint8_t address, std::int64_t time_us) const {
  const auto* now = holder(bus, address);
  const bool holds = now != nullptr && now->address_since_us <= time_us;
  // A challenger whose time was over had the address already at that time, even if no frame has come since.
  for (const auto& one : challenges_)
    if (one.bus == bus && one.address == address && one.since_us <= time_us
        && is_over(one.since_us, time_us, contention_us))
      return one.name;
  if (holds)
    return now->name;
  const auto at = std::find_if(ended_.rbegin(), ended_.rend(), [&](const address_span& one) {
    return one.bus == bus && one.address == address && one.from_us <= time_us
           && time_us < one.until_us;
  });
  return at == ended_.rend() ? std::nullopt : std::optional{at->name};
}

std::vector<address_span> address_table::spans() const {
  std::vector<address_span> all{ended_.begin(), ended_.end()};
  for (const auto& one : ecus_)
    if (one.address)
      all.push_back({one.bus, *one.address, one.name, one.address_since_us, lasting});
  std::stable_sort(all.begin(), all.end(), [](const address_span& a, const address_span& b) {
    return a.from_us < b.from_us;
  });
  return all;
}

} // namespace furrow::can
