#include "tools/furrowd/api/bodies/machine_json.hpp"

#include "actors/live/wall_clock.hpp"
#include "can/isobus/ddi.hpp"
#include "can/live/quantity_table.hpp"
#include "tools/furrowd/api/bodies/bus_names.hpp"
#include "tools/furrowd/api/bodies/machine_summary.hpp"
#include "tools/json/number_json.hpp"
#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

json text_or_null(std::string_view text) {
  return text.empty() ? json(nullptr) : json(text);
}

json time_or_null(std::int64_t time_us) {
  return time_us == 0 ? json(nullptr) : json(json_rows::format_time(time_us));
}

/// A replayed log may be years old, and a gateway's clock ahead of ours: below zero.
std::int64_t age_ms(std::int64_t time_us, std::int64_t now_us) {
  std::int64_t apart = 0;
  return __builtin_sub_overflow(now_us, time_us, &apart) ? 0 : apart / 1'000;
}

json to_value(double value) {
  return value;
}

json to_value(bool value) {
  return value;
}

json to_value(const can::position& at) {
  return {{"latitude_deg", at.latitude_deg}, {"longitude_deg", at.longitude_deg}};
}

json to_value(can::travel_direction direction) {
  return direction == can::travel_direction::forward ? "forward" : "reverse";
}

std::string_view method_word(std::uint8_t method) {
  static constexpr std::array<std::string_view, 9> words{
    "no fix",    "GNSS",           "differential", "precise",  "RTK fixed",
    "RTK float", "dead reckoning", "manual",       "simulated"};
  return method < words.size() ? words[method] : std::string_view{};
}

json to_value(const can::gnss_fix& fix) {
  return {{"method", fix.method},
          {"word", text_or_null(method_word(fix.method))},
          {"satellites", fix.satellites ? json(*fix.satellites) : json(nullptr)},
          {"hdop", fix.hdop ? json(*fix.hdop) : json(nullptr)}};
}

template <class T>
json part_json(const std::optional<can::observed<T>>& seen, const char* unit, std::int64_t now_us) {
  if (!seen)
    return nullptr;
  json made; // filled in place: a list of initializers makes an array for each member first
  made["value"] = to_value(seen->value);
  made["unit"] = text_or_null(unit);
  made["time"] = json_rows::format_time(seen->time_us);
  made["age_ms"] = age_ms(seen->time_us, now_us);
  made["pgn"] = seen->pgn;
  made["source"] = seen->source;
  made["bus"] = seen->bus;
  return made;
}

/// off, on, slow, fast (how it flashes), or nothing.
json part_json(const can::lamp& lamp) {
  switch (lamp.state) {
  case can::lamp_state::off:
    return "off";
  case can::lamp_state::on:
    return lamp.flash == can::lamp_flash::slow   ? "slow"
           : lamp.flash == can::lamp_flash::fast ? "fast"
                                                 : "on";
  case can::lamp_state::reserved:
  case can::lamp_state::not_available:
    return nullptr;
  }
  return nullptr;
}

/// The NAME of the ECU that has the address now.
json name_at(const std::vector<can::ecu>& ecus, std::uint8_t bus, std::uint8_t address) {
  const auto at = std::find_if(ecus.begin(), ecus.end(), [&](const can::ecu& one) {
    return one.bus == bus && one.address == address;
  });
  return at == ecus.end() ? json(nullptr) : json(can::to_string(at->name));
}

json part_json(const can::fault& fault, const std::vector<can::ecu>& ecus, std::int64_t now_us) {
  return {{"bus", fault.bus},
          {"source", fault.source},
          {"ecu", name_at(ecus, fault.bus, fault.source)},
          {"list", fault.list == can::fault_list::active ? "active" : "previous"},
          {"spn", fault.code.spn},
          {"name", spn_name(bus_names{}, fault.code.spn)},
          {"fmi", fault.code.fmi},
          {"meaning", text_or_null(can::fmi_word(fault.code.fmi))},
          {"count", fault.code.occurrences ? json(*fault.code.occurrences) : json(nullptr)},
          {"lamps",
           {{"protect", part_json(fault.lamps.protect)},
            {"amber_warning", part_json(fault.lamps.amber_warning)},
            {"red_stop", part_json(fault.lamps.red_stop)},
            {"malfunction", part_json(fault.lamps.malfunction)}}},
          {"first_seen", json_rows::format_time(fault.since_us)},
          {"last_seen", json_rows::format_time(fault.last_us)},
          {"age_ms", age_ms(fault.last_us, now_us)},
          {"cleared", nullptr}};
}

