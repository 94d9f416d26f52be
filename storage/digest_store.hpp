/// What the digest needs from a database: streams with new items, their frames, and one commit of rows, state and
/// place.
///
/// Errors, threads: as storage/store.hpp. After a commit in doubt, ask again: the answer gives the digest's place in
///   the stream.
/// Source: docs/decisions/0011-digest-follows-the-watermark.md.
#pragma once

#include "can/frame/stream.hpp"
#include "can/live/stream_digest.hpp"
#include "storage/errc.hpp"
#include "storage/frames.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

/// A stream whose digest is behind its watermark.
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

/// Frames of a stream up to `to`. A number between the runs has no frame, or its frame has expired.
struct digest_page {
  std::vector<frame_run> runs;
  std::uint64_t to = 0;
};

struct digest_commit {
  std::int32_t stream = 0;
  std::int32_t equipment = 0;
  std::uint64_t from = 0; // the place at which the digest must be
  std::uint64_t to = 0;
  std::vector<std::uint8_t> state;
  can::digest_rows rows; // signals by their database number
};

/// One transaction; its commits are for different streams of different machines.
using digest_batch = std::vector<digest_commit>;

/// A signal as the digest decodes it.
struct digest_signal {
  std::string name;       // Message.Signal
  std::string definition; // storage::definitions_of; equal texts decode alike
};

/// How far the digest of a stream is.
struct digest_place {
  std::int32_t stream = 0;
  can::stream_id stream_id{};
  std::uint64_t seq = 0;
  std::vector<std::uint8_t> state = {}; // saved at `seq`
};

/// All streams of a machine.
struct machine_places {
  std::int32_t equipment = 0;
  std::vector<digest_place> streams;
};

/// Rollups of a machine that were made anew, of the items up to the digest's places.
struct rollups_again {
  std::int32_t equipment = 0;
  std::vector<digest_place> places;
  std::vector<std::int32_t> signals;    // by their database number
  std::vector<std::int64_t> minutes_us; // of which there are frames; the rollups of others stay
  std::vector<can::rollup_row> rows;    // by signal and minute, each once
};

class digest_store {
public:
  virtual ~digest_store() = default;

  /// The next ones by row id after `after`, at most `count`.
  virtual void
  pending(std::int32_t after, std::size_t count, handler<std::vector<digest_stream>> done) = 0;
  /// One page for each request: all its items, or the first ones that fit. All pages together are
  /// at most as large as a single page may be.
  virtual void read(std::vector<digest_span> spans, handler<std::vector<digest_page>> done) = 0;
  /// One answer for each commit. False: the digest of that stream is at another place, and nothing
  /// of the commit was stored.
  virtual void commit(std::shared_ptr<const digest_batch> what,
                      handler<std::vector<bool>> done) = 0;
  /// The numbers of these names, in order; missing names get a number. Records that rollups use these definitions from
  /// now on, for furrow.signal_bucket (PostgreSQL).
  virtual void signal_ids(std::vector<digest_signal> signals,
                          handler<std::vector<std::int32_t>> done) = 0;

  virtual void places(std::string farm, std::string machine, handler<machine_places> done) = 0;
  /// Takes these rows for all that there are of these signals and minutes, in one transaction. False: the digest has
  /// gone on since, and nothing was changed.
  virtual void replace(std::shared_ptr<const rollups_again> what, handler<bool> done) = 0;
};

} // namespace furrow::storage
