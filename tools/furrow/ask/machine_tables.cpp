#include "tools/furrow/ask/machine_tables.hpp"

#include "can/live/quantity_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

cell right(std::string text) {
  return {std::move(text), colour::none, true};
}

std::string number_text(const json& value) {
  return value.is_null() ? "-" : exact_number(value, 8);
}

std::string text_or_dash(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "-" : value.dump();
}

/// The address, with the bus before it unless it is the first bus.
std::string place_text(const json& bus, const json& address) {
  if (address.is_null())
    return "-";
  return bus.is_null() || bus == 0 ? address.dump()
                                   : fmt::format("{}:{}", bus.dump(), address.dump());
}

titled_table standing(const json& machine) {
  table shown{{"WHAT", "VALUE"}, {}};
  for (const auto& [name, value] : machine.items())
    if (!value.is_structured())
      shown.rows.push_back({cell{name}, cell{value_cell(value).text}});
  return {"", std::move(shown)};
}

/// People read speeds in km/h, in every table; JSON keeps m/s.
void in_kmh(std::string& name, json& seen) {
  constexpr std::string_view suffix = "_mps";
  if (!name.ends_with(suffix) || seen.at("unit") != "m/s" || !seen.at("value").is_number())
    return;
  name.replace(name.size() - suffix.size(), suffix.size(), "_kmh");
  seen["unit"] = "km/h";
  seen["value"] = seen["value"].get<double>() * can::quantity_units::to_kmh;
}

titled_table quantities(const json& state) {
  table shown{{"QUANTITY", "VALUE", "UNIT", "AGE", "PGN", "SOURCE", "TIME"}, {}};
  for (const auto& [key, one] : state.items()) {
    if (one.is_null())
      continue;
    auto name = key;
    auto seen = one;
    in_kmh(name, seen);
    shown.rows.push_back({cell{name}, right(quantity_text(seen)), value_cell(seen.at("unit")),
                          right(age_text(seen.at("age_ms"))), number_cell(seen.at("pgn")),
                          right(place_text(seen.at("bus"), seen.at("source"))),
                          value_cell(seen.at("time"))});
  }
  return {"", std::move(shown)};
}

/// "red_stop slow, protect on"; a dash if all lamps are off.
std::string lamps_text(const json& lamps) {
  std::string text;
  for (const auto& [name, state] : lamps.items())
    if (state.is_string() && state != "off")
      text += (text.empty() ? "" : ", ") + name + ' ' + state.get<std::string>();
  return text.empty() ? "-" : text;
}

titled_table faults(const json& machine) {
  table shown{
    {"SPN", "FMI", "MEANING", "COUNT", "STATE", "SOURCE", "LAMPS", "FIRST SEEN", "LAST SEEN"}, {}};
  const auto add = [&](const json& fault) {
    const bool cleared = !fault.at("cleared").is_null();
    const bool active = fault.at("list") == "active" && !cleared;
    shown.rows.push_back({number_cell(fault.at("spn")), number_cell(fault.at("fmi")),
                          value_cell(fault.at("meaning")), number_cell(fault.at("count")),
                          cell{cleared ? "cleared" : text_or_dash(fault.at("list")),
                               active ? colour::bad : colour::faint, false},
                          right(place_text(fault.at("bus"), fault.at("source"))),
                          cell{lamps_text(fault.at("lamps"))}, value_cell(fault.at("first_seen")),
                          value_cell(fault.at("last_seen"))});
  };
  json all = json::array();
  for (const auto* part : {"faults", "cleared_faults"})
    for (const auto& fault : machine.at(part)) {
      add(fault);
      all.push_back(fault);
    }
  add_wide_column(shown, all, "NAME", "name");
  return {"FAULTS", std::move(shown)};
}

/// Signals of people's own DBC files. Nodes of older versions do not send them.
titled_table own_signals(const json& machine) {
  table shown{{"SIGNAL", "VALUE", "UNIT", "LABEL", "AGE", "TIME"}, {}};
  for (const auto& one : machine.value("own_signals", json::array()))
    shown.rows.push_back({value_cell(one.at("name")),
                          right(one.at("value").is_null() ? one.at("state").get<std::string>()
                                                          : number_text(one.at("value"))),
                          value_cell(one.at("unit")), value_cell(one.at("label")),
                          right(age_text(one.at("age_ms"))), value_cell(one.at("time"))});
  return {"SIGNALS OF OWN DBC FILES", std::move(shown)};
}

