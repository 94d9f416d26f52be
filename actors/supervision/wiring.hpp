/// The current handles of the long-lived actors. A supervisor that has started an actor sets the
/// handle here, and the actor's collaborators get it by message. No actor looks up another.
///
/// Threads: safe from any. Called when an actor starts, never per batch.
#pragma once

#include "actors/messages.hpp"

#include <caf/send.hpp>

#include <condition_variable>
#include <mutex>
#include <vector>

namespace furrow::actors {

class wiring {
public:
  explicit wiring(std::size_t lanes) : writers_(lanes), aggregators_(lanes) {}

  void set_writer(std::size_t lane, writer_actor writer) {
    const std::lock_guard lock{mutex_};
    writers_[lane] = std::move(writer);
    if (aggregators_[lane])
      caf::anon_send(aggregators_[lane], writer_changed{writers_[lane]});
  }
  void set_aggregator(std::size_t lane, aggregator_actor aggregator) {
    const std::lock_guard lock{mutex_};
    aggregators_[lane] = std::move(aggregator);
    if (writers_[lane])
      caf::anon_send(aggregators_[lane], writer_changed{writers_[lane]});
    if (fleet_)
      caf::anon_send(fleet_, lane_changed{lane, aggregators_[lane]});
  }
  void set_desk(claim_desk_actor desk) {
    const std::lock_guard lock{mutex_};
    desk_ = std::move(desk);
    if (fleet_)
      caf::anon_send(fleet_, desk_changed{desk_});
  }
  void set_fleet(fleet_actor fleet) {
    const std::lock_guard lock{mutex_};
    fleet_ = std::move(fleet);
    for (std::size_t lane = 0; lane < aggregators_.size(); ++lane)
      caf::anon_send(fleet_, lane_changed{lane, aggregators_[lane]});
    caf::anon_send(fleet_, desk_changed{desk_});
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
  /// The database was failed over: idle streams find out whether it holds what they have acked.
  void store_replaced(std::uint64_t timeline) {
    const std::lock_guard lock{mutex_};
    if (fleet_)
      caf::anon_send(fleet_, actors::store_replaced{timeline});
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
    for (auto& writer : writers_)
      writer = nullptr;
    for (auto& aggregator : aggregators_)
      aggregator = nullptr;
    desk_ = nullptr;
    fleet_ = nullptr;
    membership_ = nullptr;
  }

private:
  mutable std::mutex mutex_;
  std::condition_variable fleet_known_;
  std::vector<writer_actor> writers_;
  std::vector<aggregator_actor> aggregators_;
  claim_desk_actor desk_;
  fleet_actor fleet_;
  membership_actor membership_;
};

} // namespace furrow::actors
