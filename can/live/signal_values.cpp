#include "can/live/signal_values.hpp"

#include "can/frame/identifier.hpp"
#include "can/isobus/ddi.hpp"
#include "can/live/meaning.hpp"
#include "can/transport/fast_packet.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace furrow::can {

namespace {

constexpr transport_limits values_transport{256, 256U << 10U};

/// Longer than a frame, a fast packet, or a list of faults of J1939-73, which a definition gives with one fault.
bool comes_in_several(const plan_message& message) {
  if (!message.pgn || carries_packets(*message.pgn))
    return false;
  constexpr std::uint32_t fault_lists[] = {65'226, 65'227, 65'231, 65'236, 64'949, 64'898, 64'896};
  return message.length > 8 || packet_type_of(*message.pgn) != packet_type::single
         || std::find(std::begin(fault_lists), std::end(fault_lists), *message.pgn)
              != std::end(fault_lists);
}

} // namespace

std::optional<std::uint32_t> find_signal(const decode_plan& plan, std::string_view name) {
  const auto point = name.find('.');
  std::optional<std::uint32_t> found;
  for (std::uint32_t i = 0; i < plan.signals().size(); ++i) {
    const auto& signal = plan.signals()[i];
    if (point == std::string_view::npos) {
      if (signal.name != name)
        continue;
      if (found)
        return std::nullopt;
      found = i;
    } else if (signal.name == name.substr(point + 1)
               && plan.messages()[signal.message].name == name.substr(0, point)) {
      return i;
    }
  }
  return found;
}

std::optional<process_wish> parse_process_wish(std::string_view name) {
  constexpr std::string_view address_part = ".address_";
  constexpr int address_max = 253;
  process_wish out;
  if (const auto at = name.find(address_part); at != std::string_view::npos) {
    const auto text = name.substr(at + address_part.size());
    int address = 0;
    const auto* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, address);
    if (error != std::errc{} || stop != end || address < 0 || address > address_max)
      return std::nullopt;
    out.address = static_cast<std::uint8_t>(address);
    name = name.substr(0, at);
  }
  const auto key = parse_process_signal(name);
  if (!key)
    return std::nullopt;
  out.key = *key;
  return out;
}

signal_values::signal_values(std::shared_ptr<const decode_plan> plan, std::uint32_t signal)
  : plan_{std::move(plan)}, message_{&plan_->messages()[plan_->signals()[signal].message]},
    signal_{signal}, several_{comes_in_several(*message_)}, whole_{values_transport},
    values_(plan_->signals_max()) {}

signal_values::signal_values(process_wish wish) : process_{wish} {
  if (const auto ddi = find_ddi(wish.key.ddi))
    process_scale_ = ddi->scale;
}

bool signal_values::carries(frame_header header) const {
  if (plan_)
    return plan_->find(header) == message_;
  if (!header.extended() || header.error() || header.remote()
      || pgn_of(header.id()) != pgn_process_data)
    return false;
  return !process_.address || source_of(header.id()) == *process_.address
         || destination_of(header.id()) == *process_.address;
}

bool signal_values::wants(std::span<const std::uint64_t> headers) const {
  return std::any_of(headers.begin(), headers.end(), [this](std::uint64_t bits) {
    const frame_header header{bits};
    return carries(header) || (several_ && header.extended() && !header.error());
  });
}

void signal_values::take(const frame_block& block, const sink& to) {
  if (several_) {
    for (std::size_t i = 0; i < block.size(); ++i)
      take_whole(block[i], to);
    return;
  }
  known_.clear();
  for (const auto bits : block.headers)
    known_.push_back(carries(frame_header{bits}) ? 1 : 0);
  for (std::size_t i = 0; i < block.size(); ++i)
    if (known_[block.header_index[i]] != 0)
      take_frame(block[i], to);
}

void signal_values::take_frame(const frame_view& frame, const sink& to) {
  if (plan_)
    return decode(frame.time_us, frame.payload(), to);
  const auto data = parse_process_data(frame.payload());
  if (data && data->carries_value() && process_key{data->element, data->ddi} == process_.key)
    to(frame.time_us, data->value * process_scale_, std::nullopt); // of 32 bits
}

/// As the digest takes it (can/live/stream_digest.cpp).
void signal_values::take_whole(const frame_view& frame, const sink& to) {
  std::optional<assembled_message> message;
  if (!frame.header.extended() || !is_extended_transport(pgn_of(frame.header.id())))
    message = whole_.feed(frame);
  const auto meant =
    meaning_of(*plan_, plan_->find(frame.header), frame, message ? &*message : nullptr);
  if (meant.message != nullptr && meant.message == message_)
    decode(frame.time_us, meant.data, to);
}

void signal_values::decode(std::int64_t time_us,
                           std::span<const std::uint8_t> data,
                           const sink& to) {
  const auto count = plan_->decode(*message_, data, values_);
  for (std::size_t i = 0; i < count; ++i)
    if (const auto& one = values_[i];
        one.signal == signal_ && one.state == signal_state::value && std::isfinite(one.physical))
      to(time_us, one.physical, beyond_double(plan_->signal_of(one), one));
}

} // namespace furrow::can
