/// Checks a database for what is known to go wrong in use: settings of the server, limits, clocks, room on the disk.
///
/// Shape: `examine_database` reads facts and judges them. The judgements are plain functions of the facts. A remark is
///   one line: what was looked at, whether it is well, what was found, and what to do next.
/// Units: bytes, seconds.
/// Errors: retry_later when the database cannot be reached. A fact that the role may not read is not judged.
/// Threads: blocks its caller: it is for a command line. It changes no data, and reads no frames. To time a commit it
///   writes a few empty messages into the WAL of PostgreSQL, which nobody reads.
/// Source: docs/operations/doctor.md.
#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

enum class remark_level : std::uint8_t { ok = 0, warning = 1, failed = 2 };
[[nodiscard]] std::string_view to_string(remark_level of);

struct remark {
  std::string what; // "locks", "connections" ...
  remark_level level = remark_level::ok;
  std::string says;
  std::string next = {}; // what to do; empty when it is well
};

/// What the nodes that use the database are started with.
struct node_wishes {
  unsigned nodes = 1;
  unsigned lanes = 2;
  unsigned pool_max = 8;
  unsigned pool_overflow = 4;

  [[nodiscard]] std::uint64_t connections() const;
};

enum class pooler_kind : std::uint8_t { none = 0, sessions = 1, transactions = 2 };

struct postgres_facts {
  std::string version;
  std::uint64_t major = 15; // of the version
  pooler_kind pooler = pooler_kind::none;
  std::uint64_t max_locks = 64; // max_locks_per_transaction
  std::uint64_t max_connections = 100;
  std::uint64_t prepared_max = 0; // max_prepared_transactions
  std::uint64_t reserved = 3;     // for superusers
  std::optional<std::uint64_t> role_limit;
  std::optional<std::uint64_t> database_limit;
  std::uint64_t connected = 0; // of all programs
  std::uint64_t partitions = 0;
  std::uint64_t partitions_wanted = 0; // that should be there and are not
  std::string timescale;               // its version, where telemetry and rollups are hypertables
  std::uint64_t timescale_failed = 0;  // jobs for them whose last run failed
  bool fsync = true;
  bool full_page_writes = true;
  std::string synchronous_commit = "on"; // as a session of this role begins
  bool jit = true;
  std::uint64_t max_wal_bytes = 1ULL << 30U;
  std::optional<std::int64_t> archiver_fails_since_s; // without a success after it
  std::uint64_t idle_slots = 0;                       // replication slots that nobody reads
  std::optional<double> longest_transaction_s;
  double clock_ahead_s = 0; // of the database, compared with this machine
  std::optional<double>
    commit_ms; // of a small transaction, at half of several; nothing on a standby
  std::uint64_t database_bytes = 0;
  std::optional<std::uint64_t> disk_bytes; // of the data folder, where it is on this machine
  std::optional<std::uint64_t> disk_free_bytes;
};

[[nodiscard]] std::vector<remark> remarks_on(const postgres_facts& facts, const node_wishes& nodes);
[[nodiscard]] remark remark_on_migrations(const std::vector<migration_row>& rows);
[[nodiscard]] remark remark_on_disk(std::uint64_t bytes, std::uint64_t free_bytes);

[[nodiscard]] result<std::vector<remark>> examine_database(const store_options& options,
                                                           const node_wishes& nodes);

} // namespace furrow::storage
