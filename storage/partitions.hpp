/// Partitions of sealed frames by time: made ahead, and filled with what stands outside them.
///
/// Shape: the partitions are made under one lock of the database. When two nodes ask at once, one of them gets `busy`.
/// Units: microseconds since 1970. `at_us` is the moment that counts as now; absent: the database's.
/// Errors, threads: as storage/store.hpp. A call that ends with retry_later or in_doubt may be made again.
/// Limits: a partition is filled in one piece.
/// Source: docs/decisions/0013-care-of-time-series.md.
#pragma once

#include "storage/errc.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace furrow::storage {

struct partition_outcome {
  std::uint64_t made = 0;
  std::uint64_t moved = 0;   // rows taken out of the default partition
  std::uint64_t waiting = 0; // wanted, and not made this time: `fault` says why
  std::uint64_t stray = 0;   // rows that stand in the default partition now
  bool busy = false;         // another node was at it
  std::string fault{};
  std::string mode{}; // how sealed frames are kept apart by time, for a person; empty: they are not
};

enum class partition_width : std::uint8_t { day, week };
struct partition_plan {
  partition_width width = partition_width::week;
  std::uint32_t ahead = 4; // beside the present one
};

class partition_store {
public:
  virtual ~partition_store() = default;

  /// Makes the partitions that are wanted, and moves into them what stands in the default one.
  virtual void keep_partitions(std::optional<std::int64_t> at_us,
                               handler<partition_outcome> done) = 0;
  virtual void read_partition_plan(handler<partition_plan> done) = 0;
  virtual void set_partition_plan(partition_plan plan, handler<furrow::done> done) = 0;
};

} // namespace furrow::storage
