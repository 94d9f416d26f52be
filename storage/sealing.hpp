/// Sealing: fresh blocks move into compressed segments, the second tier of a database.
///
/// Errors, threads: as storage/store.hpp.
#pragma once

#include "storage/errc.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace furrow::storage {

/// Which streams to seal, and when fresh blocks are due.
struct seal_request {
  std::string farm{};      // empty: all
  std::string equipment{}; // empty: all
  std::chrono::seconds due_after{
    3'600};                           // too few for a whole chunk, and seen so long ago; 0: at once
  std::chrono::milliseconds pause{0}; // after each chunk, so that ingest and readers have the disk
  std::uint32_t chunks_max = 0;       // then answer; 0: when nothing is left
  /// Nothing that the digest has not read; of a stream that it does not know, nothing at all. False: as
  /// furrow.seal_limit says, which waits for no digest where none has ever begun.
  bool behind_digest = false;
};

/// What one call has sealed. Each chunk is a transaction of its own: what was done stays done.
struct seal_outcome {
  std::uint64_t chunks = 0;
  std::uint64_t frames = 0;
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0; // of segments before compression
  std::uint64_t busy = 0;  // streams that another sealer was at
  bool more = false;       // chunks_max was met
};

class seal_store {
public:
  virtual ~seal_store() = default;

  /// Moves fresh blocks into segments, oldest first, on a connection of its own.
  virtual void seal(seal_request request, handler<seal_outcome> done) = 0;
};

} // namespace furrow::storage
