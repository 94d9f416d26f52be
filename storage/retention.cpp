#include "storage/retention.hpp"

#include <array>

namespace furrow::storage {

namespace {

constexpr std::array<std::string_view, 11> kind_names{
  "frames", "records", "telemetry", "rollup",        "sensor",      "yield",
  "tokens", "fault",   "other",     "telemetry_10s", "telemetry_1m"};

} // namespace

std::string_view to_string(data_kind kind) {
  return kind_names[static_cast<std::size_t>(kind)];
}

std::optional<data_kind> data_kind_of(std::string_view name) {
  for (std::size_t i = 0; i < kind_names.size(); ++i)
    if (kind_names[i] == name)
      return static_cast<data_kind>(i);
  return std::nullopt;
}

} // namespace furrow::storage
