/// Sealing: moves fresh blocks into compressed segments, the second tier of a database.
///
/// Errors, threads: as storage/store.hpp.
#pragma once

#include "storage/errc.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace furrow::storage {

/// The streams to seal, and when their fresh blocks are due.
struct seal_request {
  std::string farm{};      // empty: all
  std::string equipment{}; // empty: all
  std::chrono::seconds due_after{
    3'600};                           // age at which less than a whole chunk is sealed; 0: at once
  std::chrono::milliseconds pause{0}; // after each chunk: ingest and readers need the disk
  std::uint32_t chunks_max = 0;       // chunks before the call answers; 0: until nothing is left
  /// True: seal only what the digest has read, and nothing of a stream without a digest. False: seal as
  /// furrow.seal_limit says, which waits for no digest in a database where no digest has begun.
  bool behind_digest = false;
};

/// What one call has sealed. Each chunk is its own transaction: a committed chunk stays.
struct seal_outcome {
  std::uint64_t chunks = 0;
  std::uint64_t frames = 0;
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0; // of segments before compression
  std::uint64_t busy = 0;  // streams that another sealer was working on
  bool more = false;       // chunks_max was reached
};

class seal_store {
public:
  virtual ~seal_store() = default;

  /// Moves fresh blocks into segments, oldest first, on its own connection.
  virtual void seal(seal_request request, handler<seal_outcome> done) = 0;
};

} // namespace furrow::storage