titled_table ecus(const json& machine) {
  table shown{{"ADDRESS", "NAME", "FUNCTION", "DEVICE CLASS", "MAKER", "IDENTITY", "SINCE"}, {}};
  const auto word = [](const json& ecu, const std::string& what) {
    const auto& said = ecu.at(what + "_word");
    return said.is_null() ? ecu.at(what).dump() : said.get<std::string>();
  };
  for (const auto& ecu : machine.at("ecus"))
    shown.rows.push_back({right(place_text(ecu.at("bus"), ecu.at("address"))),
                          value_cell(ecu.at("name")), cell{word(ecu, "function")},
                          cell{word(ecu, "device_class")}, number_cell(ecu.at("manufacturer")),
                          number_cell(ecu.at("identity")), value_cell(ecu.at("since"))});
  return {"ECUS", std::move(shown)};
}

/// "1 on, 2 on, 3 off": the sections that are installed.
std::string sections_text(const json& value) {
  std::string text;
  auto number = value.at("first_section").get<int>();
  for (const auto& state : value.at("sections")) {
    if (state != "not_installed")
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number, state.get<std::string>());
    ++number;
  }
  return text.empty() ? "-" : text;
}

titled_table implement(const json& one) {
  table shown{{"ELEMENT", "DDI", "WHAT", "VALUE", "UNIT", "AGE", "FROM", "TO"}, {}};
  const auto element = [](const json& designator, const json& number) {
    return designator.is_null()
             ? number.dump()
             : fmt::format("{} {}", number.dump(), designator.get<std::string>());
  };
  for (const auto& value : one.at("values"))
    shown.rows.push_back({cell{element(value.at("element_designator"), value.at("element"))},
                          number_cell(value.at("ddi")), value_cell(value.at("name")),
                          right(value.at("sections").is_null() ? value.at("value").is_null()
                                                                   ? value.at("raw").dump()
                                                                   : number_text(value.at("value"))
                                                               : sections_text(value)),
                          value_cell(value.at("unit")), right(age_text(value.at("age_ms"))),
                          right(value.at("source").dump()), right(value.at("destination").dump())});
  for (const auto& part : one.at("elements"))
    for (const auto& property : part.at("properties"))
      shown.rows.push_back(
        {cell{element(part.at("designator"), part.at("number"))}, number_cell(property.at("ddi")),
         value_cell(property.at("name")),
         right(property.at("value").is_null() ? property.at("raw").dump()
                                              : number_text(property.at("value"))),
         value_cell(property.at("unit")), right("fixed"), right("-"), right("-")});
  auto title = fmt::format("IMPLEMENT at {}", place_text(one.at("bus"), one.at("address")));
  if (const auto& device = one.at("device"); !device.is_null())
    title += fmt::format(
      ": {}, software {}, serial number {}", text_or_dash(device.at("designator")),
      text_or_dash(device.at("software_version")), text_or_dash(device.at("serial_number")));
  return {std::move(title), std::move(shown)};
}

} // namespace

std::string age_text(const json& age_ms) {
  constexpr std::int64_t ahead_ms_min = 1'000; // two clocks are never quite the same
  if (age_ms.is_null())
    return "-";
  const auto ms = age_ms.get<std::int64_t>();
  if (ms <= -ahead_ms_min)
    return age_text(-ms) + " ahead"; // the machine's clock is ahead of the node's
  const auto s = ms / 1'000;
  if (s < 10)
    return fmt::format("{:.1f} s", static_cast<double>(std::max<std::int64_t>(ms, 0)) / 1e3);
  if (s < 120)
    return fmt::format("{} s", s);
  if (s < 7'200)
    return fmt::format("{} min", s / 60);
  if (s < 172'800)
    return fmt::format("{} h", s / 3'600);
  return fmt::format("{} d", s / 86'400);
}

std::string quantity_text(const json& seen) {
  const auto& value = seen.at("value");
  if (value.is_string())
    return value.get<std::string>();
  if (value.is_boolean())
    return value.get<bool>() ? "yes" : "no";
  if (value.is_number())
    return number_text(value);
  if (value.contains("latitude_deg"))
    return fmt::format("{:.7f} {:.7f}", value.at("latitude_deg").get<double>(),
                       value.at("longitude_deg").get<double>());
  return fmt::format("{}, {} satellites, HDOP {}", text_or_dash(value.at("word")),
                     text_or_dash(value.at("satellites")), number_text(value.at("hdop")));
}

std::vector<titled_table> machine_tables(const json& machine) {
  std::vector<titled_table> shown{standing(machine)};
  if (machine.at("state").is_null())
    return shown;
  shown.push_back(quantities(machine.at("state")));
  if (!machine.at("faults").is_null()) {
    shown.push_back(faults(machine));
    shown.push_back(ecus(machine));
    shown.push_back(own_signals(machine));
    for (const auto& one : machine.at("implements"))
      shown.push_back(implement(one));
  }
  std::erase_if(shown, [](const titled_table& one) { return one.table.rows.empty(); });
  return shown;
}

} // namespace furrow::cli
