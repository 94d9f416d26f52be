#include "tools/furrowd/api/bodies/bus_names.hpp"

#include "can/dbc/catalogue.hpp"
#include "can/dbc/file.hpp"

#include <array>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

struct known_names {
  can::decode_plan plan;
  can::spn_index by_spn;
};

const known_names& catalogue_names() {
  static const auto names = [] {
    known_names out;
    const auto file = can::parse_dbc(can::catalogue_dbc(), "catalogue", can::dbc_mode::strict);
    if (!file)
      return out;
    const std::array<const can::dbc_file*, 1> files{&*file};
    if (auto plan = can::decode_plan::compile(files))
      out.plan = std::move(*plan);
    out.by_spn = can::signals_by_spn(out.plan);
    return out;
  }();
  return names;
}

std::string
signal_in(const can::decode_plan& plan, const can::spn_index& by_spn, std::uint32_t spn) {
  const auto at = by_spn.find(spn);
  if (at == by_spn.end())
    return {};
  const auto& signal = plan.signals()[at->second];
  return plan.messages()[signal.message].name + '.' + signal.name;
}

} // namespace

bus_names::bus_names(const actors::dbc_board* board,
                     const std::string& farm,
                     const std::string& equipment) {
  if (board != nullptr)
    own_ = board->of(farm, equipment);
}

std::string_view bus_names::message(can::frame_header header) const {
  const auto* found = own_ == nullptr ? nullptr : own_->plan->find(header);
  if (found == nullptr)
    found = catalogue_names().plan.find(header);
  return found == nullptr ? std::string_view{} : found->name;
}

std::string bus_names::signal(std::uint32_t spn) const {
  auto out = own_ == nullptr ? std::string{} : signal_in(*own_->plan, own_->by_spn, spn);
  return out.empty() ? signal_in(catalogue_names().plan, catalogue_names().by_spn, spn) : out;
}

json_rows::json spn_name(const bus_names& names, std::uint32_t spn) {
  auto name = names.signal(spn);
  return name.empty() ? json_rows::json(nullptr) : json_rows::json(std::move(name));
}

void name_faults(json_rows::json& faults, const bus_names& names) {
  if (!names.has_own() || !faults.is_array())
    return;
  for (auto& fault : faults)
    if (fault.is_object() && fault.contains("spn") && fault["spn"].is_number_unsigned())
      fault["name"] = spn_name(names, fault["spn"].get<std::uint32_t>());
}

} // namespace furrow::http
