#include "tools/furrowd/schema.hpp"

#include "storage/maintenance.hpp"

#include <cstdio>
#include <iostream>

namespace furrow::daemon {

int migrate_schema(const settings& settings) {
  auto options = settings.store;
  options.url = settings.database;
  options.application_name = "furrowd migrate";
  const auto steps = storage::migrate_database(options, {}, !settings.migrate);
  if (!steps) {
    std::cerr << "furrowd: " << steps.error().detail << '\n';
    return 1;
  }
  for (const auto& step : *steps) {
    if (step.applied && step.fault.empty())
      continue;
    std::cerr << "furrowd: migration " << step.number << ' ' << step.name << ": "
              << (step.fault.empty() ? "not applied; `furrow db migrate` applies it" : step.fault)
              << '\n';
    return 1;
  }
  std::cout << "ok: " << storage::redacted(settings.database) << " has all "
            << (steps->empty() ? 0 : steps->back().number) << " migrations\n";
  return 0;
}

} // namespace furrow::daemon
