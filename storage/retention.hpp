/// Retention: how long each farm keeps what, and what goes.
///
/// Shape: expiry runs under one lock of the database. When two nodes ask at once, one of them gets `busy`. What a call
///   has committed stays done.
/// Units: microseconds since 1970; days of 24 hours. `at_us` is the moment that counts as now; absent: the database's.
/// Errors, threads: as storage/store.hpp. A call that ends with retry_later or in_doubt may be made again.
/// Limits: a batch is chunks_a_batch chunks or rows_a_batch rows; a partition goes in one piece.
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

class retention_store {
public:
  virtual ~retention_store() = default;

  virtual void list_retention(handler<std::vector<retention_rule>> done) = 0;
  /// not_found: no such farm.
  virtual void set_retention(retention_rule rule, handler<furrow::done> done) = 0;
  /// Back to what holds for every farm; not_found when there is no such rule.
  virtual void clear_retention(std::string farm, data_kind kind, handler<furrow::done> done) = 0;
  virtual void preview_retention(std::optional<std::int64_t> at_us,
                                 handler<retention_preview> done) = 0;
  /// What the rules would take now if this one were set; not_found: no such farm. Nothing is changed.
  virtual void preview_rule(retention_rule rule, handler<retention_preview> done) = 0;
  virtual void expire(expire_request request, handler<expire_outcome> done) = 0;
};

} // namespace furrow::storage
