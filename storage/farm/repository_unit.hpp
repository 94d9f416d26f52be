/// A checked unit of work: what the database has to do, and the rejections found without a
/// database.
///
/// Shape: a unit is not begun when its own changes, or those of an inner unit that may not fail,
///   are invalid. The remaining inner units are valid or may fail.
/// Threads: plain values.
#pragma once

#include "storage/farm/repository_check.hpp"
#include "storage/farm/repository_rows.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::storage {

struct checked_unit {
  std::vector<change> changes;
  std::vector<checked_unit> units;
  bool may_fail = false;
  std::optional<author> by;       // an inner unit has that of the outermost
  std::size_t place = 0;          // number of its first change
  std::vector<rejection> invalid; // not empty: the unit must not be begun
};

/// The changes of a farm that name an unknown time zone. UTC is always known.
[[nodiscard]] std::vector<rejection>
unknown_zones(const checked_unit& unit, const std::function<bool(const std::string&)>& known);

[[nodiscard]] checked_unit checked(unit_of_work work, const std::string& farm, std::size_t& place);

} // namespace furrow::storage
