#include "storage/homes/migrate_all.hpp"

#include "storage/homes/directory.hpp"
#include "storage/maintenance.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <utility>

namespace furrow::storage {

namespace {

constexpr std::chrono::seconds list_patience{60};

bool is_current(const std::vector<migration_row>& steps) {
  return std::all_of(steps.begin(), steps.end(),
                     [](const auto& step) { return step.applied && step.fault.empty(); });
}

result<std::vector<database_row>> listed_databases(const store_options& main) {
  const auto store = open_store(main);
  if (!store)
    return store.error();
  auto* const directory = (*store)->directory();
  if (directory == nullptr)
    return std::vector<database_row>{};
  using rows = result<std::vector<database_row>>;
  const auto said = std::make_shared<std::promise<rows>>();
  auto answer = said->get_future();
  directory->list_databases([said](rows listed) { said->set_value(std::move(listed)); });
  if (answer.wait_for(list_patience) != std::future_status::ready)
    return failure{errc::retry_later, "the main database did not list the others"};
  return answer.get();
}

} // namespace

result<std::vector<migrated_database>> migrate_all_databases(const store_options& main,
                                                             bool rehearse) {
  auto steps = migrate_database(main, {}, rehearse);
  if (!steps)
    return steps.error();
  const bool knows_others = is_current(*steps);
  std::vector<migrated_database> out;
  out.push_back({std::string{main_database}, main.url, std::move(steps)});
  if (!knows_others)
    return out;
  const auto listed = listed_databases(main);
  if (!listed)
    return listed.error();
  for (const auto& each : *listed) {
    if (each.name == main_database)
      continue;
    auto options = main;
    options.url = each.url;
    out.push_back({each.name, each.url, migrate_database(options, {}, rehearse)});
  }
  return out;
}

} // namespace furrow::storage
