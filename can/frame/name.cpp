#include "can/frame/name.hpp"

#include "can/text/put.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace furrow::can {

namespace {

using word = std::pair<std::uint8_t, std::string_view>;

constexpr std::array<word, 7> industry_groups{{{0, "global"},
                                               {1, "on-highway"},
                                               {2, "agriculture and forestry"},
                                               {3, "construction"},
                                               {4, "marine"},
                                               {5, "industrial"},
                                               {7, "not available"}}};

// Industry group 2.
constexpr std::array<word, 20> agricultural_classes{{{0, "not specific"},
                                                     {1, "tractor"},
                                                     {2, "primary tillage"},
                                                     {3, "secondary tillage"},
                                                     {4, "planter or seeder"},
                                                     {5, "fertilizer"},
                                                     {6, "sprayer"},
                                                     {7, "harvester"},
                                                     {8, "root harvester"},
                                                     {9, "forage harvester"},
                                                     {10, "irrigation"},
                                                     {11, "transport"},
                                                     {12, "farmyard"},
                                                     {13, "powered auxiliary device"},
                                                     {14, "special crop machine"},
                                                     {15, "municipal work"},
                                                     {16, "skidder"},
                                                     {17, "sensor system"},
                                                     {19, "timber harvester"},
                                                     {20, "forwarder"}}};

// Below 128 a function has the same meaning in every industry group.
constexpr std::array<word, 24> global_functions{{{0, "engine"},
                                                 {1, "auxiliary power unit"},
                                                 {2, "electric propulsion"},
                                                 {3, "transmission"},
                                                 {5, "shift control"},
                                                 {6, "rear PTO"},
                                                 {7, "steering axle"},
                                                 {8, "drive axle"},
                                                 {9, "brakes"},
                                                 {12, "engine retarder"},
                                                 {14, "cruise control"},
                                                 {15, "fuel system"},
                                                 {16, "steering controller"},
                                                 {19, "instrument cluster"},
                                                 {20, "trip recorder"},
                                                 {21, "cab climate"},
                                                 {23, "navigation"},
                                                 {25, "network interconnect"},
                                                 {26, "body controller"},
                                                 {27, "front PTO"},
                                                 {28, "off-vehicle gateway"},
                                                 {29, "virtual terminal"},
                                                 {30, "management computer"},
                                                 {33, "system monitor"}}};

// From 128 on the meaning depends on industry group and device class. These belong to agriculture.
constexpr std::array<word, 13> unspecific_functions{{{128, "display"},
                                                     {129, "operator controls"},
                                                     {130, "task controller"},
                                                     {131, "position control"},
                                                     {133, "foreign object detection"},
                                                     {134, "tractor ECU"},
                                                     {135, "sequence control"},
                                                     {136, "product dosing"},
                                                     {137, "product treatment"},
                                                     {139, "data logger"},
                                                     {140, "decision support"},
                                                     {141, "lighting"},
                                                     {142, "TIM server"}}};
constexpr std::array<word, 4> tractor_functions{
  {{129, "auxiliary valves"}, {130, "rear hitch"}, {131, "front hitch"}, {134, "center hitch"}}};
// Planters, fertilizers, sprayers.
constexpr std::array<word, 6> application_functions{{{128, "rate control"},
                                                     {129, "section control"},
                                                     {131, "position control"},
                                                     {133, "product flow"},
                                                     {134, "product level"},
                                                     {135, "depth control"}}};

template <std::size_t N>
std::string_view look_up(const std::array<word, N>& table, std::uint32_t number) {
  const auto at =
    std::find_if(table.begin(), table.end(), [&](const word& one) { return one.first == number; });
  return at == table.end() ? std::string_view{} : at->second;
}

} // namespace

std::optional<iso_name> parse_name(std::span<const std::uint8_t> payload) {
  if (payload.size() != 8)
    return std::nullopt;
  iso_name out;
  for (std::size_t i = 0; i < 8; ++i)
    out.bits |= std::uint64_t{payload[i]} << (8 * i);
  return out;
}

std::string to_string(iso_name name) {
  std::string out(16, '0');
  auto* const low = text::put_hex(out.data(), static_cast<std::uint32_t>(name.bits >> 32U), 8);
  text::put_hex(low, static_cast<std::uint32_t>(name.bits), 8);
  return out;
}

std::string_view industry_group_word(iso_name name) {
  return look_up(industry_groups, name.industry_group());
}

std::string_view device_class_word(iso_name name) {
  return name.industry_group() == 2 ? look_up(agricultural_classes, name.device_class())
                                    : std::string_view{};
}

std::string_view function_word(iso_name name) {
  if (name.function() < 128)
    return look_up(global_functions, name.function());
  if (name.industry_group() != 2)
    return {};
  if (name.function() == 132)
    return "machine control";
  switch (name.device_class()) {
  case 0:
    return look_up(unspecific_functions, name.function());
  case 1:
    return look_up(tractor_functions, name.function());
  case 4:
  case 5:
  case 6:
    return look_up(application_functions, name.function());
  default:
    return {};
  }
}

} // namespace furrow::can
