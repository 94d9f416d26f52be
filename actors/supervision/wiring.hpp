/// The current handles of the long-lived actors. A supervisor that has started an actor sets the
/// handle here, and the actor's collaborators get it by message. No actor looks up another.
///
/// Shape: lanes and claim desk of each home by its index, as storage/homes/home_stores.hpp gives it; 0 is main.
/// Threads: safe from any. Called when an actor starts, never per batch.
#pragma once

#include "actors/messages.hpp"
#include "actors/supervision/supervisor.hpp"

#include <caf/send.hpp>

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace furrow::actors {

class wiring {
public:
  explicit wiring(std::size_t lanes) : lanes_{lanes}, homes_(1, places{lanes}) {}

  void set_root(caf::actor root) {
    const std::lock_guard lock{mutex_};
    root_ = std::move(root);
  }
  /// The root supervisor starts one more child.
  void add_branch(child_spec branch) {
    const std::lock_guard lock{mutex_};
    if (root_)
      caf::anon_send(root_, child_order{std::move(branch)});
  }
  void set_writer(std::size_t home, std::size_t lane, writer_actor writer) {
    const std::lock_guard lock{mutex_};
    auto& at = places_of(home);
    at.writers[lane] = std::move(writer);
    if (at.aggregators[lane])
      caf::anon_send(at.aggregators[lane], writer_changed{at.writers[lane]});
  }
  void set_aggregator(std::size_t home, std::size_t lane, aggregator_actor aggregator) {
    const std::lock_guard lock{mutex_};
    auto& at = places_of(home);
    at.aggregators[lane] = std::move(aggregator);
    if (at.writers[lane])
      caf::anon_send(at.aggregators[lane], writer_changed{at.writers[lane]});
    if (fleet_)
      caf::anon_send(fleet_, lane_changed{home, lane, at.aggregators[lane]});
  }
  void set_desk(std::size_t home, claim_desk_actor desk) {
    const std::lock_guard lock{mutex_};
    auto& at = places_of(home);
    at.desk = std::move(desk);
    if (fleet_)
      caf::anon_send(fleet_, desk_changed{home, at.desk});
  }
  void set_fleet(fleet_actor fleet) {
    const std::lock_guard lock{mutex_};
    fleet_ = std::move(fleet);
    for (std::size_t home = 0; home < homes_.size(); ++home) {
      const auto& at = homes_[home];
      for (std::size_t lane = 0; lane < at.aggregators.size(); ++lane)
        if (at.aggregators[lane])
          caf::anon_send(fleet_, lane_changed{home, lane, at.aggregators[lane]});
      if (at.desk)
        caf::anon_send(fleet_, desk_changed{home, at.desk});
    }
    fleet_known_.notify_all();
  }
  void set_membership(membership_actor one) {
    const std::lock_guard lock{mutex_};
    membership_ = std::move(one);
  }
  /// Tells the membership actor that the program wants something; nobody listens on SQLite.
  void hurry_membership() {
    const std::lock_guard lock{mutex_};
    if (membership_)
      caf::anon_send(membership_, lease_due{});
  }
  /// A database was failed over: its idle streams find out whether it holds what they have acked.
  void store_replaced(std::size_t home, std::uint64_t timeline) {
    const std::lock_guard lock{mutex_};
    if (fleet_)
      caf::anon_send(fleet_, actors::store_replaced{timeline, home});
  }
  /// Waits for the first fleet: before that, no session can attach.
  void wait_for_fleet() {
    std::unique_lock lock{mutex_};
    fleet_known_.wait(lock, [&] { return static_cast<bool>(fleet_); });
  }
  [[nodiscard]] fleet_actor fleet() const {
    const std::lock_guard lock{mutex_};
    return fleet_;
  }
  void clear() {
    const std::lock_guard lock{mutex_};
    homes_.assign(1, places{lanes_});
    root_ = nullptr;
    fleet_ = nullptr;
    membership_ = nullptr;
  }

private:
  struct places {
    explicit places(std::size_t lanes) : writers(lanes), aggregators(lanes) {}
    std::vector<writer_actor> writers;
    std::vector<aggregator_actor> aggregators;
    claim_desk_actor desk;
  };
  places& places_of(std::size_t home) {
    if (home >= homes_.size())
      homes_.resize(home + 1, places{lanes_});
    return homes_[home];
  }

  const std::size_t lanes_;
  mutable std::mutex mutex_;
  std::condition_variable fleet_known_;
  std::vector<places> homes_;
  caf::actor root_;
  fleet_actor fleet_;
  membership_actor membership_;
};

} // namespace furrow::actors
