/// The latest state of each machine, for its readers: the fleet list and the live view.
///
/// Shape: a machine's actor opens a place (live_place.hpp) and publishes an immutable snapshot after each
///   event. Readers take the last snapshot. Neither waits for the other, and no lock is held while frames
///   are decoded.
/// Threads: safe from any.
/// Limits: one snapshot a machine; a place ends with its actor.
#pragma once

#include "actors/live/live_place.hpp"

#include <caf/actor_addr.hpp>

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace furrow::actors {

class live_board {
public:
  class place : public live_place {
  public:
    place(std::string farm, std::string equipment, caf::actor_addr owner)
      : live_place{std::move(farm), std::move(equipment)}, owner_{std::move(owner)} {}

    [[nodiscard]] const caf::actor_addr& owner() const { return owner_; }

  private:
    const caf::actor_addr owner_;
  };

  [[nodiscard]] std::shared_ptr<place>
  open(const std::string& farm, const std::string& equipment, const caf::actor_addr& owner);
  [[nodiscard]] std::vector<live_snapshot> all() const;
  /// In the order in which they were opened. A reader must not keep them: a place ends with its actor.
  [[nodiscard]] std::vector<std::shared_ptr<place>> places() const;
  /// The machine's actor; the newest one while an older one still stops.
  [[nodiscard]] caf::actor_addr owner_of(const std::string& farm,
                                         const std::string& equipment) const;

private:
  mutable std::mutex mutex_; // guards the list, not the places
  std::vector<std::weak_ptr<place>> places_;
  std::size_t sweep_at_ = 64; // number of places that triggers the removal of ended ones
};

} // namespace furrow::actors
