#include "storage/append/record_columns.hpp"

#include <variant>

namespace furrow::storage {

std::vector<std::string> record_columns(const can::record_kind& kind) {
  std::vector<std::string> out;
  for (const auto& field : kind.fields) {
    out.emplace_back(field.name);
    if (field.type == can::field_type::amount)
      out.push_back(out.back() + "_fraction");
  }
  return out;
}

can::record_values column_values(const can::record_kind& kind, const can::record_values& fields) {
  can::record_values out;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    out.push_back(fields[i]);
    if (kind.fields[i].type != can::field_type::amount)
      continue;
    double fraction = 0;
    if (const auto* value = std::get_if<double>(&fields[i])) {
      const auto whole = static_cast<std::int64_t>(*value);
      fraction = *value - static_cast<double>(whole);
      out.back() = whole;
    }
    out.emplace_back(fraction);
  }
  return out;
}

can::record_value amount_of(std::int64_t whole, double fraction) {
  if (fraction == 0)
    return whole;
  return static_cast<double>(whole) + fraction;
}

} // namespace furrow::storage