json part_json(const can::ecu& ecu, std::int64_t now_us) {
  const auto name = ecu.name;
  const auto address = [](const std::optional<std::uint8_t>& one) {
    return one ? json(*one) : json(nullptr);
  };
  return {{"bus", ecu.bus},
          {"address", address(ecu.address)},
          {"since", ecu.address ? time_or_null(ecu.address_since_us) : json(nullptr)},
          {"name", can::to_string(name)},
          {"function", name.function()},
          {"function_word", text_or_null(can::function_word(name))},
          {"function_instance", name.function_instance()},
          {"ecu_instance", name.ecu_instance()},
          {"device_class", name.device_class()},
          {"device_class_word", text_or_null(can::device_class_word(name))},
          {"device_class_instance", name.device_class_instance()},
          {"industry_group", name.industry_group()},
          {"industry_group_word", text_or_null(can::industry_group_word(name))},
          {"manufacturer", name.manufacturer()},
          {"identity", name.identity()},
          {"arbitrary_address_capable", name.arbitrary_address_capable()},
          {"cannot_claim", ecu.cannot_claim},
          {"commanded_address", address(ecu.commanded_address)},
          {"claims", ecu.claims},
          {"first_claim", json_rows::format_time(ecu.first_claim_us)},
          {"last_claim", json_rows::format_time(ecu.last_claim_us)},
          {"age_ms", age_ms(ecu.last_claim_us, now_us)}};
}

json part_json(const can::ddop_device& device) {
  return {{"designator", device.designator},
          {"software_version", text_or_null(device.software_version)},
          {"serial_number", text_or_null(device.serial_number)},
          {"structure_label", text_or_null(device.structure_label)},
          {"name", can::to_string(device.name)}};
}

/// A property: what does not change, as widths and offsets do not.
json part_json(const can::ddop& of, const can::ddop_property& property) {
  const auto known = can::find_ddi(property.ddi);
  const auto* shown = of.presentation(property.presentation);
  json made{{"ddi", property.ddi},
            {"name", text_or_null(!property.designator.empty() ? property.designator
                                  : known                      ? known->name()
                                                               : std::string{})},
            {"value", nullptr},
            {"unit", nullptr},
            {"raw", property.value}};
  if (shown != nullptr) {
    made["value"] = shown->present(property.value);
    made["unit"] = text_or_null(shown->unit);
  } else if (known) {
    made["value"] = property.value * known->scale;
    made["unit"] = text_or_null(known->unit);
  }
  return made;
}

json part_json(const can::ddop& of, const can::ddop_element& element) {
  json properties = json::array();
  for (const auto& property : of.properties)
    if (std::count(element.objects.begin(), element.objects.end(), property.id) != 0)
      properties.push_back(part_json(of, property));
  const auto parent = std::find_if(of.elements.begin(), of.elements.end(),
                                   [&](const auto& one) { return one.id == element.parent; });
  return {{"number", element.number},
          {"type", can::to_string(element.type)},
          {"designator", text_or_null(element.designator)},
          {"parent", parent == of.elements.end() ? json(nullptr) : json(parent->number)},
          {"properties", std::move(properties)}};
}

/// The states of sixteen sections in one value.
json sections_of(std::int32_t value) {
  static constexpr std::array<const char*, 4> words{"off", "on", "error", "not_installed"};
  json states = json::array();
  for (unsigned i = 0; i < 16; ++i)
    states.push_back(words[static_cast<std::size_t>(can::section_state(value, i))]);
  return states;
}

json part_json(const can::implement_report::value& one, std::int64_t now_us) {
  const auto& said = one.said;
  const auto known = can::find_ddi(said.data.ddi);
  const bool sections = known && known->first_section != 0;
  return {{"element", said.data.element},
          {"element_designator", one.shown ? text_or_null(one.shown->element) : json(nullptr)},
          {"ddi", said.data.ddi},
          {"name", one.shown ? text_or_null(one.shown->name) : json(nullptr)},
          {"value", one.shown ? json(one.shown->value) : json(nullptr)},
          {"unit", one.shown ? text_or_null(one.shown->unit) : json(nullptr)},
          {"raw", said.data.value},
          {"command", can::to_string(said.data.command)},
          {"source", said.source},
          {"destination", said.destination},
          {"time", json_rows::format_time(said.time_us)},
          {"age_ms", age_ms(said.time_us, now_us)},
          {"first_section", sections ? json(known->first_section) : json(nullptr)},
          {"sections", sections ? sections_of(said.data.value) : json(nullptr)}};
}

