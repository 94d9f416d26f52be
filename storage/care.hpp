/// The care of what grows with time: partitions made ahead, what each farm keeps and what goes, and
/// how large everything is.
///
/// Shape: a connection of its own (`store::open_care`). What takes numbers away does so under one
///   lock of the database: two nodes may ask at once, one of them is told `busy`. Whatever a call has committed stays so.
/// Units: microseconds since 1970; days of 24 hours. `at_us` is the moment that counts as now; absent: the database's.
/// Errors, threads: as storage/store.hpp. A call that ends with retry_later or in_doubt may be made again.
/// Limits: a batch of retention is chunks_a_batch chunks or rows_a_batch rows; a partition moves or goes in one piece.
/// Source: docs/decisions/0013-care-of-time-series.md.
#pragma once

#include "storage/statistics.hpp"
#include "storage/store.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

inline constexpr std::int32_t chunks_a_batch = 64;
inline constexpr std::int32_t rows_a_batch = 10'000;
inline constexpr std::uint32_t keep_days_max = 36'500;

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

enum class data_kind : std::uint8_t { frames, records, telemetry, rollup };
[[nodiscard]] std::string_view to_string(data_kind kind);
[[nodiscard]] std::optional<data_kind> data_kind_of(std::string_view name);

struct retention_rule {
  std::string farm; // empty: every farm without a rule of its own for this kind
  data_kind kind = data_kind::frames;
  std::optional<std::uint32_t> keep_days; // nothing: for ever
};

/// What retention would take from a farm.
struct retention_loss {
  std::string farm;
  data_kind kind = data_kind::frames;
  std::int64_t cutoff_us = 0; // what is older goes
  std::uint64_t rows = 0;
  std::uint64_t items = 0; // numbers that the ledger then counts as expired
  std::uint64_t bytes = 0; // as stored, without indexes
  std::int64_t oldest_us = 0;
  std::int64_t newest_us = 0;
};

struct retention_preview {
  std::vector<retention_loss> losses;
  std::vector<std::string> partitions; // that would go as a whole
};

struct expire_request {
  std::optional<std::int64_t> at_us = {};
  std::chrono::milliseconds pause{0}; // after each transaction, so that others have the disk
  std::uint32_t steps_max = 0;        // transactions, then answer; 0: when nothing is left
};

struct expire_outcome {
  std::uint64_t partitions = 0; // dropped as a whole
  std::uint64_t chunks = 0;     // rows of frames: chunks, or blocks where nothing is sealed
  std::uint64_t frames = 0;
  std::uint64_t records = 0;
  std::uint64_t telemetry = 0; // rows
  std::uint64_t rollup = 0;    // rows
  std::uint64_t waiting = 0;   // partitions that could not be dropped because they were in use
  bool busy = false;           // another was at it
  bool more = false;           // steps_max was met
};

class care_lane {
public:
  virtual ~care_lane() = default;

  /// Makes the partitions that are wanted, and moves into them what stands in the default one.
  /// Where there are no partitions nothing is done.
  virtual void keep_partitions(std::optional<std::int64_t> at_us,
                               handler<partition_outcome> done) = 0;
  /// misconfigured where there are no partitions.
  virtual void read_partition_plan(handler<partition_plan> done) = 0;
  virtual void set_partition_plan(partition_plan plan, handler<furrow::done> done) = 0;

  virtual void list_retention(handler<std::vector<retention_rule>> done) = 0;
  /// not_found: no such farm.
  virtual void set_retention(retention_rule rule, handler<furrow::done> done) = 0;
  /// Back to what holds for every farm; not_found when there is no such rule.
  virtual void clear_retention(std::string farm, data_kind kind, handler<furrow::done> done) = 0;
  virtual void preview_retention(std::optional<std::int64_t> at_us,
                                 handler<retention_preview> done) = 0;
  virtual void expire(expire_request request, handler<expire_outcome> done) = 0;

  virtual void statistics(std::uint32_t machines_max, handler<database_statistics> done) = 0;
};

} // namespace furrow::storage
