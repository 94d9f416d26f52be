#include "storage/sqlite/retention/cutoffs.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace furrow::storage::sqlite_work {

namespace {

constexpr std::int64_t day_us = std::int64_t{24} * 3'600'000'000;

/// The rule that holds for a farm.
struct farm_rule {
  std::int64_t farm = 0;
  std::string name;
  std::optional<std::int64_t> days; // absent: for ever
  bool of_kind = true;              // of the kind itself, not of the one that stands for it
};

/// The farm's rule of this kind, its rule of `wider`, then the same rules of all farms: the first that is set counts. Farms
/// without any are left out. `wish`: a rule that is not set, taken as if it were.
std::vector<farm_rule>
rules_of(sqlite_db& db, data_kind kind, data_kind wider, const retention_rule* wish) {
  struct ranked {
    std::int64_t farm = 0;
    std::string name;
    std::array<std::optional<std::optional<std::int64_t>>, 4> days{}; // set to nothing: for ever
  };
  const auto rank = [&](bool all_farms, bool of_kind) {
    return (all_farms ? 2U : 0U) + (of_kind ? 0U : 1U);
  };
  std::vector<ranked> farms;
  auto rows = db.statement(
    "select f.id, f.name, r.kind, r.farm_id is null, r.keep_days from farm f left join retention r "
    "on r.kind in (?1, ?2) and (r.farm_id = f.id or r.farm_id is null) order by f.name");
  rows.with(to_string(kind), to_string(wider));
  while (rows.step()) {
    if (farms.empty() || farms.back().farm != rows.integer(0))
      farms.push_back({rows.integer(0), std::string{rows.bytes(1)}, {}});
    if (!rows.null(2))
      farms.back().days[rank(rows.integer(3) != 0, rows.bytes(2) == to_string(kind))] =
        rows.null(4) ? std::nullopt : std::optional{rows.integer(4)};
  }
  const bool about_this = wish != nullptr && (wish->kind == kind || wish->kind == wider);
  std::vector<farm_rule> out;
  for (auto& farm : farms) {
    if (about_this && (wish->farm.empty() || wish->farm == farm.name))
      farm.days[rank(wish->farm.empty(), wish->kind == kind)] =
        wish->keep_days ? std::optional<std::int64_t>{*wish->keep_days} : std::nullopt;
    const auto first =
      std::ranges::find_if(farm.days, [](const auto& days) { return days.has_value(); });
    if (first != farm.days.end())
      out.push_back(
        {farm.farm, std::move(farm.name), **first, (first - farm.days.begin()) % 2 == 0});
  }
  return out;
}

} // namespace

std::vector<cutoff>
cutoffs(sqlite_db& db, data_kind kind, std::int64_t at_us, const retention_rule* wish) {
  std::vector<cutoff> out;
  const auto times = std::int64_t{times_telemetry(kind)};
  auto rules = rules_of(db, kind, times == 0 ? kind : data_kind::telemetry, wish);
  for (auto& farm : rules)
    if (farm.days)
      out.push_back({farm.farm, std::move(farm.name),
                     at_us - *farm.days * (farm.of_kind ? 1 : times) * day_us, kind});
  return out;
}

std::vector<cutoff>
record_cutoffs(sqlite_db& db, data_kind kind, std::int64_t at_us, const retention_rule* wish) {
  std::vector<cutoff> out;
  for (auto& farm : rules_of(db, kind, data_kind::records, wish))
    if (farm.days)
      out.push_back({farm.farm, std::move(farm.name), at_us - *farm.days * day_us,
                     farm.of_kind ? kind : data_kind::records});
  return out;
}

} // namespace furrow::storage::sqlite_work
