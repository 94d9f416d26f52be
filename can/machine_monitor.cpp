#include "can/machine_monitor.hpp"

#include "can/ddi.hpp"

#include <utility>

namespace furrow::can {

namespace {

/// A caller that never takes the changes keeps no more than these, the latest.
constexpr std::size_t fault_changes_max = 4096;

std::uint64_t key_of(const assembled_message& message, const process_data& data) {
  return std::uint64_t{message.bus} << 40U | std::uint64_t{message.source} << 32U
         | std::uint64_t{data.element} << 16U | data.ddi;
}

} // namespace

std::optional<assembled_message> machine_monitor::update(const frame_view& frame) {
  live_.last_frame_us = frame.time_us;
  ecus_.update(frame);
  const auto message = whole_.feed(frame);
  if (message)
    update(*message);
  return message;
}

void machine_monitor::update(const assembled_message& message) {
  live_.update(message);
  switch (message.pgn) {
  case pgn_commanded_address:
    ecus_.command(message.bus, message.data);
    return;
  case pgn_dm1:
  case pgn_dm2:
    faults_.update(message, fault_changes_);
    if (fault_changes_.size() > fault_changes_max)
      fault_changes_.erase(fault_changes_.begin(),
                           fault_changes_.end()
                             - static_cast<std::ptrdiff_t>(fault_changes_max / 2));
    return;
  case pgn_process_data:
    take_process_data(message);
    return;
  default:
    return;
  }
}

void machine_monitor::take_process_data(const assembled_message& message) {
  if (const auto pool = object_pool_of(message.data)) {
    take_pool({message.bus, message.source}, *pool);
    return;
  }
  const auto data = parse_process_data(message.data);
  if (!data || !data->carries_value())
    return;
  const auto key = key_of(message, *data);
  const auto at = values_.find(key);
  if (at == values_.end() && values_.size() == values_max) {
    ++values_not_kept_;
    return;
  }
  values_[key] = {message.bus, message.source, message.destination, *data, message.time_us};
}

void machine_monitor::take_pool(device_address who, std::span<const std::uint8_t> pool) {
  const auto held = pools_.find(who);
  const auto replaced = held == pools_.end() ? 0 : held->second.bytes;
  if (pool_bytes_ - replaced + pool.size() > pool_bytes_max) {
    ++pools_not_kept_;
    return;
  }
  auto parsed = parse_ddop(pool);
  if (!parsed) {
    ++pools_not_kept_;
    return;
  }
  pool_bytes_ = pool_bytes_ - replaced + pool.size();
  pools_[who] = {std::move(*parsed), pool.size()};
}

std::vector<fault_change> machine_monitor::take_fault_changes() {
  return std::exchange(fault_changes_, {});
}

std::vector<process_value> machine_monitor::process_values() const {
  std::vector<process_value> out;
  out.reserve(values_.size());
  for (const auto& [key, one] : values_)
    out.push_back(one);
  return out;
}

const ddop* machine_monitor::description_of(std::uint8_t bus, std::uint8_t address) const {
  const auto at = pools_.find({bus, address});
  return at == pools_.end() ? nullptr : &at->second.pool;
}

std::optional<presented_value> machine_monitor::present(const process_value& one) const {
  // The implement describes both what it says and what the task controller tells it.
  const auto* device = description_of(one.bus, one.source);
  if (device == nullptr)
    device = description_of(one.bus, one.destination);
  const auto known = find_ddi(one.data.ddi);
  const auto* described =
    device == nullptr ? nullptr : device->find(one.data.element, one.data.ddi);
  if (described == nullptr && !known)
    return std::nullopt;
  presented_value out;
  out.value = one.data.value;
  if (known) {
    out.name = known->name();
    out.value *= known->scale;
    out.unit = known->unit;
  }
  if (described == nullptr)
    return out;
  if (!described->designator.empty())
    out.name = described->designator;
  if (const auto* element = device->element(one.data.element))
    out.element = element->designator;
  if (const auto* presentation = device->presentation(described->presentation)) {
    out.value = presentation->present(one.data.value);
    out.unit = presentation->unit;
  }
  return out;
}

} // namespace furrow::can