json part_json(const can::implement_report& implement, std::int64_t now_us) {
  json elements = json::array();
  if (implement.description)
    for (const auto& element : implement.description->elements)
      elements.push_back(part_json(*implement.description, element));
  json values = json::array();
  for (const auto& one : implement.values)
    values.push_back(part_json(one, now_us));
  return {
    {"bus", implement.bus},
    {"address", implement.address},
    {"name", implement.name ? json(can::to_string(*implement.name)) : json(nullptr)},
    {"device", implement.description ? part_json(implement.description->device) : json(nullptr)},
    {"elements", std::move(elements)},
    {"values", std::move(values)}};
}

json part_json(const can::own_value& one, std::int64_t now_us) {
  const bool sound = one.value.state == can::signal_state::value;
  return {{"name", one.name},
          {"value", sound ? json_rows::number_json(one.value.physical, one.whole) : json(nullptr)},
          {"unit", text_or_null(one.unit)},
          {"label", text_or_null(one.label)},
          {"state", can::to_string(one.value.state)},
          {"time", json_rows::format_time(one.time_us)},
          {"age_ms", age_ms(one.time_us, now_us)}};
}

} // namespace

json to_json(const can::live_state& state, std::int64_t now_us) {
  // The mode follows from several values, so its time is that of the last frame.
  const bool heard = state.last_frame_us != 0;
  json made{{"mode",
             {{"value", can::to_string(state.mode_at(state.last_frame_us))},
              {"unit", nullptr},
              {"time", time_or_null(state.last_frame_us)},
              {"age_ms", heard ? json(age_ms(state.last_frame_us, now_us)) : json(nullptr)},
              {"pgn", nullptr},
              {"source", nullptr},
              {"bus", nullptr}}}};
  can::for_each_quantity(state, [&](const char* name, const char* unit, const auto& seen) {
    made[name] = part_json(seen, unit, now_us);
  });
  return made;
}

json to_json(const storage::telemetry_point& kept, std::int64_t now_us) {
  const auto time = json_rows::format_time(kept.time_us);
  const auto part = [&](json value, const char* unit) {
    json filled;
    filled["value"] = std::move(value);
    filled["unit"] = text_or_null(unit);
    filled["time"] = time;
    filled["age_ms"] = age_ms(kept.time_us, now_us);
    filled["pgn"] = nullptr;
    filled["source"] = nullptr;
    filled["bus"] = nullptr;
    return filled;
  };
  const auto value_of = [&](const can::live_quantity& of) -> std::optional<double> {
    if (of.kept.at < 0)
      return std::nullopt;
    const auto& value = kept.values.at(static_cast<std::size_t>(of.kept.at));
    return value ? std::optional{*value / of.kept.factor} : std::nullopt;
  };
  json made{{"mode", kept.mode.empty() ? json(nullptr) : part(kept.mode, "")}};
  for (const auto& one : can::live_quantities) {
    if (one.key.find('.') != std::string_view::npos)
      continue; // a part of a value
    const auto value = value_of(one);
    made[std::string{one.key}] = value ? part(*value, one.unit.data()) : json(nullptr); // literals
  }
  const auto latitude = value_of(can::quantity_named("position.latitude_deg"));
  const auto longitude = value_of(can::quantity_named("position.longitude_deg"));
  if (latitude && longitude)
    made["position"] = part(to_value(can::position{*latitude, *longitude}),
                            can::quantity_named("position").unit.data());
  return made;
}

json to_json(const can::machine_report& report, std::int64_t now_us) {
  json made{{"faults", json::array()},
            {"cleared_faults", json::array()},
            {"ecus", json::array()},
            {"implements", json::array()},
            {"own_signals", json::array()}};
  for (const auto& one : report.own_signals)
    made["own_signals"].push_back(part_json(one, now_us));
  for (const auto& one : report.faults)
    made["faults"].push_back(part_json(one, report.ecus, now_us));
  for (std::size_t i = report.cleared.size(); i-- > 0;) { // the latest first
    const auto& one = report.cleared[i];
    auto fault = part_json(one.fault, report.ecus, now_us);
    fault["cleared"] = json_rows::format_time(one.cleared_us);
    made["cleared_faults"].push_back(std::move(fault));
  }
  for (const auto& one : report.ecus)
    made["ecus"].push_back(part_json(one, now_us));
  for (const auto& one : report.implements)
    made["implements"].push_back(part_json(one, now_us));
  return made;
}

