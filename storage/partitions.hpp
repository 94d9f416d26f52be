/// Time partitions of sealed frames and of telemetry: creates them ahead, and moves rows into them from the default partition.
///
/// Shape: one database lock guards the work. When two nodes ask at once, one of them gets `busy`.
/// Units: microseconds since 1970. `at_us` is the time that counts as now; absent: the database's time.
/// Errors, threads: as storage/store.hpp. A call that ends with retry_later or in_doubt may be repeated.
/// Limits: one transaction fills a partition.
/// Source: docs/decisions/0013-care-of-time-series.md.
#pragma once

#include "storage/errc.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace furrow::storage {

struct partition_outcome {
  std::uint64_t made = 0;
  std::uint64_t moved = 0;   // rows moved out of the default partition
  std::uint64_t waiting = 0; // wanted, not created this time: `fault` says why
  std::uint64_t stray = 0;   // rows of sealed frames in the default partition now
  bool busy = false;         // another node was doing this
  std::string fault{};
  std::string mode{}; // how sealed frames are partitioned, for display; empty: not at all
};

enum class partition_width : std::uint8_t { day, week };
struct partition_plan {
  partition_width width = partition_width::week;
  std::uint32_t ahead = 4; // after the present one
};

class partition_store {
public:
  virtual ~partition_store() = default;

  /// Creates the wanted partitions, and moves rows from the default partition into them.
  virtual void keep_partitions(std::optional<std::int64_t> at_us,
                               handler<partition_outcome> done) = 0;
  virtual void read_partition_plan(handler<partition_plan> done) = 0;
  virtual void set_partition_plan(partition_plan plan, handler<furrow::done> done) = 0;
};

} // namespace furrow::storage
