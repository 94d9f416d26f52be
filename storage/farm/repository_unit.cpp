#include "storage/farm/repository_unit.hpp"

namespace furrow::storage {

std::vector<rejection> unknown_zones(const checked_unit& unit,
                                     const std::function<bool(const std::string&)>& known) {
  std::vector<rejection> out;
  for (std::size_t i = 0; i < unit.changes.size(); ++i) {
    const auto* farm = std::get_if<farm_record>(&unit.changes[i].row);
    if (farm == nullptr || farm->time_zone == "UTC" || known(farm->time_zone))
      continue;
    auto& why = out.emplace_back();
    why.entity = entity::farm;
    why.name = farm->name;
    why.place = unit.place + i;
    why.field = "time_zone";
    why.value = "is \"" + farm->time_zone + "\"";
    why.limit = "it is a name of the IANA time zone database, such as Europe/Berlin";
  }
  for (const auto& inner : unit.units) {
    auto more = unknown_zones(inner, known);
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

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
