#include "tools/furrowd/databases.hpp"

#include "tools/furrowd/identity.hpp"

#include <algorithm>
#include <utility>

namespace furrow::daemon {

storage::result<std::shared_ptr<storage::home_stores>>
open_databases(const settings& settings, const can::stream_id& incarnation) {
  auto options = settings.store;
  options.url = settings.database;
  options.for_node = true;
  options.incarnation = incarnation;
  options.application_name = application_name(settings.node.name, incarnation);
  auto main = storage::open_store(options);
  if (!main)
    return main.error();
  const auto open = [options](const storage::database_row& row) {
    auto other = options;
    other.url = row.url;
    other.pool.min = std::min(other.pool.min, 1U); // people ask about few of its farms
    return storage::open_store(other);
  };
  return storage::make_home_stores(std::move(*main), open, settings.migrate);
}

} // namespace furrow::daemon
