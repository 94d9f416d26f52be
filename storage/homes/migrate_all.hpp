/// Migrates the main database and every other that its directory lists, one after the other.
///
/// Errors: main's failure is the answer. What another database fails with stands in its row, and the next one is tried.
/// Threads: blocks its caller: it is for command lines.
#pragma once

#include "storage/store.hpp"

#include <string>
#include <vector>

namespace furrow::storage {

struct migrated_database {
  std::string name; // in the directory
  std::string url;
  result<std::vector<migration_row>> steps;
};

/// Main first. `rehearse` answers the state and changes nothing.
[[nodiscard]] result<std::vector<migrated_database>>
migrate_all_databases(const store_options& main, bool rehearse);

} // namespace furrow::storage
