/// Moves all of a SQLite database into an empty PostgreSQL one, so that a node there goes on where the SQLite one stopped.
///
/// Shape: one snapshot of the source, one transaction of the target; before it commits, both sides are compared: rows and
///   hashes table by table, of frames stream by stream, and the ledgers. A process that dies on the way leaves nothing; one
///   that dies after the commit has finished, and the next run finds both sides the same.
/// Errors: retry_later when a side is away; misconfigured, with what to do, when the source is in use or the target holds
///   something else; reject_row when the two sides are not the same (nothing is committed); in_doubt when the answer to the
///   commit was lost: run it again to learn.
/// Threads: blocks its caller.
/// Limits: memory of some blocks; the items that PostgreSQL cannot hold (storage/move/aside.hpp).
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
  std::uint64_t done = 0; // rows; frames count one by one
  std::uint64_t total = 0;
};

struct copy_outcome {
  bool known = false; // the target held all of it already
  std::uint64_t frames = 0;
  std::uint64_t rows = 0; // of all tables, blocks as one
  std::uint64_t machines = 0;
  std::uint64_t streams = 0;
  std::uint64_t quarantined = 0; // items that PostgreSQL cannot hold as what they are
  std::uint64_t left_behind = 0; // telemetry and rollups that PostgreSQL cannot date
  std::uint64_t partitions = 0;
  std::vector<std::pair<std::string, std::uint64_t>> tables;
};

/// Whether `from` can be moved: it is there, sound, of this program's migrations, and nobody has it open. `copy_database`
/// looks for itself; this is for who changes the target before.
[[nodiscard]] result<done> check_copy_source(const std::string& from, const store_options& to);

/// `from` is a file, the options' URL PostgreSQL's.
[[nodiscard]] result<copy_outcome>
copy_database(const std::string& from,
              const store_options& to,
              const std::function<void(const copy_progress&)>& progress);

} // namespace furrow::storage
