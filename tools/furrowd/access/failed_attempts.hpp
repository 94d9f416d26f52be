/// Wrong tokens and passwords by who sent them: how long the next answer waits, and which ones the log names.
///
/// Shape: the first few attempts of a key (an address, a user name) cost nothing; after each further one the key waits
///   twice as long as before. A key without an attempt for `forgotten_after` starts again. What is right never waits, and
///   forgets the key.
/// Threads: a plain value; its owner has the mutex.
/// Limits: keys_max keys, the oldest is forgotten first; one line of the log in `told_every`, with the count of all since
///   the line before.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace furrow::daemon {

struct attempt_limits {
  std::uint64_t free_count = 3;
  std::chrono::milliseconds wait_min{100};
  std::chrono::milliseconds wait_max{3'000};
  std::chrono::seconds forgotten_after{60};
};

class failed_attempts {
public:
  using clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds told_every{10};
  static constexpr std::size_t keys_max = 1'024;

  explicit failed_attempts(attempt_limits limits = {}) : limits_{limits} {}

  struct verdict {
    std::chrono::milliseconds wait{0};
    std::optional<std::uint64_t> tell; // log a line: so many since the last line, of all keys
  };
  [[nodiscard]] verdict note(const std::string& key, clock::time_point now);
  /// What is left of the wait after the last attempt; 0: the key may try.
  [[nodiscard]] std::chrono::milliseconds wait_of(const std::string& key,
                                                  clock::time_point now) const;
  void forgive(const std::string& key) { keys_.erase(key); }

private:
  struct seen {
    std::uint64_t count = 0;
    clock::time_point last;
  };
  void forget(clock::time_point now);
  [[nodiscard]] std::chrono::milliseconds wait_after(std::uint64_t count) const;

  attempt_limits limits_;
  std::map<std::string, seen> keys_;
  std::optional<clock::time_point> told_;
  std::uint64_t untold_ = 0;
};

} // namespace furrow::daemon
