/// The tokens and sessions of the database at one moment, for look-ups without a lock.
///
/// Shape: sorted by hash. The digest of a guess tells nothing about the token that has another digest, so the search need
///   not be constant in time; the last comparison is.
/// Units: microseconds since 1970.
/// Threads: immutable, except the time of the last use, which is atomic.
#pragma once

#include "tools/furrowd/access/credential.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace furrow::daemon {

/// When this node last saw a token or session. It outlives the snapshot, so that nothing is forgotten when the next one
/// comes.
struct last_use {
  std::atomic<std::int64_t> at_us{0};
};

class identity_snapshot {
public:
  struct entry {
    credential grants;
    std::int64_t last_used_us = 0; // as the database knows it
    std::shared_ptr<last_use> here = std::make_shared<last_use>();
  };

  /// `populated`: there is a user or a token, so the node is not open any more. `idle`: a session that is not used for so
  /// long has ended.
  identity_snapshot(std::vector<entry> entries, bool populated, std::chrono::microseconds idle);

  [[nodiscard]] const entry* find(const secret_hash& hash) const;
  [[nodiscard]] bool expired(const entry& of, std::int64_t now_us) const;
  [[nodiscard]] bool populated() const { return populated_; }
  [[nodiscard]] const std::vector<entry>& entries() const { return entries_; }

private:
  std::vector<entry> entries_;
  bool populated_;
  std::chrono::microseconds idle_;
};

} // namespace furrow::daemon
