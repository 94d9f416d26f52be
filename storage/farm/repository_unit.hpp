/// A unit of work after its values were looked at: what a database has to do, and what was refused
/// before one was asked.
///
/// Shape: a unit whose own changes, or those of a unit inside that may not fail, are invalid is not
///   begun; what remains inside is either sound or may fail.
/// Threads: plain values.
#pragma once

#include "storage/farm/repository_check.hpp"
#include "storage/farm/repository_rows.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace furrow::storage {

struct checked_unit {
  std::vector<change> changes;
  std::vector<checked_unit> units;
  bool may_fail = false;
  std::size_t place = 0;          // of its first change
  std::vector<rejection> invalid; // not empty: it must not be begun
};

[[nodiscard]] checked_unit checked(unit_of_work work, const std::string& farm, std::size_t& place);

} // namespace furrow::storage
