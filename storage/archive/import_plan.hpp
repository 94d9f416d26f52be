/// Decides for frames from an archive which are stored, which are stored already and must be equal, and which are
/// rejected.
///
/// Shape: input is what the database holds between the first and the last number; output is a plan or the reason
///   against it. A stream that a gateway has claimed is filled only up to its watermark. A stream that no gateway has
///   claimed (epoch 0) grows with its archives, and the numbers between archives are recorded as expired.
/// Errors: reject_row, in one line, for a number that belongs to another item here, or that its gateway has yet to
///   send.
/// Threads: pure functions, plain values.
/// Source: docs/decisions/0014-archives-come-back.md.
#pragma once

#include "storage/archive/number_ranges.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace furrow::storage {

struct stream_facts {
  std::uint64_t watermark = 0;
  bool claimed = false;
  number_ranges frames; // stored as frames, among the requested numbers
  number_ranges others; // stored as records, quarantined or dropped
  /// PostgreSQL: first and last number of each chunk, and where fresh blocks begin; new chunks fit between chunks.
  number_ranges chunks;
  std::uint64_t sealed_to = UINT64_MAX;
  std::optional<std::uint64_t> fresh_from;
};

struct return_plan {
  std::vector<std::vector<frame_run>> groups; // to be stored; a group spans no stored frame
  number_ranges stored;                       // their numbers
  number_ranges known;                        // must be equal here
  number_ranges holes;                        // of a growing stream: in no archive yet
  std::uint64_t watermark = 0;                // the stream's watermark after the import
};

/// Runs in order of seq, without overlap, not empty.
[[nodiscard]] result<return_plan> plan_return(const std::vector<frame_run>& runs,
                                              const stream_facts& facts);

[[nodiscard]] number_ranges numbers_of(const std::vector<frame_run>& runs);

/// Compares stored frames with the archive's.
class return_check {
public:
  /// Compares only the `known` numbers.
  return_check(const std::vector<frame_run>& runs, const number_ranges& known)
    : runs_{runs}, known_{known} {}
  /// A run as it is stored, in order of seq.
  void add(const frame_run& stored);
  /// Absent: all known numbers were read and are equal.
  [[nodiscard]] std::optional<failure> fault() const;

private:
  const std::vector<frame_run>& runs_;
  const number_ranges& known_;
  std::uint64_t met_ = 0;
  std::uint64_t unlike_ = 0; // the first number whose frame differs
};

} // namespace furrow::storage
