/// Decides what becomes of frames that come back from an archive under their old numbers: which are stored, which are known
/// and must be the same, and which may not come back.
///
/// Shape: what the database says of the stream between the first and the last number goes in, a plan or the reason against
///   it comes out. A stream that a gateway has claimed here is only filled up to its watermark; one that nobody has claimed
///   (epoch 0) grows with its archives, and numbers between them are noted as let go.
/// Errors: reject_row, in one line, for a number that stands for something else here or is the gateway's to send.
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
  number_ranges frames; // stored as frames, of the numbers asked about
  number_ranges others; // stored as records, quarantined or dropped
  /// PostgreSQL: from the first to the last number of each chunk, and where fresh blocks begin; new chunks come between.
  number_ranges chunks;
  std::uint64_t sealed_to = UINT64_MAX;
  std::optional<std::uint64_t> fresh_from;
};

struct return_plan {
  std::vector<std::vector<frame_run>> groups; // to be stored; no stored frame lies within a group
  number_ranges stored;                       // their numbers
  number_ranges known;                        // must be the same here
  number_ranges holes;                        // of a stream that grows: in no archive yet
  std::uint64_t watermark = 0;                // the stream's afterwards
};

/// Runs in order of seq, without overlap, not empty.
[[nodiscard]] result<return_plan> plan_return(const std::vector<frame_run>& runs,
                                              const stream_facts& facts);

[[nodiscard]] number_ranges numbers_of(const std::vector<frame_run>& runs);

/// Compares stored frames with those that come back.
class return_check {
public:
  /// Only the `known` numbers count.
  return_check(const std::vector<frame_run>& runs, const number_ranges& known)
    : runs_{runs}, known_{known} {}
  /// A run as it is stored, in order of seq.
  void add(const frame_run& stored);
  /// Nothing: all known numbers were met, and are the same.
  [[nodiscard]] std::optional<failure> fault() const;

private:
  const std::vector<frame_run>& runs_;
  const number_ranges& known_;
  std::uint64_t met_ = 0;
  std::uint64_t unlike_ = 0; // the first number whose frame is another
};

} // namespace furrow::storage
