#include "tools/furrowd/schema.hpp"

#include "storage/homes/migrate_all.hpp"

#include <cstdio>
#include <iostream>

namespace furrow::daemon {

namespace {

/// Says on standard error what is wrong with the schema; true: nothing. `may_wait`: a node migrates it when it answers.
bool is_sound(const storage::migrated_database& database, bool may_wait) {
  const auto url = storage::redacted(database.url);
  if (!database.steps) {
    const bool waits = may_wait && database.steps.code() == storage::errc::retry_later;
    std::cerr << "furrowd: " << url << ": " << database.steps.error().detail
              << (waits ? "; a node migrates it when it answers" : "") << '\n';
    return waits;
  }
  for (const auto& step : *database.steps) {
    if (step.applied && step.fault.empty())
      continue;
    std::cerr << "furrowd: " << url << ": migration " << step.number << ' ' << step.name << ": "
              << (step.fault.empty() ? "not applied; `furrow db migrate` applies it" : step.fault)
              << '\n';
    return false;
  }
  std::cout << "ok: " << url << " has all "
            << (database.steps->empty() ? 0 : database.steps->back().number) << " migrations\n";
  return true;
}

} // namespace

int migrate_schema(const settings& settings) {
  auto options = settings.store;
  options.url = settings.database;
  options.application_name = "furrowd migrate";
  const auto databases = storage::migrate_all_databases(options, !settings.migrate);
  if (!databases) {
    std::cerr << "furrowd: " << databases.error().detail << '\n';
    return 1;
  }
  bool sound = true;
  for (const auto& each : *databases)
    sound = is_sound(each, settings.migrate) && sound;
  return sound ? 0 : 1;
}

} // namespace furrow::daemon
