/// Moves a whole SQLite database into an empty PostgreSQL database, where a node continues all streams.
///
/// Shape: one snapshot of the source, one transaction of the target. Before the commit both sides are compared: rows
///   and hashes of each table, frames of each stream, and the ledgers. A process that dies before the commit leaves
///   nothing. After the commit the move is complete, and the next run finds both sides equal.
/// Errors: retry_later when a side is away. misconfigured, with what to do, when the source is in use or the target
///   holds other data. reject_row when the two sides differ (nothing is committed). in_doubt when the answer to the
///   commit was lost: run it again to learn.
/// Threads: blocks its caller.
/// Limits: memory of some blocks, and the items that PostgreSQL cannot store (storage/move/aside.hpp).
/// Source: storage/move/tables.hpp says what is moved.
#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::storage {

struct copy_progress {
  bool checking = false;
  std::uint64_t done = 0; // rows; each frame counts as one
  std::uint64_t total = 0;
};

struct copy_outcome {
  bool known = false; // the target held the same data already
  std::uint64_t frames = 0;
  std::uint64_t rows = 0; // of all tables; a block is one row
  std::uint64_t machines = 0;
  std::uint64_t streams = 0;
  std::uint64_t quarantined = 0; // items that PostgreSQL cannot store as what they are
  std::uint64_t left_behind = 0; // telemetry and rollups whose times PostgreSQL cannot hold
  std::uint64_t partitions = 0;
  std::vector<std::pair<std::string, std::uint64_t>> tables;
};

/// Whether `from` can be moved: it exists, is sound, has this program's migrations, and no process has it open.
/// `copy_database` checks this too; call it before changing the target.
[[nodiscard]] result<done> check_copy_source(const std::string& from, const store_options& to);

/// `from` is a SQLite file, the URL in the options is PostgreSQL's.
[[nodiscard]] result<copy_outcome>
copy_database(const std::string& from,
              const store_options& to,
              const std::function<void(const copy_progress&)>& progress);

} // namespace furrow::storage
