/// What an actor's mailbox holds and what its handlers take, counted message by message.
///
/// Shape: senders call `arrived`, the actor calls `handled`. `look` may be called by anybody at any time.
/// Units: microseconds in a reading.
/// Threads: safe from any; a few relaxed atomic operations a message, no lock and no allocation.
/// Limits: `oldest_us` is a lower bound: one waiting message at a time is marked with its time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace furrow::actors {

struct meter_reading {
  std::uint64_t waiting = 0;
  std::uint64_t oldest_us = 0;
  std::uint64_t handled = 0;
  std::uint64_t busy_us = 0;
};

class actor_meter {
public:
  using clock = std::chrono::steady_clock;

  void arrived() {
    const auto number = arrived_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (marked_.load(std::memory_order_relaxed) == 0)
      mark(number, clock::now());
  }

  void handled(clock::time_point began, clock::time_point ended) {
    busy_.fetch_add((ended - began).count(), std::memory_order_relaxed);
    const auto number = handled_.fetch_add(1, std::memory_order_relaxed) + 1;
    if (number < marked_.load(std::memory_order_relaxed))
      return;
    marked_.store(0, std::memory_order_relaxed);
    // What still waits came before now.
    if (const auto newest = arrived_.load(std::memory_order_relaxed); newest > number)
      mark(newest, ended);
  }

  [[nodiscard]] meter_reading look(clock::time_point now) const {
    using std::chrono::duration_cast;
    using std::chrono::microseconds;
    meter_reading made;
    made.handled = handled_.load(std::memory_order_relaxed);
    const auto arrived = arrived_.load(std::memory_order_relaxed);
    made.waiting = arrived > made.handled ? arrived - made.handled : 0;
    const clock::duration busy{busy_.load(std::memory_order_relaxed)};
    made.busy_us = static_cast<std::uint64_t>(duration_cast<microseconds>(busy).count());
    if (made.waiting == 0 || marked_.load(std::memory_order_relaxed) == 0)
      return made;
    const clock::time_point since{clock::duration{marked_at_.load(std::memory_order_relaxed)}};
    if (now > since)
      made.oldest_us = static_cast<std::uint64_t>(duration_cast<microseconds>(now - since).count());
    return made;
  }

private:
  void mark(std::uint64_t number, clock::time_point now) {
    std::uint64_t none = 0;
    marked_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    marked_.compare_exchange_strong(none, number, std::memory_order_relaxed);
  }

  std::atomic<std::uint64_t> arrived_{0};
  std::atomic<std::uint64_t> handled_{0};
  std::atomic<clock::rep> busy_{0};
  std::atomic<std::uint64_t> marked_{0}; // number of the marked message; 0: none
  std::atomic<clock::rep> marked_at_{0};
};

} // namespace furrow::actors
