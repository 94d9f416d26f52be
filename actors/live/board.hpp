/// The latest state of each machine, for its readers: the fleet list and the live view.
///
/// Shape: a machine's actor opens a place (live_place.hpp) and publishes an immutable snapshot after each
///   event. Readers take the last snapshot. Neither waits for the other, and no lock is held while frames
///   are decoded.
/// Threads: safe from any.
/// Limits: one snapshot and one interest a machine; a place ends with its actor.
#pragma once

#include "actors/live/live_machines.hpp"
#include "actors/live/live_place.hpp"

#include <caf/actor_addr.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace furrow::actors {

class live_board final : public live_machines {
public:
  class place : public live_place {
  public:
    place(std::string farm,
          std::string equipment,
          std::shared_ptr<machine_interest> interest,
          caf::actor_addr owner)
      : live_place{std::move(farm), std::move(equipment), std::move(interest)}, owner_{std::move(
                                                                                  owner)} {}

    [[nodiscard]] const caf::actor_addr& owner() const { return owner_; }

  private:
    const caf::actor_addr owner_;
  };

  [[nodiscard]] std::shared_ptr<place>
  open(const std::string& farm, const std::string& equipment, const caf::actor_addr& owner);
  [[nodiscard]] std::shared_ptr<machine_interest>
  interest_in(const std::string& farm, const std::string& equipment) override;
  /// nullptr: the machine has neither a session nor an actor here.
  [[nodiscard]] std::shared_ptr<machine_interest> interest_of(const std::string& farm,
                                                              const std::string& equipment) const;
  [[nodiscard]] std::vector<live_snapshot> all() const override;
  [[nodiscard]] std::vector<live_snapshot> of_farm(const std::string& farm) const override;
  [[nodiscard]] std::vector<live_snapshot> of(const std::string& farm,
                                              const std::string& equipment) const override;
  [[nodiscard]] std::vector<std::shared_ptr<live_place>> places() const override;

  using machine_places = std::vector<std::shared_ptr<place>>; // the newest actor comes last
  [[nodiscard]] machine_places places_of(const std::string& farm,
                                         const std::string& equipment) const;
  /// Of the machines of a farm whose names come after `after`, in that order: up to `count` machines.
  [[nodiscard]] std::vector<machine_places>
  places_from(const std::string& farm, const std::string& after, std::size_t count) const;
  /// The machine's actor; the newest one while an older one still stops.
  [[nodiscard]] caf::actor_addr owner_of(const std::string& farm,
                                         const std::string& equipment) const;

private:
  using machine_key = std::pair<std::string, std::string>; // farm, equipment

  using place_list = std::vector<std::weak_ptr<place>>;

  [[nodiscard]] std::shared_ptr<machine_interest> interest_locked(machine_key key);
  [[nodiscard]] static machine_places held(const place_list& of);

  mutable std::mutex mutex_; // guards the lists, not the places
  place_list places_;
  std::map<machine_key, place_list> places_by_machine_; // the same
  std::size_t sweep_at_ = 64; // number of places that triggers the removal of ended ones
  std::map<machine_key, std::weak_ptr<machine_interest>> interests_;
  std::size_t interests_sweep_at_ = 64;
};

} // namespace furrow::actors
