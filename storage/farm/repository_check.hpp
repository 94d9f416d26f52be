/// What a change may hold: every field and its limit, checked before the database is asked.
///
/// Shape: `prepare` checks, and brings a row to the form that is stored: boundary and attributes in
///   shortest JSON, area and box computed.
/// Errors: the first field that is beyond its limit, as a rejection that names field, value, limit.
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
inline constexpr std::size_t token_equipment_max = 256;

inline constexpr std::array<std::string_view, 13> equipment_kinds{
  "unknown", "tractor", "implement", "combine", "sprayer",        "seeder", "spreader",
  "baler",   "forager", "mower",     "truck",   "sensor_station", "other"};
inline constexpr std::array<std::string_view, 4> equipment_statuses{"active", "idle", "maintenance",
                                                                    "retired"};

/// Nothing when the change may be tried.
[[nodiscard]] std::optional<rejection>
prepare(change& wanted, const std::string& farm, std::size_t place);

/// What speaks against the work as a whole: its depth, its changes, its bytes.
[[nodiscard]] std::optional<failure> beyond_limits(const unit_of_work& work);
[[nodiscard]] std::size_t changes_in(const unit_of_work& work);
/// What no statement may be asked with: a name that no row can have, a filter that the entity has not.
[[nodiscard]] std::optional<failure> unsound_text(std::string_view text);
[[nodiscard]] std::optional<failure> unsound_query(entity what, const record_query& query);

} // namespace furrow::storage
