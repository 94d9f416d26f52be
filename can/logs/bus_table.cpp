#include "can/logs/bus_table.hpp"

#include "can/logs/log_line.hpp"

#include <algorithm>
#include <array>

namespace furrow::can {

bus_table::bus_table(std::span<const bus_name> known) {
  std::array<bool, buses_max> taken{};
  for (const auto& row : known) {
    const bool again = std::any_of(names_.begin(), names_.end(),
                                   [&](const bus_name& have) { return have.name == row.name; });
    if (again || taken[row.bus])
      continue;
    taken[row.bus] = true;
    names_.push_back(row);
  }
}

std::optional<std::uint8_t> bus_table::bus_of(std::string_view name) {
  if (last_ < names_.size() && names_[last_].name == name)
    return names_[last_].bus;
  const auto found = std::find_if(names_.begin(), names_.end(),
                                  [&](const bus_name& row) { return row.name == name; });
  if (found != names_.end()) {
    last_ = static_cast<std::size_t>(found - names_.begin());
    return found->bus;
  }
  if (!is_interface_name(name))
    return std::nullopt;
  std::array<bool, buses_max> taken{};
  for (const auto& row : names_)
    taken[row.bus] = true;
  const auto free = std::find(taken.begin(), taken.end(), false);
  if (free == taken.end())
    return std::nullopt;
  const auto bus = static_cast<std::uint8_t>(free - taken.begin());
  last_ = names_.size();
  names_.push_back({bus, std::string{name}});
  return bus;
}

const char* bus_table::refusal(std::string_view name) {
  return is_interface_name(name)
           ? "interface: a stream has at most 256 of them"
           : "interface: a name has 1 to 64 printable ASCII characters without blanks";
}

std::string_view bus_table::name_of(std::uint8_t bus) const {
  const auto found =
    std::find_if(names_.begin(), names_.end(), [&](const bus_name& row) { return row.bus == bus; });
  return found == names_.end() ? std::string_view{} : std::string_view{found->name};
}

} // namespace furrow::can
