/// The limits of every field of a change, checked before the database is asked.
///
/// Shape: `prepare` checks a row and brings it to its stored form: boundary and attributes as
///   shortest JSON, area and box computed.
/// Errors: a rejection for the first field that exceeds its limit, with field, value and limit.
/// Threads: pure functions.
/// Source: ISO 11783-5 (addresses 0 to 253), RFC 3629 (UTF-8).
#pragma once

#include "storage/farm/repositories.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::storage {

inline constexpr std::size_t name_bytes_max = 64;
inline constexpr std::size_t text_bytes_max = 256;
inline constexpr std::size_t attributes_bytes_max = 64U << 10U;

inline constexpr std::array<std::string_view, 13> equipment_kinds{
  "unknown", "tractor", "implement", "combine", "sprayer",        "seeder", "spreader",
  "baler",   "forager", "mower",     "truck",   "sensor_station", "other"};
inline constexpr std::array<std::string_view, 4> equipment_statuses{"active", "idle", "maintenance",
                                                                    "retired"};

/// Absent when the change may be tried.
[[nodiscard]] std::optional<rejection>
prepare(change& wanted, const std::string& farm, std::size_t place);

/// The fault of the unit as a whole: its depth, its number of changes, its bytes.
[[nodiscard]] std::optional<failure> beyond_limits(const unit_of_work& work);
[[nodiscard]] std::size_t changes_in(const unit_of_work& work);
/// The fault of a query: a name that no row can have, a filter that the entity does not have.
[[nodiscard]] std::optional<failure> unsound_text(std::string_view text);
[[nodiscard]] std::optional<failure> unsound_query(entity what, const record_query& query);

} // namespace furrow::storage
