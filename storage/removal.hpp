/// Removal of a machine's or a stream's items by a person.
///
/// Shape: the numbers of what is removed count as expired in the ledger, so that it still accounts for every number. Rows
///   of the machine, its streams and watermarks stay: a gateway that connects again goes on after its watermark, and
///   nothing is stored twice. A machine of which nothing is left is not listed until something is stored again. What is
///   stored while a removal runs stays. Rollups and telemetry go with the machine, not with a single
///   stream; faults of the bus go with their stream.
/// Units: microseconds since 1970.
/// Errors: not_found names the machine or stream; retry_later also when retention or another removal is at work. A call
///   that failed may be made again: what a step has committed stays done.
/// Threads: as storage/store.hpp.
/// Limits: a step is chunks_a_batch chunks or rows_a_batch rows.
#pragma once

#include "can/frame/stream.hpp"
#include "storage/errc.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

struct author; // storage/identity/audit.hpp

struct removal {
  std::string farm; // empty: the only farm that has a machine of this name
  std::string equipment;
  std::optional<can::stream_id> stream; // nothing: the machine with all of its streams
};

struct removal_outcome {
  std::string farm;
  std::uint64_t streams = 0;
  std::uint64_t frames = 0;
  std::uint64_t records = 0; // of all kinds, and items in quarantine
  std::uint64_t telemetry = 0;
  std::uint64_t rollup = 0;
};

class removal_store {
public:
  virtual ~removal_store() = default;

  /// What a removal would take now.
  virtual void preview_removal(removal what, handler<removal_outcome> done) = 0;
  /// Removes, and notes it in the audit log, under `by`, with the counts as detail.
  virtual void remove(removal what, author by, handler<removal_outcome> done) = 0;
};

/// "3 streams, 120000 frames, 5 records, 3600 telemetry rows, 900 rollups".
[[nodiscard]] std::string to_text(const removal_outcome& of);

} // namespace furrow::storage
