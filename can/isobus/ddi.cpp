#include "can/isobus/ddi.hpp"

#include <algorithm>
#include <iterator>

namespace furrow::can {

namespace {

/// Consecutive DDIs that measure one quantity, with a letter for the role of each: s setpoint, a actual, d default, n
/// minimum, x maximum, - none. A, S and C mean sixteen DDIs, each with the states of sixteen sections: actual,
/// setpoint, neither.
struct ddi_row {
  std::uint16_t first;
  std::string_view roles;
  std::string_view quantity;
  std::string_view unit;
  double scale;

  [[nodiscard]] constexpr bool condensed() const {
    return roles == "A" || roles == "S" || roles == "C";
  }
  [[nodiscard]] constexpr std::size_t size() const { return condensed() ? 16 : roles.size(); }
};

constexpr std::uint16_t sections_a_ddi = 16;

// clang-format off
// A plain array: clang 14 cannot deduce a std::array of so many.
constexpr ddi_row rows[]{
  ddi_row{1, "sadnx", "volume per area application rate", "mm³/m²", 0.01},
  ddi_row{6, "sadnx", "mass per area application rate", "mg/m²", 1},
  ddi_row{11, "sadnx", "count per area application rate", "1/m²", 0.001},
  ddi_row{16, "sadnx", "spacing application rate", "mm", 1},
  ddi_row{21, "sadnx", "volume per volume application rate", "mm³/m³", 1},
  ddi_row{26, "sadnx", "mass per mass application rate", "mg/kg", 1},
  ddi_row{31, "sadnx", "volume per mass application rate", "mm³/kg", 1},
  ddi_row{36, "sadnx", "volume per time application rate", "mm³/s", 1},
  ddi_row{41, "sadnx", "mass per time application rate", "mg/s", 1},
  ddi_row{46, "sadnx", "count per time application rate", "1/s", 0.001},
  ddi_row{51, "sadnx", "tillage depth", "mm", 1},
  ddi_row{56, "sadnx", "seeding depth", "mm", 1},
  ddi_row{61, "sadnx", "working height", "mm", 1},
  ddi_row{66, "sadnx", "working width", "mm", 1},
  ddi_row{71, "sax", "volume content", "ml", 1},
  ddi_row{74, "sax", "mass content", "g", 1},
  ddi_row{77, "sax", "count content", "", 1},
  ddi_row{80, "-", "application total volume", "L", 1},
  ddi_row{81, "-", "application total mass", "kg", 1},
  ddi_row{82, "-", "application total count", "", 1},
  ddi_row{83, "-", "volume per area yield", "ml/m²", 1},
  ddi_row{84, "-", "mass per area yield", "mg/m²", 1},
  ddi_row{85, "-", "count per area yield", "1/m²", 0.001},
  ddi_row{86, "-", "volume per time yield", "ml/s", 1},
  ddi_row{87, "-", "mass per time yield", "mg/s", 1},
  ddi_row{88, "-", "count per time yield", "1/s", 0.001},
  ddi_row{89, "-", "yield total volume", "L", 1},
  ddi_row{90, "-", "yield total mass", "kg", 1},
  ddi_row{91, "-", "yield total count", "", 1},
  ddi_row{92, "-", "volume per area crop loss", "ml/m²", 1},
  ddi_row{93, "-", "mass per area crop loss", "mg/m²", 1},
  ddi_row{94, "-", "count per area crop loss", "1/m²", 0.001},
  ddi_row{95, "-", "volume per time crop loss", "ml/s", 1},
  ddi_row{96, "-", "mass per time crop loss", "mg/s", 1},
  ddi_row{97, "-", "count per time crop loss", "1/s", 0.001},
  ddi_row{98, "-", "percentage crop loss", "ppm", 1},
  ddi_row{99, "-", "crop moisture", "ppm", 1},
  ddi_row{100, "-", "crop contamination", "ppm", 1},
  ddi_row{101, "sadnx", "bale width", "mm", 1},
  ddi_row{106, "sadnx", "bale height", "mm", 1},
  ddi_row{111, "sadnx", "bale size", "mm", 1},
  ddi_row{116, "-", "total area", "m²", 1},
  ddi_row{117, "-", "effective total distance", "mm", 1},
  ddi_row{118, "-", "ineffective total distance", "mm", 1},
  ddi_row{119, "-", "effective total time", "s", 1},
  ddi_row{120, "-", "ineffective total time", "s", 1},
  ddi_row{121, "-", "product density mass per volume", "mg/l", 1},
  ddi_row{122, "-", "product density mass per 1000", "mg", 1},
  ddi_row{123, "-", "product density volume per 1000", "ml", 1},
  ddi_row{134, "-", "device element offset x", "mm", 1},
  ddi_row{135, "-", "device element offset y", "mm", 1},
  ddi_row{136, "-", "device element offset z", "mm", 1},
  ddi_row{140, "s", "percentage application rate", "ppm", 1},
  ddi_row{141, "a", "work state", "", 1},
  ddi_row{142, "-", "setpoint time latency", "ms", 1},
  ddi_row{143, "-", "actual value time latency", "ms", 1},
  ddi_row{144, "-", "yaw angle", "°", 0.001},
  ddi_row{145, "-", "roll angle", "°", 0.001},
  ddi_row{146, "-", "pitch angle", "°", 0.001},
  ddi_row{147, "-", "log count", "", 1},
  ddi_row{148, "-", "total fuel consumption", "ml", 1},
  ddi_row{149, "-", "fuel consumption per time", "mm³/s", 1},
  ddi_row{150, "-", "fuel consumption per area", "mm³/m²", 1},
  ddi_row{151, "-", "area per time capacity", "mm²/s", 1},
  ddi_row{153, "a", "normalized difference vegetative index", "", 0.001},
  ddi_row{154, "-", "object length", "mm", 1},
  ddi_row{155, "-", "object width", "mm", 1},
  ddi_row{156, "-", "object height", "mm", 1},
  ddi_row{157, "-", "connector type", "", 1},
  ddi_row{158, "-", "prescription control state", "", 1},
  ddi_row{159, "-", "sub-units per section", "", 1},
  ddi_row{160, "-", "section control state", "", 1},
  ddi_row{161, "A", "condensed work state", "", 1},
  ddi_row{177, "a", "length of cut", "mm", 0.001},
  ddi_row{178, "-", "element type instance", "", 1},
  ddi_row{179, "a", "cultural practice", "", 1},
  ddi_row{180, "-", "reference point height above ground", "mm", 1},
  ddi_row{181, "-", "dry mass per area yield", "mg/m²", 1},
  ddi_row{182, "-", "dry mass per time yield", "mg/s", 1},
  ddi_row{183, "-", "yield total dry mass", "kg", 1},
  ddi_row{184, "-", "reference moisture for dry mass", "ppm", 1},
  ddi_row{185, "-", "seed cotton mass per area yield", "mg/m²", 1},
  ddi_row{186, "-", "lint cotton mass per area yield", "mg/m²", 1},
  ddi_row{187, "-", "seed cotton mass per time yield", "mg/s", 1},
  ddi_row{188, "-", "lint cotton mass per time yield", "mg/s", 1},
  ddi_row{189, "-", "yield total seed cotton mass", "kg", 1},
  ddi_row{190, "-", "yield total lint cotton mass", "kg", 1},
  ddi_row{191, "-", "lint turnout percentage", "ppm", 1},
  ddi_row{192, "-", "ambient temperature", "mK", 1},
  ddi_row{193, "sanx", "product pressure", "Pa", 0.1},
  ddi_row{197, "sanx", "pump output pressure", "Pa", 0.1},
  ddi_row{201, "sanx", "tank agitation pressure", "Pa", 0.1},
  ddi_row{205, "-", "section turn-on time", "ms", 1},
  ddi_row{206, "-", "section turn-off time", "ms", 1},
  ddi_row{207, "-", "wind speed", "mm/s", 1},
  ddi_row{208, "-", "wind direction", "°", 1},
  ddi_row{209, "-", "relative humidity", "%", 1},
  ddi_row{210, "-", "sky conditions", "", 1},
  ddi_row{212, "-", "last bale average moisture", "ppm", 1},
  ddi_row{214, "-", "lifetime bale count", "", 1},
  ddi_row{215, "-", "lifetime working hours", "h", 0.05},
  ddi_row{216, "a", "bale hydraulic pressure", "Pa", 1},
  ddi_row{217, "-", "last bale average hydraulic pressure", "Pa", 1},
  ddi_row{218, "sa", "bale compression plunger load", "ppm", 1},
  ddi_row{220, "-", "last bale average plunger load", "ppm", 1},
  ddi_row{221, "-", "last bale applied preservative", "ml", 1},
  ddi_row{222, "-", "last bale tag number", "", 1},
  ddi_row{223, "-", "last bale mass", "g", 1},
  ddi_row{224, "-", "delta t", "mK", 1},
  ddi_row{225, "sanx", "working length", "mm", 1},
  ddi_row{229, "a", "net weight", "g", 1},
  ddi_row{230, "-", "net weight state", "", 1},
  ddi_row{231, "s", "net weight", "g", 1},
  ddi_row{232, "a", "gross weight", "g", 1},
  ddi_row{233, "-", "gross weight state", "", 1},
  ddi_row{234, "nx", "gross weight", "g", 1},
  ddi_row{236, "-", "thresher engagement total time", "s", 1},
  ddi_row{237, "-", "header working height status", "", 1},
  ddi_row{238, "-", "header rotational speed status", "", 1},
  ddi_row{239, "-", "yield hold status", "", 1},
  ddi_row{240, "-", "unloading system status", "", 1},
  ddi_row{241, "-", "crop temperature", "mK", 1},
  ddi_row{242, "sanx", "sieve clearance", "mm", 1},
  ddi_row{246, "sanx", "chaffer clearance", "mm", 1},
  ddi_row{250, "sanx", "concave clearance", "mm", 1},
  ddi_row{254, "sanx", "separation fan speed", "1/s", 0.001},
  ddi_row{258, "-", "hydraulic oil temperature", "mK", 1},
  ddi_row{259, "-", "yield lag ignore time", "ms", 1},
  ddi_row{260, "-", "yield lead ignore time", "ms", 1},
  ddi_row{261, "-", "average yield mass per time", "mg/s", 1},
  ddi_row{262, "-", "average crop moisture", "ppm", 1},
  ddi_row{263, "-", "average yield mass per area", "mg/m²", 1},
  ddi_row{264, "-", "connector pivot x offset", "mm", 1},
  ddi_row{265, "-", "remaining area", "m²", 1},
  ddi_row{266, "-", "lifetime application total mass", "kg", 1},
  ddi_row{267, "-", "lifetime application total count", "", 1},
  ddi_row{268, "-", "lifetime yield total volume", "L", 1},
  ddi_row{269, "-", "lifetime yield total mass", "kg", 1},
  ddi_row{270, "-", "lifetime yield total count", "", 1},
  ddi_row{271, "-", "lifetime total area", "m²", 1},
  ddi_row{272, "-", "lifetime effective total distance", "m", 1},
  ddi_row{273, "-", "lifetime ineffective total distance", "m", 1},
  ddi_row{274, "-", "lifetime effective total time", "s", 1},
  ddi_row{275, "-", "lifetime ineffective total time", "s", 1},
  ddi_row{276, "-", "lifetime fuel consumption", "L", 0.5},
  ddi_row{277, "-", "lifetime average fuel consumption per time", "mm³/s", 1},
  ddi_row{278, "-", "lifetime average fuel consumption per area", "mm³/m²", 1},
  ddi_row{279, "-", "lifetime yield total dry mass", "kg", 1},
  ddi_row{280, "-", "lifetime yield total seed cotton mass", "kg", 1},
  ddi_row{281, "-", "lifetime yield total lint cotton mass", "kg", 1},
  ddi_row{282, "-", "lifetime threshing engagement total time", "s", 1},
  ddi_row{287, "sa", "prescription mode", "", 1},
  ddi_row{289, "s", "work state", "", 1},
  ddi_row{290, "S", "condensed work state", "", 1},
  ddi_row{306, "-", "true rotation point x offset", "mm", 1},
  ddi_row{307, "-", "true rotation point y offset", "mm", 1},
  ddi_row{308, "anx", "percentage application rate", "ppm", 1},
  ddi_row{311, "-", "relative yield potential", "ppm", 1},
  ddi_row{312, "nx", "relative yield potential", "ppm", 1},
  ddi_row{314, "a", "percentage crop dry matter", "ppm", 1},
  ddi_row{315, "-", "average percentage crop dry matter", "ppm", 1},
  ddi_row{316, "-", "effective total fuel consumption", "ml", 1},
  ddi_row{317, "-", "ineffective total fuel consumption", "ml", 1},
  ddi_row{318, "-", "effective total exhaust fluid consumption", "ml", 1},
  ddi_row{319, "-", "ineffective total exhaust fluid consumption", "ml", 1},
  ddi_row{320, "-", "last loaded weight", "g", 1},
  ddi_row{321, "-", "last unloaded weight", "g", 1},
  ddi_row{324, "-", "chopper engagement total time", "s", 1},
  ddi_row{325, "-", "lifetime application total volume", "L", 1},
  ddi_row{326, "sanx", "header speed", "1/s", 0.001},
  ddi_row{330, "sanx", "cutting drum speed", "1/s", 0.001},
  ddi_row{334, "-", "operating time since last sharpening", "s", 1},
  ddi_row{335, "-", "front PTO time", "s", 1},
  ddi_row{336, "-", "rear PTO time", "s", 1},
  ddi_row{337, "-", "lifetime front PTO hours", "h", 0.1},
  ddi_row{338, "-", "lifetime rear PTO hours", "h", 0.1},
  ddi_row{339, "-", "total loading time", "s", 1},
  ddi_row{340, "-", "total unloading time", "s", 1},
  ddi_row{341, "sanx", "kernel cracker gap", "mm", 0.001},
  ddi_row{345, "sanx", "swathing width", "mm", 1},
  ddi_row{349, "-", "nozzle drift reduction", "ppm", 1},
  ddi_row{351, "-", "application total volume", "ml", 1},
  ddi_row{352, "-", "application total mass", "g", 1},
  ddi_row{353, "-", "total application of nitrogen", "g", 1},
  ddi_row{354, "-", "total application of ammonium", "g", 1},
  ddi_row{355, "-", "total application of phosphor", "g", 1},
  ddi_row{356, "-", "total application of potassium", "g", 1},
  ddi_row{357, "-", "total application of dry matter", "kg", 1},
  ddi_row{358, "-", "average dry yield mass per time", "mg/s", 1},
  ddi_row{359, "-", "average dry yield mass per area", "mg/m²", 1},
  ddi_row{360, "-", "last bale size", "mm", 1},
  ddi_row{361, "-", "last bale density", "mg/l", 1},
  ddi_row{362, "-", "total bale length", "mm", 1},
  ddi_row{363, "-", "last bale dry mass", "g", 1},
  ddi_row{364, "a", "flake size", "mm", 1},
  ddi_row{365, "sa", "downforce pressure", "Pa", 1},
  ddi_row{367, "C", "condensed section override state", "", 1},
  ddi_row{383, "-", "apparent wind direction", "°", 1},
  ddi_row{384, "-", "apparent wind speed", "mm/s", 1},
  ddi_row{385, "-", "sea level atmospheric pressure", "Pa", 0.1},
  ddi_row{386, "a", "atmospheric pressure", "Pa", 0.1},
  ddi_row{389, "sadnx", "revolutions per time", "r/min", 0.0001},
  ddi_row{394, "-", "fuel tank content", "ml", 1},
  ddi_row{395, "-", "exhaust fluid tank content", "ml", 1},
  ddi_row{396, "sanx", "speed", "mm/s", 1},
  ddi_row{400, "-", "speed source", "", 1},
  ddi_row{401, "a", "application of nitrogen", "mg/l", 1},
  ddi_row{402, "a", "application of ammonium", "mg/l", 1},
  ddi_row{403, "a", "application of phosphor", "mg/l", 1},
  ddi_row{404, "a", "application of potassium", "mg/l", 1},
  ddi_row{405, "a", "application of dry matter", "mg/l", 1},
  ddi_row{406, "a", "protein content", "ppm", 1},
  ddi_row{407, "-", "average protein content", "ppm", 1},
  ddi_row{408, "-", "average crop contamination", "ppm", 1},
  ddi_row{409, "-", "total exhaust fluid consumption", "ml", 1},
  ddi_row{410, "-", "exhaust fluid consumption per time", "mm³/s", 1},
  ddi_row{411, "-", "exhaust fluid consumption per area", "mm³/m²", 1},
  ddi_row{412, "-", "lifetime exhaust fluid consumption", "L", 0.5},
  ddi_row{426, "sa", "downforce", "N", 1},
  ddi_row{428, "-", "loaded total mass", "kg", 1},
  ddi_row{429, "-", "unloaded total mass", "kg", 1},
  ddi_row{430, "-", "lifetime loaded total mass", "kg", 1},
  ddi_row{431, "-", "lifetime unloaded total mass", "kg", 1},
  ddi_row{432, "sanx", "application rate of nitrogen", "mg/m²", 1},
  ddi_row{436, "sanx", "application rate of ammonium", "mg/m²", 1},
  ddi_row{440, "sanx", "application rate of phosphor", "mg/m²", 1},
  ddi_row{444, "sanx", "application rate of potassium", "mg/m²", 1},
  ddi_row{448, "sanx", "application rate of dry matter", "ppm", 1},
  ddi_row{452, "-", "loaded total volume", "ml", 1},
  ddi_row{453, "-", "unloaded total volume", "ml", 1},
  ddi_row{466, "-", "relative connector angle", "°", 0.001},
  ddi_row{467, "-", "percentage content", "%", 0.01},
  ddi_row{472, "snx", "length of cut", "mm", 0.001},
  ddi_row{475, "snx", "bale hydraulic pressure", "Pa", 1},
  ddi_row{483, "sanx", "engine speed", "r/min", 0.0001},
  ddi_row{488, "-", "exhaust fluid level", "%", 0.01},
  ddi_row{489, "-", "exhaust fluid tank capacity", "ml", 1},
  ddi_row{490, "-", "fuel tank capacity", "ml", 1},
  ddi_row{491, "-", "fuel level", "%", 0.01},
  ddi_row{492, "-", "total engine hours", "h", 0.05},
  ddi_row{493, "-", "lifetime engine hours", "h", 0.1},
  ddi_row{501, "sanx", "engine torque", "%", 0.001},
  ddi_row{509, "-", "track number", "", 1},
  ddi_row{512, "-", "guidance line swath width", "mm", 1},
  ddi_row{513, "-", "guidance line deviation", "mm", 1},
  ddi_row{514, "-", "GNSS quality", "", 1},
  ddi_row{515, "-", "tramline control state", "", 1},
  ddi_row{520, "-", "canopy height", "mm", 1},
  ddi_row{526, "-", "cooling fluid temperature", "mK", 1},
  ddi_row{529, "sa", "disc gang angle", "°", 0.001},
  ddi_row{541, "asdnx", "PTO speed", "r/min", 0.0001},
  ddi_row{550, "-", "ground cover", "%", 0.1},
  ddi_row{551, "asdnx", "PTO torque", "N·m", 0.0001},
  ddi_row{578, "sanxd", "temperature", "mK", 1},
  ddi_row{588, "sanxd", "volume per area application rate", "ml/m²", 0.1},
  ddi_row{595, "-", "machine mode", "", 1},
  ddi_row{597, "-", "total distance", "mm", 1},
  ddi_row{598, "-", "lifetime total distance", "m", 1},
  ddi_row{633, "sadnx", "volume per distance application rate", "ml/m", 0.001},
  ddi_row{638, "sadnx", "tire pressure", "Pa", 0.1},
  ddi_row{643, "-", "tire temperature", "mK", 1},
  ddi_row{655, "-", "apparent soil conductivity", "mS/m", 0.1},
  ddi_row{658, "-", "CO2 equivalent per area", "mg/m²", 1},
  ddi_row{664, "-", "total CO2 equivalent", "kg", 1},
  ddi_row{666, "-", "working direction", "", 1},
  ddi_row{679, "-", "crop contamination total mass", "kg", 1}
};
// clang-format on

static_assert(
  [] {
    for (std::size_t i = 1; i < std::size(rows); ++i)
      if (rows[i - 1].first + rows[i - 1].size() > rows[i].first)
        return false;
    return true;
  }(),
  "DDIs are sorted and unique");

std::string_view role_of(char letter) {
  switch (letter) {
  case 's':
  case 'S':
    return "setpoint";
  case 'a':
  case 'A':
    return "actual";
  case 'd':
    return "default";
  case 'n':
    return "minimum";
  case 'x':
    return "maximum";
  default:
    return {};
  }
}

} // namespace

std::string ddi_definition::name() const {
  std::string out{role};
  if (!role.empty())
    out += ' ';
  out += quantity;
  if (first_section != 0)
    out += ' ' + std::to_string(first_section) + '-'
           + std::to_string(first_section + sections_a_ddi - 1);
  return out;
}

std::optional<ddi_definition> find_ddi(std::uint16_t ddi) {
  const auto after =
    std::upper_bound(std::begin(rows), std::end(rows), ddi,
                     [](std::uint16_t wanted, const ddi_row& row) { return wanted < row.first; });
  if (after == std::begin(rows))
    return std::nullopt;
  const auto& row = *std::prev(after);
  const auto index = static_cast<std::size_t>(ddi - row.first);
  if (index >= row.size())
    return std::nullopt;
  ddi_definition out{ddi, role_of(row.roles[row.condensed() ? 0 : index]), row.quantity, row.unit,
                     row.scale};
  if (row.condensed())
    out.first_section = static_cast<std::uint16_t>(index * sections_a_ddi + 1);
  return out;
}

} // namespace furrow::can
