#include "can/live/own_signals.hpp"

#include "can/live/meaning.hpp"

#include <cmath>
#include <utility>

namespace furrow::can {

std::span<const decoded_signal> own_decoder::take(const frame_view& frame,
                                                  const assembled_message* message) {
  const auto meant = meaning_of(*plan_, plan_->find(frame.header), frame, message);
  if (meant.message == nullptr)
    return {};
  return {values_.data(), plan_->decode(*meant.message, meant.data, values_)};
}

own_signals::own_signals(std::shared_ptr<const decode_plan> plan)
  : decoder_{std::move(plan)}, latest_(decoder_.plan().signals().size()) {}

void own_signals::update(const frame_view& frame, bool late) {
  if (fault_of(frame.header) != frame_fault::none)
    return;
  const auto message = whole_.feed(frame);
  for (const auto& value : decoder_.take(frame, message ? &*message : nullptr))
    if (auto& held = latest_[value.signal]; !late || !held.seen || held.time_us <= frame.time_us)
      held = {value, frame.time_us, true};
}

void own_signals::update(const frame_block& block, std::size_t first, bool late) {
  for (auto i = first; i < block.size(); ++i)
    update(block[i], late);
}

std::vector<own_value> own_signals::values() const {
  std::vector<own_value> out;
  const auto& plan = decoder_.plan();
  for (std::size_t i = 0; i < latest_.size(); ++i) {
    const auto& one = latest_[i];
    if (!one.seen)
      continue;
    const auto& signal = plan.signals()[i];
    out.push_back({plan.messages()[signal.message].name + "." + signal.name, signal.unit,
                   std::string{plan.label(one.value)}, one.value, beyond_double(signal, one.value),
                   one.time_us});
  }
  return out;
}

void own_rollups::take(const frame_view& frame, const assembled_message* message) {
  for (const auto& value : decoder_.take(frame, message))
    if (value.state == signal_state::value && std::isfinite(value.physical))
      sums_.add(value.signal, message != nullptr ? message->time_us : frame.time_us,
                value.physical);
}

} // namespace furrow::can
