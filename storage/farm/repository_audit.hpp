/// What the audit log says of a unit of work.
///
/// Shape: a row for each change, with the values before and after; one row with the number of changes for a unit of more
///   than unit_notes_max. A text of more than noted_value_bytes_max is left out, with its size in its place.
/// Threads: pure functions.
#pragma once

#include "storage/farm/repositories.hpp"
#include "storage/farm/repository_unit.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace furrow::storage {

inline constexpr std::size_t noted_value_bytes_max = 4U << 10U;

/// Whether each change of the unit itself has a row of its own, for which the values before must be read.
[[nodiscard]] bool notes_each_change(const checked_unit& unit);
[[nodiscard]] audit_row note_of(const author& by,
                                const std::string& farm,
                                const change& made,
                                const std::optional<record>& before);
/// Of a unit that does not note each change.
[[nodiscard]] audit_row note_of(const checked_unit& unit, const std::string& farm);

} // namespace furrow::storage
