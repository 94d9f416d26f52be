#include "tools/furrowd/api/history/meaning.hpp"

#include "can/dbc/catalogue.hpp"
#include "can/dbc/file.hpp"
#include "can/isobus/ddi.hpp"
#include "can/isobus/process_data.hpp"

#include <unordered_map>

namespace furrow::http {

namespace {

/// Units of the catalogue's signals, by name.
const std::unordered_map<std::string, std::string>& catalogue_units() {
  static const auto units = [] {
    std::unordered_map<std::string, std::string> out;
    const auto file = can::parse_dbc(can::catalogue_dbc(), "catalogue", can::dbc_mode::strict);
    if (file)
      for (const auto& message : file->messages)
        for (const auto& signal : message.signals)
          out.emplace(message.name + '.' + signal.name, signal.unit);
    return out;
  }();
  return units;
}

} // namespace

std::optional<std::string> unit_of(const std::string& signal) {
  std::string unit;
  if (const auto process = can::parse_process_signal(signal)) {
    if (const auto known = can::find_ddi(process->ddi))
      unit = known->unit;
  } else if (const auto at = catalogue_units().find(signal); at != catalogue_units().end()) {
    unit = at->second;
  }
  return unit.empty() ? std::nullopt : std::optional{std::move(unit)};
}

std::optional<std::string> title_of(const std::string& signal) {
  const auto process = can::parse_process_signal(signal);
  const auto known = process ? can::find_ddi(process->ddi) : std::nullopt;
  return known ? std::optional{std::string{known->name()}} : std::nullopt;
}

} // namespace furrow::http
