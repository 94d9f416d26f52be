#include "actors/cluster/peer_rows.hpp"

#include "can/live/quantity_table.hpp"

#include <cmath>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

namespace furrow::actors {

namespace {

using proto::link::machine_value;

/// Adds the parts of a value. Names are literals of the table.
class value_writer {
public:
  explicit value_writer(std::vector<machine_value>& out) : out_{out} {}

  template <class T>
  void
  operator()(const char* name, const char* /*unit*/, const std::optional<can::observed<T>>& seen) {
    if (seen)
      write(name, *seen, seen->value);
  }

private:
  template <class Seen>
  void add(std::string key, const Seen& seen, double value) {
    if (std::isfinite(value))
      out_.push_back({std::move(key), value, seen.time_us, seen.pgn, seen.source, seen.bus});
  }
  template <class Seen>
  void write(const char* name, const Seen& seen, double value) {
    add(name, seen, value);
  }
  template <class Seen>
  void write(const char* name, const Seen& seen, bool value) {
    add(name, seen, value ? 1 : 0);
  }
  template <class Seen>
  void write(const char* name, const Seen& seen, can::travel_direction value) {
    add(name, seen, value == can::travel_direction::forward ? 1 : 0);
  }
  template <class Seen>
  void write(const char* name, const Seen& seen, const can::position& value) {
    add(name + std::string{".latitude_deg"}, seen, value.latitude_deg);
    add(name + std::string{".longitude_deg"}, seen, value.longitude_deg);
  }
  template <class Seen>
  void write(const char* name, const Seen& seen, const can::gnss_fix& value) {
    add(name + std::string{".method"}, seen, value.method);
    if (value.satellites)
      add(name + std::string{".satellites"}, seen, *value.satellites);
    if (value.hdop)
      add(name + std::string{".hdop"}, seen, *value.hdop);
  }

  std::vector<machine_value>& out_;
};

/// Fills an empty state; the table shows each place as constant. The values are almost always in the order of the
/// table, so the next one is looked for after the last one.
class value_reader {
public:
  explicit value_reader(const std::vector<machine_value>& values) : values_{values} {}

  template <class T>
  void
  operator()(const char* name, const char* /*unit*/, const std::optional<can::observed<T>>& place) {
    read(name, const_cast<std::optional<can::observed<T>>&>(place)); // of a state made below
  }

private:
  /// The value whose key is the name and the part.
  [[nodiscard]] const machine_value* find(std::string_view name, std::string_view part = {}) {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const auto at = next_ + i < values_.size() ? next_ + i : next_ + i - values_.size();
      const std::string_view key = values_[at].key;
      if (key.size() == name.size() + part.size() && key.starts_with(name) && key.ends_with(part)) {
        next_ = at + 1;
        return &values_[at];
      }
    }
    return nullptr;
  }
  template <class T>
  static can::observed<T> observed(const machine_value& from, T value) {
    return {std::move(value), from.time_us, from.pgn, from.source, from.bus};
  }
  static std::uint8_t to_byte(double value) {
    return value >= 0 && value <= 255 ? static_cast<std::uint8_t>(value) : std::uint8_t{0};
  }

  void read(std::string_view name, std::optional<can::observed<double>>& seen) {
    if (const auto* one = find(name))
      seen = observed(*one, one->value);
  }
  void read(std::string_view name, std::optional<can::observed<bool>>& seen) {
    if (const auto* one = find(name))
      seen = observed(*one, one->value != 0);
  }
  void read(std::string_view name, std::optional<can::observed<can::travel_direction>>& seen) {
    if (const auto* one = find(name))
      seen = observed(*one, one->value != 0 ? can::travel_direction::forward
                                            : can::travel_direction::reverse);
  }
  void read(std::string_view name, std::optional<can::observed<can::position>>& seen) {
    const auto* latitude = find(name, ".latitude_deg");
    const auto* longitude = find(name, ".longitude_deg");
    if (latitude != nullptr && longitude != nullptr)
      seen = observed(*latitude, can::position{latitude->value, longitude->value});
  }
  void read(std::string_view name, std::optional<can::observed<can::gnss_fix>>& seen) {
    const auto* method = find(name, ".method");
    if (method == nullptr)
      return;
    can::gnss_fix fix;
    fix.method = to_byte(method->value);
    if (const auto* satellites = find(name, ".satellites"))
      fix.satellites = to_byte(satellites->value);
    if (const auto* hdop = find(name, ".hdop"))
      fix.hdop = hdop->value;
    seen = observed(*method, fix);
  }

