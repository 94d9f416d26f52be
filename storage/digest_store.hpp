/// What the digest asks of a database: which streams have moved on, their frames, and that rows, state and place
/// become one.
///
/// Errors, threads: as storage/store.hpp. A commit that is in doubt needs no care: whoever asks again is told where the
///   digest of the stream stands.
/// Source: docs/decisions/0011-digest-follows-the-watermark.md.
#pragma once

#include "can/live/stream_digest.hpp"
#include "storage/errc.hpp"
#include "storage/frames.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

/// A stream whose digest stands before its watermark.
struct digest_stream {
  std::int32_t stream = 0;
  std::int32_t equipment = 0;
  std::uint64_t digested = 0;
  std::uint64_t durable = 0;
  std::vector<std::uint8_t> state;       // saved at `digested`; empty at the beginning
  std::optional<std::int64_t> oldest_us; // time of the first frames that wait
  std::string farm = {};                 // of the machine
  std::string name = {};
};

/// Items (after, up_to] of a stream.
struct digest_span {
  std::int32_t stream = 0;
  std::uint64_t after = 0;
  std::uint64_t up_to = 0;
};

/// Frames of a stream up to `to`; numbers between the runs are no frames, or gone.
struct digest_page {
  std::vector<frame_run> runs;
  std::uint64_t to = 0;
};

struct digest_commit {
  std::int32_t stream = 0;
  std::int32_t equipment = 0;
  std::uint64_t from = 0; // the place that the digest must have
  std::uint64_t to = 0;
  std::vector<std::uint8_t> state;
  can::digest_rows rows; // signals as numbers of the database
};

/// For one transaction: commits of different streams of different machines.
using digest_batch = std::vector<digest_commit>;

/// A signal as the digest decodes it.
struct digest_signal {
  std::string name;       // Message.Signal
  std::string definition; // storage::definitions_of: whatever has the same decodes alike
};

class digest_store {
public:
  virtual ~digest_store() = default;

  /// The next ones by row id after `after`, at most `count`.
  virtual void
  pending(std::int32_t after, std::size_t count, handler<std::vector<digest_stream>> done) = 0;
  /// A page of each: all of its items, or those at the beginning that fit the page. All pages
  /// together have the size that a single one may have.
  virtual void read(std::vector<digest_span> spans, handler<std::vector<digest_page>> done) = 0;
  /// Of each: false when the digest of that stream stands elsewhere by now, and nothing of it was
  /// changed.
  virtual void commit(std::shared_ptr<const digest_batch> what,
                      handler<std::vector<bool>> done) = 0;
  /// The numbers of these names, made where they are missing; in order. Notes that rollups are made by these
  /// definitions from now on (PostgreSQL, whose furrow.signal_bucket wants to know).
  virtual void signal_ids(std::vector<digest_signal> signals,
                          handler<std::vector<std::int32_t>> done) = 0;
};

} // namespace furrow::storage
