#include "actors/cluster/scope.hpp"

#include <string_view>
#include <vector>

namespace furrow::actors {

namespace {
constexpr std::string_view equipment_mark = "equipment ";
} // namespace

bool is_shared(const actor_row& row) {
  return !row.name.starts_with(equipment_mark);
}

bool may_see(const actor_row& row, const proto::link::scope& who) {
  if (is_shared(row))
    return true;
  const auto whole = std::string_view{row.name}.substr(equipment_mark.size());
  const auto slash = whole.find('/');
  return slash != std::string_view::npos && whole.substr(0, slash) == who.farm
         && who.covers(whole.substr(slash + 1));
}

void narrow(std::vector<actor_row>& rows, const proto::link::scope& who) {
  std::erase_if(rows, [&who](const auto& row) { return !may_see(row, who); });
  // What befell a shared actor may name machines of other farms.
  for (auto& row : rows)
    if (is_shared(row) && !who.watch)
      row.detail.clear();
}

} // namespace furrow::actors
