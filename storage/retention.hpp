/// Retention: how long each farm keeps each kind of data, and the deletion of older data.
///
/// Shape: one database lock guards deletion. When two nodes ask at once, one of them gets `busy`. Committed work of a
///   call stays.
/// Units: microseconds since 1970; days of 24 hours. `at_us` is the time that counts as now; absent: the database's
///   time.
/// Errors, threads: as storage/store.hpp. A call that ends with retry_later or in_doubt may be repeated.
/// Limits: a batch is chunks_a_batch chunks or rows_a_batch rows; a partition is dropped whole.
/// Source: docs/decisions/0013-care-of-time-series.md.
#pragma once

#include "storage/errc.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

inline constexpr std::int32_t chunks_a_batch = 64;
inline constexpr std::int32_t rows_a_batch = 10'000;
inline constexpr std::uint32_t keep_days_max = 36'500;

/// `records`: records of every kind without a rule of its own; from `sensor` on: records of that kind (`other`: of no known
/// kind). `fault` also holds for faults of the bus. A farm's own rules come before those for every farm, and then the rule of the kind before that for all records.
enum class data_kind : std::uint8_t {
  frames,
  records,
  telemetry,
  rollup,
  sensor,
  yield,
  tokens,
  fault,
  other,
  telemetry_10s, // of each 10 s that has left telemetry, the first row
  telemetry_1m   // of each minute that has left telemetry_10s, the first row
};
/// A coarser tier without a rule of its own is kept so many times as long as telemetry; 0: another kind.
[[nodiscard]] constexpr std::uint32_t times_telemetry(data_kind kind) {
  return kind == data_kind::telemetry_10s ? 10 : kind == data_kind::telemetry_1m ? 60 : 0;
}
[[nodiscard]] std::string_view to_string(data_kind kind);
[[nodiscard]] std::optional<data_kind> data_kind_of(std::string_view name);

struct retention_rule {
  std::string farm; // empty: every farm without its own rule for this kind
  data_kind kind = data_kind::frames;
  std::optional<std::uint32_t> keep_days; // absent: for ever
};

/// What retention would delete from a farm.
struct retention_loss {
  std::string farm;
  data_kind kind = data_kind::frames;
  std::int64_t cutoff_us = 0; // older data is deleted
  std::uint64_t rows = 0;
  std::uint64_t items = 0; // numbers that the ledger will count as expired
  std::uint64_t bytes = 0; // as stored, without indexes
  std::int64_t oldest_us = 0;
  std::int64_t newest_us = 0;
};

struct retention_preview {
  std::vector<retention_loss> losses;
  std::vector<std::string> partitions; // that would be dropped whole
};

struct expire_request {
  std::optional<std::int64_t> at_us = {};
  std::chrono::milliseconds pause{0}; // after each transaction, so that others can use the disk
  std::uint32_t steps_max = 0;        // transactions in one call; 0: until nothing is left
};

struct expire_outcome {
  std::uint64_t partitions = 0; // dropped whole
  std::uint64_t chunks = 0;     // rows of frames: chunks, or blocks in SQLite
  std::uint64_t frames = 0;
  std::uint64_t records = 0;
  std::uint64_t telemetry = 0; // rows of all tiers
  std::uint64_t rollup = 0;    // rows
  std::uint64_t faults = 0;    // of the bus
  std::uint64_t waiting = 0;   // partitions that were in use and could not be dropped
  bool busy = false;           // another node was doing this
  bool more = false;           // steps_max was reached
};

class retention_store {
public:
  virtual ~retention_store() = default;

  virtual void list_retention(handler<std::vector<retention_rule>> done) = 0;
  /// not_found: no such farm.
  virtual void set_retention(retention_rule rule, handler<furrow::done> done) = 0;
  /// Restores the rule of all farms; not_found when the farm has no such rule.
  virtual void clear_retention(std::string farm, data_kind kind, handler<furrow::done> done) = 0;
  virtual void preview_retention(std::optional<std::int64_t> at_us,
                                 handler<retention_preview> done) = 0;
  /// What the rules would take now if this one were set; not_found: no such farm. Nothing is changed.
  virtual void preview_rule(retention_rule rule, handler<retention_preview> done) = 0;
  virtual void expire(expire_request request, handler<expire_outcome> done) = 0;
};

} // namespace furrow::storage
