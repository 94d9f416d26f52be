/// Results of checks of the databases, for nodes that no gateway keeps busy: they count as work with the database does.
///
/// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace furrow::actors {

struct check_result {
  bool up = false;
  std::string why = {};       // the error when the database does not answer
  std::uint64_t timeline = 0; // of its server, as storage::store_health has it
};

class database_checks {
public:
  database_checks() = default;
  database_checks(const database_checks&) = delete;
  database_checks& operator=(const database_checks&) = delete;
  virtual ~database_checks() = default;

  /// Of the database with this index in storage/homes/home_stores.hpp.
  virtual void note_check(std::size_t home, const check_result& found) = 0;
};

} // namespace furrow::actors
