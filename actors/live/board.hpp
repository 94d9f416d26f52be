/// The latest state of each machine, for its readers: the fleet list and the live view.
///
/// Shape: a machine's actor opens a place and publishes an immutable snapshot after each event.
///   Readers take the last snapshot. Neither waits for the other, and no lock is held while frames
///   are decoded.
/// Threads: safe from any.
/// Limits: one snapshot a machine; a place ends with its actor.
#pragma once

#include "actors/live/live_view.hpp"

#include <caf/actor_addr.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace furrow::actors {

using live_snapshot = std::shared_ptr<const live_equipment>;

class live_board {
public:
  class place {
  public:
    place(std::string farm, std::string equipment, caf::actor_addr owner)
      : farm_{std::move(farm)}, equipment_{std::move(equipment)}, owner_{std::move(owner)} {}

    void publish(live_snapshot latest) { latest_.store(std::move(latest)); }
    /// Never nullptr once the actor has started.
    [[nodiscard]] live_snapshot latest() const { return latest_.load(); }
    [[nodiscard]] bool is_of(const std::string& farm, const std::string& equipment) const {
      return equipment_ == equipment && farm_ == farm;
    }
    [[nodiscard]] const caf::actor_addr& owner() const { return owner_; }

  private:
    const std::string farm_;
    const std::string equipment_;
    const caf::actor_addr owner_;
    std::atomic<live_snapshot> latest_;
  };

  [[nodiscard]] std::shared_ptr<place>
  open(const std::string& farm, const std::string& equipment, const caf::actor_addr& owner);
  [[nodiscard]] std::vector<live_snapshot> all() const;
  /// The machine's actor; the newest one while an older one still stops.
  [[nodiscard]] caf::actor_addr owner_of(const std::string& farm,
                                         const std::string& equipment) const;

private:
  [[nodiscard]] std::vector<std::shared_ptr<place>> places() const;

  mutable std::mutex mutex_; // guards the list, not the places
  std::vector<std::weak_ptr<place>> places_;
  std::size_t sweep_at_ = 64; // number of places that triggers the removal of ended ones
};

} // namespace furrow::actors
