/// Which machines somebody has read lately: their blocks then go to the database without delay, and the digest follows
/// closely.
///
/// Shape: a table of times by a hash of the machine's name. Machines that share an entry are read together, which costs
///   a few smaller blocks and nothing else.
/// Threads: safe from any; no lock.
/// Limits: 32 KiB.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace furrow::actors {

class readers {
public:
  using clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kept{
    30}; // so long after the last question a machine counts as read

  [[nodiscard]] static std::size_t slot_of(std::string_view equipment) {
    return std::hash<std::string_view>{}(equipment) % slots;
  }
  void note(std::string_view equipment, clock::time_point now) {
    const auto at = now.time_since_epoch().count();
    asked_[slot_of(equipment)].store(at, std::memory_order_relaxed);
    last_.store(at, std::memory_order_relaxed);
  }
  /// Its blocks go without delay; the digest takes its time.
  void hurry(std::string_view equipment, clock::time_point now) {
    asked_[slot_of(equipment)].store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
  [[nodiscard]] bool reads(std::size_t slot, clock::time_point now) const {
    return is_recent(asked_[slot].load(std::memory_order_relaxed), now);
  }
  [[nodiscard]] bool reads_any(clock::time_point now) const {
    return is_recent(last_.load(std::memory_order_relaxed), now);
  }

private:
  static constexpr std::size_t slots = 4'096;
  static bool is_recent(clock::rep at, clock::time_point now) {
    return at != 0 && now - clock::time_point{clock::duration{at}} < kept;
  }

  std::array<std::atomic<clock::rep>, slots> asked_{};
  std::atomic<clock::rep> last_{0};
};

} // namespace furrow::actors
