/// How long this node has had items to store and has stored none.
///
/// Shape: each lane, and the claim desk for streams that another transaction holds, says when it waits for the store and
///   when not. The time begins with the first that waits, and anew with each commit.
///   Items that were dropped are sent again, so the time goes on for `dropped_kept`: a lane whose actors keep dying stores
///   nothing either. After that the gateways are taken to have gone to another node, and the next items begin anew.
/// Threads: any.
/// Limits: one for all lanes of a database: a hanging lane is not noticed while another lane stores.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>

namespace furrow::actors {

class stall_watch {
public:
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds dropped_kept{15};

  /// The lane holds items that are not stored yet.
  void waits(std::size_t lane, time_point now) {
    const std::lock_guard lock{mutex_};
    enter(lane, now);
  }
  /// The lane dropped all its items; their gateways are asked to send them again.
  void dropped(std::size_t lane, time_point now) {
    const std::lock_guard lock{mutex_};
    leave(lane, now);
  }
  /// All items of the lane belong to other nodes, or to newer claims: nobody sends them to this lane again.
  void moved(std::size_t lane) {
    const std::lock_guard lock{mutex_};
    if (waiting_.erase(lane) != 0 && waiting_.empty())
      since_.reset();
  }
  /// The lane has stored items, and waits for nothing more.
  void stored(std::size_t lane, time_point now) {
    const std::lock_guard lock{mutex_};
    waiting_.erase(lane);
    since_.reset();
    if (!waiting_.empty())
      since_ = now;
  }
  /// Streams that wait for a claim because another transaction holds them.
  void held(std::size_t streams, time_point now) {
    const std::lock_guard lock{mutex_};
    held_ = streams;
    if (streams > 0)
      enter(claim_desk, now);
    else
      leave(claim_desk, now);
  }

  [[nodiscard]] std::size_t streams_held() const {
    const std::lock_guard lock{mutex_};
    return held_;
  }
  [[nodiscard]] std::chrono::seconds since(time_point now) const {
    const std::lock_guard lock{mutex_};
    if (!since_ || lapsed(now))
      return {};
    return std::chrono::duration_cast<std::chrono::seconds>(now - *since_);
  }

private:
  static constexpr std::size_t claim_desk = SIZE_MAX; // among the lanes

  [[nodiscard]] bool lapsed(time_point now) const {
    return waiting_.empty() && now - dropped_at_ >= dropped_kept;
  }
  void enter(std::size_t who, time_point now) {
    if (!since_ || lapsed(now))
      since_ = now;
    waiting_.insert(who);
  }
  void leave(std::size_t who, time_point now) {
    if (waiting_.erase(who) != 0 && waiting_.empty())
      dropped_at_ = now;
  }

  mutable std::mutex mutex_;
  std::set<std::size_t> waiting_;
  std::optional<time_point> since_; // kept for a while after the last has left
  time_point dropped_at_{};         // while nobody waits: when the last has left
  std::size_t held_ = 0;
};

} // namespace furrow::actors
