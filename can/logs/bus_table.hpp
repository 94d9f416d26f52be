/// Assigns bus numbers 0, 1, 2 ... to the interfaces of a stream, in the order in which they first appear.
///
/// Errors: `bus_of` returns nothing for an invalid name and for a bus above the limit; `refusal` gives the reason.
/// Threads: a plain value.
/// Limits: 256 buses; names of 1 to 64 printable ASCII characters without blanks (they are sent as text).
#pragma once

#include "can/frame/stream.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace furrow::can {

class bus_table {
public:
  static constexpr std::size_t buses_max = 256;

  bus_table() = default;
  /// Starts with the rows of a spool or a database. Of two rows with one name or one number the first counts.
  explicit bus_table(std::span<const bus_name> known);

  /// The number of this interface; a new interface gets the lowest free number.
  [[nodiscard]] std::optional<std::uint8_t> bus_of(std::string_view name);
  /// Why bus_of returned nothing for this name, as a line for people.
  [[nodiscard]] static const char* refusal(std::string_view name);

  /// The interface with this number; empty when there is none.
  [[nodiscard]] std::string_view name_of(std::uint8_t bus) const;
  /// All rows, in the order in which they were added. A longer list than before means a new bus.
  [[nodiscard]] const std::vector<bus_name>& names() const { return names_; }

private:
  std::vector<bus_name> names_;
  std::size_t last_ = 0; // the row of the last result: logs repeat their interface
};

} // namespace furrow::can
