#include "tools/furrow-sim/implement.hpp"

#include <bit>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

namespace furrow::sim {

namespace {

constexpr std::uint8_t element_device = 1;
constexpr std::uint8_t element_function = 2;
constexpr std::uint8_t element_section = 4;
constexpr std::uint16_t boom = 1; // number of the element that has the values

constexpr std::uint16_t ddi_width = 67;
constexpr std::uint16_t ddi_area = 116;
constexpr std::uint16_t ddi_offset_x = 134;
constexpr std::uint16_t ddi_offset_y = 135;
constexpr std::uint16_t ddi_sections = 161;

constexpr std::uint16_t id_boom = 2;
constexpr std::uint16_t id_section = 10;
constexpr std::uint16_t id_value = 100;
constexpr std::uint16_t id_property = 200;
constexpr std::uint16_t id_metres = 300;
constexpr std::uint16_t id_amount = 301;
constexpr std::uint16_t id_hectares = 302;
constexpr std::uint16_t no_id = 0xFFFF;

struct described_kind {
  const char* device;
  const char* boom;
  std::uint16_t amount_ddi;
  const char* amount;
  const char* amount_unit;
  float amount_scale;
  double amount_per_unit; // numbers on the bus for one unit
  double amount_set;      // in the unit; 0: the yield
  implement_name name;
};
constexpr std::array<described_kind, 4> kinds{{
  {"Sprayer 18 m", "Boom", 2, "Application rate", "L/ha", 0.0001F, 10'000, 210, {132, 6}},
  {"Seed drill 6 m", "Bar", 7, "Seed rate", "kg/ha", 0.01F, 100, 4.2, {133, 4}},
  {"Spreader 12 m", "Discs", 7, "Application rate", "kg/ha", 0.01F, 100, 180, {132, 5}},
  {"Combine 7.5 m", "Header", 84, "Yield", "t/ha", 0.00001F, 100'000, 0, {134, 7}},
}};

const described_kind& described(implement_kind kind) {
  return kinds[static_cast<std::size_t>(kind)];
}

class pool_writer {
public:
  std::vector<std::uint8_t> bytes{0x61}; // command 1: object pool transfer

  pool_writer& number(std::uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; ++i)
      bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    return *this;
  }
  pool_writer& text(std::string_view text) {
    bytes.push_back(static_cast<std::uint8_t>(text.size()));
    bytes.insert(bytes.end(), text.begin(), text.end());
    return *this;
  }
  pool_writer& object(std::string_view tag, std::uint16_t id) {
    bytes.insert(bytes.end(), tag.begin(), tag.end());
    return number(id, 2);
  }
  void element(std::uint16_t id,
               std::uint8_t type,
               std::string_view name,
               std::uint16_t number_of,
               std::uint16_t parent,
               const std::vector<std::uint16_t>& objects) {
    object("DET", id).number(type, 1).text(name).number(number_of, 2).number(parent, 2);
    number(objects.size(), 2);
    for (const auto one : objects)
      number(one, 2);
  }
  void value(std::uint16_t id, std::uint16_t ddi, std::string_view name, std::uint16_t shown) {
    object("DPD", id).number(ddi, 2).number(1, 1).number(9, 1).text(name).number(shown, 2);
  }
  void property(std::uint16_t id, std::uint16_t ddi, std::int32_t given, std::string_view name) {
    object("DPT", id).number(ddi, 2).number(static_cast<std::uint32_t>(given), 4).text(name);
    number(id_metres, 2);
  }
  void presentation(std::uint16_t id, float scale, std::uint8_t decimals, std::string_view unit) {
    object("DVP", id).number(0, 4).number(std::bit_cast<std::uint32_t>(scale), 4);
    number(decimals, 1).text(unit);
  }
};

process_payload value_of(std::uint16_t ddi, std::uint32_t value) {
  constexpr std::uint8_t command_value = 3;
  process_payload made{static_cast<std::uint8_t>(command_value | boom << 4U),
                       static_cast<std::uint8_t>(boom >> 4U), static_cast<std::uint8_t>(ddi),
                       static_cast<std::uint8_t>(ddi >> 8U)};
  for (unsigned i = 0; i < 4; ++i)
    made[4 + i] = static_cast<std::uint8_t>(value >> (8 * i));
  return made;
}

std::uint32_t rounded(double value) {
  return static_cast<std::uint32_t>(std::llround(value));
}

} // namespace

implement_name name_of(implement_kind kind) {
  return described(kind).name;
}

std::vector<std::uint8_t> device_description(const field_plan& plan, std::uint64_t name) {
  const auto& of = described(plan.kind);
  const auto serial = std::to_string(20'000 + plan.number);
  pool_writer pool;
  pool.object("DVC", 0).text(of.device).text("1.4").number(name, 8).text(serial);
  for (const char one : std::string_view{"FURROW1"})
    pool.number(static_cast<std::uint8_t>(one), 1);
  for (int i = 0; i < 7; ++i)
    pool.number(0, 1);
  pool.element(1, element_device, of.device, 0, 0, {});
  pool.element(id_boom, element_function, of.boom, boom, 1,
               {id_value, id_value + 1, id_value + 2, id_value + 3});
  pool.value(id_value, ddi_sections, "Sections", no_id);
  pool.value(id_value + 1, ddi_width, "Working width", id_metres);
  pool.value(id_value + 2, of.amount_ddi, of.amount, id_amount);
  pool.value(id_value + 3, ddi_area, "Area", id_hectares);
  const double section_mm = plan.width_m * 1'000 / field_work::sections_count;
  pool.property(id_property, ddi_width, static_cast<std::int32_t>(std::lround(section_mm)),
                "Section width");
  pool.property(id_property + 1, ddi_offset_x, -2'500, "Offset X");
  for (std::uint16_t i = 0; i < field_work::sections_count; ++i) {
    const auto offset = static_cast<std::uint16_t>(id_property + 2 + i);
    const double y_mm = (i + 0.5 - field_work::sections_count / 2.0) * section_mm;
    pool.property(offset, ddi_offset_y, static_cast<std::int32_t>(std::lround(y_mm)), "Offset Y");
    pool.element(static_cast<std::uint16_t>(id_section + i), element_section,
                 "Section " + std::to_string(i + 1), static_cast<std::uint16_t>(boom + 1 + i),
                 id_boom, {id_property, id_property + 1, offset});
  }
  pool.presentation(id_metres, 0.001F, 2, "m");
  pool.presentation(id_amount, of.amount_scale, 1, of.amount_unit);
  pool.presentation(id_hectares, 0.0001F, 2, "ha");
  return std::move(pool.bytes);
}

process_payload section_states(const field_work& work) {
  constexpr std::uint32_t on = 1;
  constexpr std::uint32_t not_installed = 3;
  std::uint32_t states = 0;
  for (unsigned i = 0; i < 16; ++i) {
    const bool there = i < field_work::sections_count;
    const bool works = there && (work.sections() >> i & 1U) != 0;
    states |= (there ? (works ? on : 0) : not_installed) << (2 * i);
  }
  return value_of(ddi_sections, states);
}

std::vector<process_payload> implement_values(const field_work& work) {
  const auto& of = described(work.plan().kind);
  constexpr double tonnes_per_ha = 10; // of 1 kg/m²
  const double amount = work.sections() == 0 ? 0
                        : of.amount_set > 0  ? of.amount_set * (1 + 0.02 * std::sin(work.area_m2()))
                                             : work.yield_kgpm2() * tonnes_per_ha;
  return {value_of(ddi_width, rounded(work.working_width_m() * 1'000)),
          value_of(of.amount_ddi, rounded(amount * of.amount_per_unit)),
          value_of(ddi_area, rounded(work.area_m2()))};
}

} // namespace furrow::sim