  const std::vector<machine_value>& values_;
  std::size_t next_ = 0;
};

constexpr std::uint8_t not_counted = 127;

std::uint16_t packed(const can::lamps& lamps) {
  std::uint16_t bits = 0;
  for (const auto* one :
       {&lamps.malfunction, &lamps.red_stop, &lamps.amber_warning, &lamps.protect})
    bits = static_cast<std::uint16_t>(bits << 4U | static_cast<unsigned>(one->flash) << 2U
                                      | static_cast<unsigned>(one->state));
  return bits;
}

can::lamps unpacked(std::uint16_t bits) {
  can::lamps lamps;
  for (auto* one : {&lamps.protect, &lamps.amber_warning, &lamps.red_stop, &lamps.malfunction}) {
    one->state = static_cast<can::lamp_state>(bits & 3U);
    one->flash = static_cast<can::lamp_flash>(bits >> 2U & 3U);
    bits = static_cast<std::uint16_t>(bits >> 4U);
  }
  return lamps;
}

} // namespace

proto::link::actor_row to_wire(const actor_row& row) {
  using proto::link::fit;
  return {row.id,          row.parent,  fit(row.name), fit(row.kind), fit(row.state), row.restarts,
          fit(row.detail), row.waiting, row.oldest_us, row.handled,   row.busy_us};
}

actor_row from_wire(proto::link::actor_row row) {
  return {row.id,
          row.parent,
          std::move(row.name),
          std::move(row.state),
          row.restarts,
          std::move(row.detail),
          std::move(row.kind),
          row.waiting,
          row.oldest_us,
          row.handled,
          row.busy_us};
}

proto::link::machine_row to_wire(const live_equipment& machine) {
  proto::link::machine_row row;
  row.equipment = machine.equipment;
  row.connected = machine.connected;
  row.peer = proto::link::fit(machine.peer);
  row.epoch = machine.epoch;
  row.received_seq = machine.received_seq;
  row.durable_seq = machine.durable_seq;
  row.sent_seq = machine.sent_seq;
  row.frames = machine.frames;
  row.frames_ahead = machine.frames_ahead;
  row.adrift = machine.adrift;
  row.relayed = machine.relayed;
  row.ecus = static_cast<std::uint32_t>(machine.ecus);
  row.faults_active = static_cast<std::uint32_t>(machine.faults_active);
  row.last_frame_us = machine.state->last_frame_us;
  can::for_each_quantity(*machine.state, value_writer{row.values});
  return row;
}

std::vector<proto::link::machine_fault> to_wire(const std::vector<can::fault>& faults) {
  std::vector<proto::link::machine_fault> out;
  for (const auto list : {can::fault_list::active, can::fault_list::previous})
    for (const auto& one : faults) {
      if (one.list != list || out.size() == proto::link::faults_max)
        continue;
      out.push_back({one.bus, one.source, list == can::fault_list::previous, one.code.spn,
                     one.code.fmi, one.code.occurrences.value_or(not_counted),
                     one.code.conversion_method, packed(one.lamps), one.since_us, one.last_us});
    }
  return out;
}

std::vector<can::fault> from_wire(const std::vector<proto::link::machine_fault>& faults) {
  std::vector<can::fault> out;
  for (const auto& one : faults) {
    auto& made = out.emplace_back();
    made.bus = one.bus;
    made.source = one.source;
    made.list = one.previous ? can::fault_list::previous : can::fault_list::active;
    made.code.spn = one.spn;
    made.code.fmi = one.fmi;
    if (one.count != not_counted)
      made.code.occurrences = one.count;
    made.code.conversion_method = one.conversion_method;
    made.lamps = unpacked(one.lamps);
    made.since_us = one.since_us;
    made.last_us = one.last_us;
  }
  return out;
}

std::shared_ptr<const live_equipment> from_wire(proto::link::machine_row row,
                                                const std::string& farm) {
  auto state = std::make_shared<can::live_state>();
  state->last_frame_us = row.last_frame_us;
  can::for_each_quantity(*state, value_reader{row.values});
  auto made = std::make_shared<live_equipment>();
  made->farm = farm;
  made->equipment = std::move(row.equipment);
  made->connected = row.connected;
  made->peer = std::move(row.peer);
  made->received_seq = row.received_seq;
  made->durable_seq = row.durable_seq;
  made->sent_seq = row.sent_seq;
  made->frames = row.frames;
  made->frames_ahead = row.frames_ahead;
  made->epoch = row.epoch;
  made->adrift = row.adrift;
  made->relayed = row.relayed;
  made->state = std::move(state);
  made->ecus = row.ecus;
  made->faults_active = row.faults_active;
  return made;
}

bool is_newer(const live_equipment& left, const live_equipment& right) {
  return std::tuple{left.connected, left.epoch, left.state->last_frame_us}
         > std::tuple{right.connected, right.epoch, right.state->last_frame_us};
}

} // namespace furrow::actors
