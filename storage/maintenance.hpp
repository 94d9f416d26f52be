/// What a person does with a whole database, beside the nodes: migrate to a step, look whether it is sound, save it,
/// bring it back.
///
/// Errors: retry_later when the database cannot be reached; misconfigured, with what to do, for everything that a person
///   must decide (a file that exists, a database that holds data, nodes that are connected).
/// Threads: every function blocks its caller: they are for command lines. Files get mode 0600.
/// Limits: a backup of PostgreSQL is that of the schema `furrow`, without owners and grants.
/// Source: pg_dump and pg_restore of PostgreSQL 14 to 17; sqlite3_backup_init.
#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

struct migration_wish {
  std::optional<std::uint32_t> to; // no step above this number; nothing: all that the program knows
};

/// As `store::migrate`, but not beyond a step; `rehearse`: answers what there is and changes nothing.
[[nodiscard]] result<std::vector<migration_row>>
migrate_database(const store_options& options, migration_wish wish, bool rehearse);

struct finding {
  std::string what; // "migrations", "objects", "rows of can_block", "ledger: lost" ...
  std::string says;
  bool sound = true;
};

/// Everything that must hold of a database at rest or at work: migrations and their checksums, the objects they made,
/// the number of rows, what the tables say of each other. It reads all of it once.
[[nodiscard]] result<std::vector<finding>> validate_database(const store_options& options);

struct saved_file {
  std::uint64_t bytes = 0;
  std::string tool; // what made it: "pg_dump 15", "sqlite 3.40.1"
};

/// Writes FILE.partial, reads it back whole, and only then names it FILE; never over a file that is there.
[[nodiscard]] result<saved_file> backup_database(const store_options& options,
                                                 const std::string& file);

/// In one transaction: the database is afterwards what the file says, or what it was. Refuses a database that holds
/// machines unless `replace`, and one that nodes are connected to.
[[nodiscard]] result<saved_file>
restore_database(const store_options& options, const std::string& file, bool replace);

} // namespace furrow::storage
