#include "storage/farm/repository_unit.hpp"

namespace furrow::storage {

checked_unit checked(unit_of_work work, const std::string& farm, std::size_t& place) {
  checked_unit made;
  made.may_fail = work.may_fail;
  made.place = place;
  made.by = work.by;
  made.changes = std::move(work.changes);
  for (auto& one : made.changes) {
    // A farm's row is created with its credential.
    if (one.action == action::upsert && entity_of(one.row) == entity::farm)
      one.action = action::update;
    if (auto why = prepare(one, farm, place++))
      made.invalid.push_back(std::move(*why));
  }
  for (auto& unit : work.units) {
    unit.by = work.by;
    made.units.push_back(checked(std::move(unit), farm, place));
    const auto& inner = made.units.back();
    if (!inner.may_fail)
      made.invalid.insert(made.invalid.end(), inner.invalid.begin(), inner.invalid.end());
  }
  return made;
}

} // namespace furrow::storage
