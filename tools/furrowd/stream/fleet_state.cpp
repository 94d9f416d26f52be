#include "tools/furrowd/stream/fleet_state.hpp"

#include "actors/cluster/peer_rows.hpp"

#include <algorithm>
#include <utility>

namespace furrow::http {

namespace {

bool same_ledger(const actors::live_equipment& left, const actors::live_equipment& right) {
  return left.received_seq == right.received_seq && left.durable_seq == right.durable_seq
         && left.sent_seq == right.sent_seq && left.frames == right.frames
         && left.adrift == right.adrift;
}

fault_name name_of(const can::fault& fault) {
  return {fault.bus, fault.source, static_cast<std::uint8_t>(fault.list), fault.code.spn,
          fault.code.fmi};
}

bool same_own_value(const can::own_value& left, const can::own_value& right) {
  const bool no_numbers =
    left.value.state != can::signal_state::value && left.value.raw == right.value.raw;
  return left.value.state == right.value.state
         && (no_numbers || left.value.physical == right.value.physical) && left.whole == right.whole
         && left.label == right.label;
}

} // namespace

void fleet_state::begin(std::uint64_t cursor, std::int64_t now_us) {
  cursor_ = cursor;
  now_us_ = now_us;
}

void fleet_state::touch(stream_machine& machine) {
  machine.changed_at = cursor_;
  changed_at_ = cursor_;
  newest_.splice(newest_.begin(), newest_, machine.turn);
}

void fleet_state::take(const actors::live_snapshot& snapshot, const std::string& node) {
  auto [at, fresh] = machines_.try_emplace(snapshot->equipment);
  auto& machine = at->second;
  if (fresh) {
    machine.name = snapshot->equipment;
    machine.turn = newest_.insert(newest_.begin(), &machine);
    machine.values.resize(stream_quantities().size());
  }
  if (!machine.gone() && machine.node != node && !actors::is_newer(*snapshot, *machine.last))
    return;
  const auto before = std::exchange(machine.last, snapshot);
  if (before == snapshot)
    return;
  if (before == nullptr) {
    marks_ -= fresh ? 0 : 1;
    machine.born_at = cursor_;
  }
  if (before == nullptr || before->connected != snapshot->connected
      || before->relayed != snapshot->relayed || machine.node != node) {
    machine.node = node;
    machine.standing_at = cursor_;
    touch(machine);
  }
  if (before == nullptr || !same_ledger(*before, *snapshot)) {
    machine.ledger_at = cursor_;
    touch(machine);
  }
  if (before == nullptr || before->state != snapshot->state)
    take_values(machine, *snapshot->state);
}

void fleet_state::take_values(stream_machine& machine, const can::live_state& state) {
  read_cells(state, cells_);
  const auto again_us =
    std::chrono::duration_cast<std::chrono::microseconds>(shown_again_after).count();
  bool changed = false;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    auto& value = machine.values[i];
    const auto& cell = cells_[i];
    if (cell.present && !cell.same_source(value.cell))
      value.source_at = cursor_;
    const bool due =
      cell.present && cell.time_us != value.cell.time_us && now_us_ - value.shown_us >= again_us;
    if (!due && cell.same_value(value.cell) && value.source_at != cursor_)
      continue;
    value.cell = cell;
    value.changed_at = cursor_;
    value.shown_us = now_us_;
    changed = true;
  }
  if (changed)
    touch(machine);
}

void fleet_state::take(const std::string& name, const actors::live_detail& detail) {
  const auto found = machines_.find(name);
  if (found == machines_.end() || found->second.gone())
    return;
  auto& machine = found->second;
  take_faults(machine, detail.faults);
  for (const auto& one : detail.own_signals) {
    auto known = machine.own.find(one.name);
    if (known == machine.own.end()) {
      if (machine.own.size() >= own_max)
        continue;
      known = machine.own.emplace(one.name, stream_own_value{}).first;
    } else if (same_own_value(known->second.value, one)) {
      continue;
    }
    known->second = {one, cursor_};
    touch(machine);
  }
}

void fleet_state::take(const std::string& name,
                       const std::string& node,
                       const std::vector<can::fault>& faults) {
  const auto found = machines_.find(name);
  if (found != machines_.end() && !found->second.gone() && found->second.node == node)
    take_faults(found->second, faults);
}

void fleet_state::take_faults(stream_machine& machine, const std::vector<can::fault>& faults) {
  const bool first = !std::exchange(machine.faults_known, true);
  if (first)
    touch(machine);
  for (auto& [name, known] : machine.faults) {
    const bool there = std::any_of(faults.begin(), faults.end(), [&name = name](const auto& one) {
      return name_of(one) == name;
    });
    if (!there && known.event != can::fault_event::cleared) {
      known.event = can::fault_event::cleared;
      known.changed_at = cursor_;
      touch(machine);
    }
  }
  for (const auto& one : faults) {
    auto [at, fresh] = machine.faults.try_emplace(name_of(one));
    auto& known = at->second;
    const bool back = fresh || known.event == can::fault_event::cleared;
    const bool counted = !back && known.fault.code.occurrences != one.code.occurrences;
    known.fault = one;
    if (!back && !counted)
      continue;
    known.event = back ? can::fault_event::appeared : can::fault_event::counted;
    known.changed_at = cursor_;
    touch(machine);
  }
  // The cleared ones that changed longest ago are dropped first.
  std::vector<std::pair<std::uint64_t, fault_name>> cleared;
  for (const auto& [name, known] : machine.faults)
    if (known.event == can::fault_event::cleared)
      cleared.emplace_back(known.changed_at, name);
  if (cleared.size() > cleared_max) {
    std::sort(cleared.begin(), cleared.end());
    for (std::size_t i = 0; i < cleared.size() - cleared_max; ++i)
      machine.faults.erase(cleared[i].second);
  }
}

void fleet_state::remove(const std::string& name, const std::string& node) {
  const auto found = machines_.find(name);
  if (found == machines_.end() || found->second.gone() || found->second.node != node)
    return;
  auto& machine = found->second;
  machine.last = nullptr;
  machine.values.assign(stream_quantities().size(), stream_value{});
  machine.faults.clear();
  machine.faults_known = false;
  machine.own.clear();
  touch(machine);
  ++marks_;
  drop_marks();
}

void fleet_state::keep_only(const std::string& node, const std::set<std::string>& names) {
  std::vector<std::string> missing;
  for (const auto& [name, machine] : machines_)
    if (!machine.gone() && machine.node == node && !names.contains(name))
      missing.push_back(name);
  for (const auto& name : missing)
    remove(name, node);
}

void fleet_state::drop_marks() {
  for (auto at = newest_.rbegin(); marks_ > marks_max && at != newest_.rend();) {
    auto& machine = **at;
    ++at;
    if (!machine.gone())
      continue;
    known_since_ = std::max(known_since_, machine.changed_at);
    newest_.erase(machine.turn);
    machines_.erase(std::string{machine.name});
    --marks_;
    at = newest_.rbegin(); // the iterator may point to what is gone
  }
}

} // namespace furrow::http
