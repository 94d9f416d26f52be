/// What one machine's actor shows to readers: its last snapshot, and on request details and raw frames.
///
/// Shape: the actor publishes an immutable snapshot after each event. `version` grows with each, so a reader sees without
///   loading it whether there is a newer one. Details and frames cost the actor one read of a flag until somebody asks.
/// Threads: one thread at a time publishes; readers are any. Neither waits for the other.
/// Limits: one snapshot, one detail; frame_tap.hpp has the limits of frames.
#pragma once

#include "actors/live/frame_tap.hpp"
#include "actors/live/interest.hpp"
#include "actors/live/live_view.hpp"
#include "can/isobus/diagnostics.hpp"
#include "can/live/own_signals.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace furrow::actors {

using live_snapshot = std::shared_ptr<const live_equipment>;

/// What is too much for every snapshot.
struct live_detail {
  std::vector<can::fault> faults;          // active and previous ones
  std::vector<can::own_value> own_signals; // empty when they were not asked for
};

class live_place {
public:
  static constexpr std::uint8_t wish_faults = 1;
  static constexpr std::uint8_t wish_own_signals = 2;

  live_place(std::string farm,
             std::string equipment,
             std::shared_ptr<machine_interest> interest = std::make_shared<machine_interest>())
    : farm_{std::move(farm)}, equipment_{std::move(equipment)}, interest_{std::move(interest)} {}

  [[nodiscard]] const std::string& farm() const { return farm_; }
  [[nodiscard]] const std::string& equipment() const { return equipment_; }
  [[nodiscard]] bool is_of(const std::string& farm, const std::string& equipment) const {
    return equipment_ == equipment && farm_ == farm;
  }

  void publish(live_snapshot latest) {
    latest_.store(std::move(latest));
    version_.fetch_add(1, std::memory_order_release);
  }
  /// Never nullptr once the actor has started.
  [[nodiscard]] live_snapshot latest() const { return latest_.load(); }
  [[nodiscard]] std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

  /// Asks the actor for a detail with its next event, with what others have asked for since the last one.
  void want_detail(std::uint8_t wishes) { wishes_.fetch_or(wishes, std::memory_order_relaxed); }
  /// The wishes, once; 0 at almost every call.
  [[nodiscard]] std::uint8_t take_detail_wish() {
    return wishes_.load(std::memory_order_relaxed) == 0
             ? std::uint8_t{0}
             : wishes_.exchange(0, std::memory_order_relaxed);
  }
  void publish_detail(std::shared_ptr<const live_detail> detail) {
    detail_.store(std::move(detail));
  }
  /// The last one that was asked for; nullptr: none yet.
  [[nodiscard]] std::shared_ptr<const live_detail> detail() const { return detail_.load(); }

  [[nodiscard]] frame_tap& frames() { return frames_; }
  /// Who watches the machine; its sessions and its actor read it.
  [[nodiscard]] machine_interest& interest() const { return *interest_; }

private:
  const std::string farm_;
  const std::string equipment_;
  const std::shared_ptr<machine_interest> interest_;
  std::atomic<live_snapshot> latest_;
  std::atomic<std::uint64_t> version_{0};
  std::atomic<std::uint8_t> wishes_{0};
  std::atomic<std::shared_ptr<const live_detail>> detail_;
  frame_tap frames_;
};

} // namespace furrow::actors