json to_json(const actors::actor_row& row, const std::string& node) {
  return {{"node", node},
          {"id", row.id},
          {"parent", row.parent},
          {"name", row.name},
          {"kind", row.kind},
          {"state", row.state},
          {"restarts", row.restarts},
          {"detail", row.detail},
          {"waiting", row.waiting},
          {"oldest_ms", row.oldest_us / 1'000},
          {"handled", row.handled},
          {"busy_ms", row.busy_us / 1'000}};
}

json to_json(const daemon::connected_gateway& one, std::int64_t now_us) {
  return {{"peer", one.peer},
          {"farm", one.farm},
          {"equipment", one.equipment},
          {"software", text_or_null(one.software)},
          {"since", json_rows::format_time(one.since_us)},
          {"age_ms", age_ms(one.since_us, now_us)}};
}

json to_json(const daemon::refused_gateway& one) {
  return {{"host", one.host},
          {"farm", text_or_null(one.farm)},
          {"equipment", text_or_null(one.equipment)},
          {"reason", to_string(one.why)},
          {"text", one.text},
          {"count", one.count},
          {"first", json_rows::format_time(one.first_us)},
          {"last", json_rows::format_time(one.last_us)}};
}

json to_json(const storage::equipment_row* stored,
             std::span<const actors::live_equipment* const> live,
             std::int64_t now_us,
             const std::string& node) {
  json row{{"name", stored != nullptr ? stored->name : live.front()->equipment},
           {"farm", stored != nullptr ? stored->farm : live.front()->farm}};
  const bool named = stored != nullptr && stored->iso_name;
  row["iso_name"] = named ? json(fmt::format("{:016X}", *stored->iso_name)) : json(nullptr);
  row["streams"] = stored != nullptr ? json(stored->streams) : json(nullptr);
  row["stored_durable_seq"] = stored != nullptr ? json(stored->durable) : json(nullptr);

  const auto of = summary_of(stored, live, now_us);
  const auto* const latest = of.latest;
  const auto& sum = of.sum;
  row["connected"] = sum.connected;
  row["peer"] = sum.connected ? json(sum.peer) : json(nullptr);
  row["node"] = sum.connected ? json(node) : json(nullptr);
  const auto if_live = [latest](const json& value) {
    return latest != nullptr ? value : json(nullptr);
  };
  row["received_seq"] = if_live(sum.received_seq);
  row["durable_seq"] = if_live(sum.durable_seq);
  row["sent_seq"] = if_live(sum.sent_seq);
  row["frames"] = if_live(sum.frames);
  row["frames_ahead"] = if_live(sum.frames_ahead);
  row["adrift"] = if_live(sum.adrift);
  const auto last_frame_us = of.last_frame_us;
  const bool relayed = of.is_relayed();
  row["relayed"] = sum.connected || stored != nullptr ? json(relayed) : json(nullptr);
  row["as_of"] =
    relayed && last_frame_us ? json(json_rows::format_time(*last_frame_us)) : json(nullptr);
  row["last_frame"] = last_frame_us ? json(json_rows::format_time(*last_frame_us)) : json(nullptr);
  row["last_frame_age_ms"] = last_frame_us ? json(age_ms(*last_frame_us, now_us)) : json(nullptr);
  row["clock_ahead"] =
    last_frame_us ? json(*last_frame_us > now_us + actors::clock_wrong_us) : json(nullptr);
  row["ecu_count"] = if_live(latest != nullptr ? latest->ecus : 0);
  row["fault_count"] = if_live(latest != nullptr ? latest->faults_active : 0);
  const bool from_store = of.is_from_store();
  row["state_from"] = from_store ? json("store") : latest != nullptr ? json("live") : json(nullptr);
  row["state"] = from_store          ? to_json(*of.stored->state, now_us)
                 : latest != nullptr ? to_json(*latest->state, now_us)
                                     : json(nullptr);
  return row;
}

} // namespace furrow::http
