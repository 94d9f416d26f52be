/// Commands on a whole database: migrate to a step, validate, back up, restore.
///
/// Errors: retry_later when the database cannot be reached. misconfigured, with what to do, for what a person must
///   decide (a file that exists, a database that holds data, nodes that are connected).
/// Threads: every function blocks its caller: they are for command lines. Files get mode 0600.
/// Limits: a PostgreSQL backup holds the schema `furrow`, without owners and grants.
/// Source: pg_dump and pg_restore of PostgreSQL 14 to 17; sqlite3_backup_init.
#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

struct migration_wish {
  std::optional<std::uint32_t> to; // the last step to apply; absent: all that this program knows
};

/// As `store::migrate`, up to a step. With `rehearse` (a dry run) it answers the state and changes nothing.
[[nodiscard]] result<std::vector<migration_row>>
migrate_database(const store_options& options, migration_wish wish, bool rehearse);

struct hypertable_progress {
  std::string table;
  std::uint64_t blocks = 0; // of the old table
  std::uint64_t blocks_done = 0;
  std::uint64_t rows = 0;
};
using hypertable_listener = std::function<void(const hypertable_progress&)>;

struct hypertables {
  struct table {
    std::string name;
    std::uint64_t rows = 0;
  };
  std::string version;     // of the extension
  std::vector<table> made; // by this call; the others were hypertables before
};

/// The version of TimescaleDB in this database; misconfigured, with what to do next, where hypertables cannot be made.
[[nodiscard]] result<std::string> timescale_version(const store_options& options);

/// Makes telemetry and rollups hypertables of TimescaleDB, each in one transaction. A call that was interrupted leaves
/// each table as it was or done; the next call goes on. misconfigured, with what to do, without the extension.
[[nodiscard]] result<hypertables> make_hypertables(const store_options& options,
                                                   const hypertable_listener& told);

struct finding {
  std::string what; // "migrations", "objects", "rows of can_block", "ledger: lost" ...
  std::string says;
  bool sound = true;
};

/// Checks everything that must hold, also while nodes run: migrations and their checksums, the objects that they
/// created, row counts, and the rules between tables. Reads the whole database once.
[[nodiscard]] result<std::vector<finding>> validate_database(const store_options& options);

struct saved_file {
  std::uint64_t bytes = 0;
  std::string tool; // the program that wrote it: "pg_dump 15", "sqlite 3.40.1"
};

/// Writes FILE.partial, reads it back completely, then renames it to FILE. Never overwrites a file.
[[nodiscard]] result<saved_file> backup_database(const store_options& options,
                                                 const std::string& file);

/// One transaction: afterwards the database is as in the file, or unchanged. Rejects a database that holds machines
/// unless `replace`, and a database that nodes are connected to.
[[nodiscard]] result<saved_file>
restore_database(const store_options& options, const std::string& file, bool replace);

} // namespace furrow::storage
