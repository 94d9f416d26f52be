#include "can/live/machine_monitor.hpp"

#include "can/frame/identifier.hpp"
#include "can/isobus/ddi.hpp"
#include "can/live/meaning.hpp"
#include "can/transport/fast_packet.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <utility>

namespace furrow::can {

namespace {

/// How a monitor uses frames of a PGN.
enum interest : std::uint8_t {
  none = 0,
  single = 1, // a complete message, for the live state
  claim = 2,
  reassembled = 3, // a message that also the other members read, or a packet of one
};

/// A table by PGN, in pages of 256. All empty pages share one.
struct interest_table {
  static constexpr std::size_t pages_max = 24;
  std::array<std::uint8_t, (pgn_max + 1) / 256> page{};
  std::array<std::array<std::uint8_t, 256>, pages_max> entries{}; // the first stays empty
  std::size_t pages = 1;

  constexpr void set(std::uint32_t pgn, interest what) {
    auto& at = page[pgn >> 8U];
    if (at == 0)
      at = static_cast<std::uint8_t>(pages++);
    entries[at][pgn & 0xFFU] = what;
  }
  [[nodiscard]] constexpr std::uint8_t of(std::uint32_t pgn) const {
    return entries[page[pgn >> 8U]][pgn & 0xFFU];
  }
};

constexpr auto interests = [] {
  interest_table table;
  for (const auto pgn : live_pgns)
    table.set(pgn, single);
  for (const auto pgn : {pgn_tp_control, pgn_tp_data, pgn_etp_control, pgn_etp_data, pgn_dm1,
                         pgn_dm2, pgn_process_data, pgn_commanded_address, pgn_gnss_position})
    table.set(pgn, reassembled);
  table.set(pgn_address_claimed, claim);
  return table;
}();

bool is_of_interest(std::uint32_t pgn) {
  return pgn <= pgn_max && interests.of(pgn) != none;
}

std::uint8_t interest_of(frame_header header) {
  if (!header.extended() || header.error() || header.remote()
      || header.kind() != frame_kind::classic || fault_of(header) != frame_fault::none)
    return none;
  return interests.of(pgn_of(header.id()));
}

/// Largest number of reported changes per block; the first ones are reported.
constexpr std::size_t fault_changes_max = 4096;

constexpr std::uint64_t key_of(std::uint8_t bus, std::uint8_t source) {
  return std::uint64_t{bus} << 40U | std::uint64_t{source} << 32U;
}

/// A list of faults: of one sender, active or previous.
std::uint64_t list_of(const assembled_message& message) {
  return key_of(message.bus, message.source) | message.pgn;
}

std::uint64_t key_of(const assembled_message& message, const process_data& data) {
  return key_of(message.bus, message.source) | std::uint64_t{data.element} << 16U | data.ddi;
}

} // namespace

machine_monitor::machine_monitor(transport_limits limits) : whole_{limits, is_of_interest} {}

void machine_monitor::update(const frame_view& frame) {
  fault_changes_.clear();
  late_ = false;
  if (fault_of(frame.header) != frame_fault::none)
    return;
  live_.last_frame_us = frame.time_us;
  take(frame, interest_of(frame.header));
  if (own_)
    own_->update(frame);
}

void machine_monitor::decode_with(std::shared_ptr<const decode_plan> own) {
  own_.reset();
  if (own)
    own_.emplace(std::move(own));
}

void machine_monitor::update(const frame_block& block, std::size_t first, bool late) {
  fault_changes_.clear();
  late_ = late;
  // Blocks of a bus have some hundred headers. Headers above the limit are looked up frame by frame.
  constexpr std::size_t known_max = 512;
  constexpr std::uint8_t impossible = 0xFF;
  std::array<std::uint8_t, known_max> known; // NOLINT: written before it is read
  const auto look = [](frame_header header) {
    return fault_of(header) != frame_fault::none ? impossible : interest_of(header);
  };
  const auto headers = std::min(block.headers.size(), known_max);
  for (std::size_t i = 0; i < headers; ++i)
    known[i] = look({block.headers[i]});
  std::size_t last = block.size();
  for (std::size_t i = first; i < block.size(); ++i) {
    const std::size_t header = block.header_index[i];
    const auto what = header < known_max ? known[header] : look(block.header(i));
    if (what == impossible)
      continue;
    last = i;
    if (what != none)
      take(block[i], what);
  }
  if (last != block.size())
    live_.note_time(block.time_us(last), late);
  if (own_)
    own_->update(block, first, late);
  late_ = false;
}

void machine_monitor::sample(const frame_block& block) {
  fault_changes_.clear();
  late_ = true; // it may be older than what another gateway of the machine has said
  // Of its own: the messages under way in the other frames go on.
  reassembler messages{sample_transport, is_of_interest};
  for (std::size_t i = 0; i < block.size(); ++i) {
    const auto frame = block[i];
    if (fault_of(frame.header) != frame_fault::none)
      continue;
    live_.note_time(frame.time_us, true);
    const auto what = interest_of(frame.header);
    if (what != interest::reassembled) {
      take(frame, what);
    } else if (const auto message = messages.feed(frame)) {
      note_sampled(*message);
      update(*message);
    }
    const auto pgn = pgn_of(frame.header.id());
    const bool is_piece = frame.header.extended()
                          && (carries_packets(pgn) || packet_type_of(pgn) != packet_type::single);
    if (own_ && !is_piece)
      own_->update(frame, true);
  }
  late_ = false;
}

void machine_monitor::note_sampled(const assembled_message& message) {
  if (message.pgn != pgn_dm1 && message.pgn != pgn_dm2)
    return;
  const auto key = list_of(message);
  if (sampled_lists_.size() < sampled_lists_max || sampled_lists_.contains(key))
    sampled_lists_[key] = message.time_us;
}

void machine_monitor::take(const frame_view& frame, std::uint8_t interest) {
  switch (interest) {
  case single:
    live_.update(frame, late_);
    return;
  case claim:
    take_claim(frame);
    return;
  case reassembled:
    if (const auto message = whole_.feed(frame))
      update(*message);
    return;
  default:
    return;
  }
}

void machine_monitor::update(const assembled_message& message) {
  switch (message.pgn) {
  case pgn_commanded_address:
    ecus_.command(message.bus, message.data);
    return;
  case pgn_dm1:
  case pgn_dm2:
    take_faults(message);
    return;
  case pgn_process_data:
    take_process_data(message);
    return;
  default:
    live_.update(message, late_);
  }
}

/// Whether a late claim is one that is over: of this address or this ECU, a later claim is known.
bool machine_monitor::is_outdated_claim(device_address who,
                                        iso_name name,
                                        std::int64_t time_us) const {
  const auto& all = ecus_.ecus();
  return late_ && std::any_of(all.begin(), all.end(), [&](const ecu& one) {
           return one.bus == who.first && (one.name == name || one.address == who.second)
                  && one.last_claim_us > time_us;
         });
}

/// The description of an ECU moves with it to another address. The values from an address are removed
/// when another ECU takes the address.
void machine_monitor::take_claim(const frame_view& frame) {
  const auto bus = frame.header.bus();
  const auto name = parse_name(frame.payload());
  const device_address now{bus, source_of(frame.header.id())};
  if (name && is_outdated_claim(now, *name, frame.time_us))
    return;
  const auto until_us = late_ ? frame.time_us : std::numeric_limits<std::int64_t>::max();
  const auto former = ecus_.name_of(bus, now.second);
  std::optional<std::uint8_t> left;
  for (const auto& one : ecus_.ecus())
    if (one.bus == bus && one.name == name && one.address != now.second)
      left = one.address;
  if (!ecus_.update(frame) || !name || ecus_.name_of(bus, now.second) != name)
    return;
  if (former && former != name)
    forget(now, until_us);
  if (left) {
    if (auto moved = pools_.extract(device_address{bus, *left})) {
      forget(now, until_us);
      moved.key() = now;
      pools_.insert(std::move(moved));
    }
    forget({bus, *left}, until_us);
  }
  const auto held = pools_.find(now);
  if (held == pools_.end())
    return;
  if (!held->second.owner)
    held->second.owner = name; // the description came before the address claim
  else if (held->second.owner != name)
    forget(now, until_us);
}

void machine_monitor::forget(device_address who, std::int64_t until_us) {
  if (const auto at = pools_.find(who); at != pools_.end()) {
    pool_bytes_ -= at->second.bytes;
    pools_.erase(at);
  }
  const auto first = key_of(who.first, who.second);
  const auto end = values_.upper_bound(first | 0xFFFFFFFFU);
  for (auto at = values_.lower_bound(first); at != end;)
    at = at->second.time_us <= until_us ? values_.erase(at) : std::next(at);
}

void machine_monitor::take_faults(const assembled_message& message) {
  // A fault that a sample has shown is not cleared by an older list, and one that it has not shown is not raised.
  if (late_)
    if (const auto at = sampled_lists_.find(list_of(message));
        at != sampled_lists_.end() && at->second > message.time_us)
      return;
  const auto told = fault_changes_.size();
  faults_.update(message, fault_changes_);
  for (auto i = told; i < fault_changes_.size(); ++i) {
    const auto& change = fault_changes_[i];
    if (change.event != fault_event::cleared || change.fault.list != fault_list::active)
      continue;
    if (cleared_.size() == cleared_max)
      cleared_.erase(cleared_.begin());
    cleared_.push_back({change.fault, change.time_us});
  }
  if (fault_changes_.size() > fault_changes_max)
    fault_changes_.resize(fault_changes_max);
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
  if (late_ && at != values_.end() && at->second.time_us > message.time_us)
    return;
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
  pools_[who] = {std::move(*parsed), pool.size(), ecus_.name_of(who.first, who.second)};
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
  // The implement describes both its own values and the set points of the task controller.
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

machine_report machine_monitor::report() const {
  machine_report out{faults_.faults(), cleared_, ecus_.ecus(), {}, {}};
  if (own_)
    out.own_signals = own_->values();
  std::map<device_address, implement_report> devices;
  for (const auto& [who, held] : pools_)
    devices[who].description = held.pool;
  for (const auto& [key, one] : values_) {
    // A set point for a described implement belongs to that implement.
    device_address who{one.bus, one.source};
    const device_address told{one.bus, one.destination};
    if (!pools_.contains(who) && pools_.contains(told))
      who = told;
    devices[who].values.push_back({one, present(one)});
  }
  for (auto& [who, device] : devices) {
    device.bus = who.first;
    device.address = who.second;
    device.name = ecus_.name_of(who.first, who.second);
    out.implements.push_back(std::move(device));
  }
  return out;
}

} // namespace furrow::can
