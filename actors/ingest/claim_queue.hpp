/// The decisions of the claim desk: which claims go to the database together, and when to retry. A
/// thousand reconnecting gateways cause a few statements, an outage causes one attempt a second.
///
/// Threads: owned by one actor.
/// Limits: one wish a stream (a newer one replaces an older one), claims_max in one call.
#pragma once

#include "storage/store.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <utility>
#include <vector>

namespace furrow::actors {

template <class Origin>
struct claim_wish_entry {
  Origin origin;
  std::uint64_t ticket = 0;
  storage::claim_request request;
  bool told_delayed = false;
  bool held = false;        // when it was asked for last
  std::uint64_t serial = 0; // the queue's own
};

template <class Origin>
class claim_queue {
public:
  using entry = claim_wish_entry<Origin>;
  static constexpr std::size_t claims_max = 256;

  claim_queue(std::chrono::milliseconds first_wait, std::chrono::milliseconds longest_wait)
    : first_wait_{first_wait}, longest_wait_{longest_wait} {}

  void add(entry wish) {
    // An older claim of the same stream after a newer one would fence the newer one.
    std::erase_if(waiting_, [&](const entry& old) { return same_stream(old, wish); });
    std::erase_if(under_way_, [&](const entry& old) { return same_stream(old, wish); });
    std::erase_if(held_, [&](const entry& old) { return same_stream(old, wish); });
    wish.serial = ++serials_;
    waiting_.push_back(std::move(wish));
  }

  /// Drops the wish of which `is_it` holds; what a call under way finds for it is nobody's.
  template <class Is>
  void withdraw(Is is_it) {
    std::erase_if(waiting_, is_it);
    std::erase_if(under_way_, is_it);
    std::erase_if(held_, is_it);
  }

  [[nodiscard]] bool busy() const { return busy_; }
  [[nodiscard]] bool empty() const { return waiting_.empty(); }

  /// The requests of the next call; empty during a call.
  [[nodiscard]] std::vector<storage::claim_request> take() {
    std::vector<storage::claim_request> requests;
    if (busy_)
      return requests;
    const auto count = one_by_one_ > 0 ? std::size_t{1} : claims_max;
    while (!waiting_.empty() && requests.size() < count) {
      requests.push_back(waiting_.front().request);
      call_.push_back(waiting_.front().serial);
      under_way_.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    if (one_by_one_ > 0)
      --one_by_one_;
    busy_ = !requests.empty();
    return requests;
  }

  struct settled {
    entry wish;
    storage::claim_outcome outcome; // held: the wish is kept, and this is told once
  };
  [[nodiscard]] std::vector<settled>
  succeeded(const std::vector<storage::claim_outcome>& outcomes) {
    std::vector<settled> done;
    for (std::size_t i = 0; i < outcomes.size() && i < call_.size(); ++i) {
      // a wish that was replaced during the call is not in under_way_ any more
      const auto wish = std::find_if(under_way_.begin(), under_way_.end(),
                                     [&](const entry& one) { return one.serial == call_[i]; });
      if (wish == under_way_.end())
        continue;
      wish->held = outcomes[i].held;
      if (!wish->held)
        done.push_back({std::move(*wish), outcomes[i]});
      else {
        if (!std::exchange(wish->told_delayed, true))
          done.push_back({*wish, outcomes[i]});
        held_.push_back(std::move(*wish));
      }
    }
    finish();
    wait_ = std::chrono::milliseconds{0};
    return done;
  }

  [[nodiscard]] bool holds() const { return !held_.empty(); }
  /// Wishes whose streams were held are asked for again.
  void ask_held() {
    std::move(held_.begin(), held_.end(), std::back_inserter(waiting_));
    held_.clear();
  }

  /// Wishes whose streams were held when they were asked for last.
  [[nodiscard]] std::size_t streams_held() const {
    const auto is_held = [](const entry& one) { return one.held; };
    return held_.size()
           + static_cast<std::size_t>(
             std::count_if(waiting_.begin(), waiting_.end(), is_held)
             + std::count_if(under_way_.begin(), under_way_.end(), is_held));
  }

  struct failed_outcome {
    std::vector<entry> refused; // will never succeed
    std::vector<entry> delayed; // to be told once that the claim is delayed
    std::chrono::milliseconds wait{0};
  };
  /// `random` in [0, 1) spreads the retries of many nodes.
  [[nodiscard]] failed_outcome failed(storage::errc code, double random) {
    failed_outcome out;
    if (code == storage::errc::reject_row && call_.size() == 1 && under_way_.size() == 1) {
      out.refused.push_back(std::move(under_way_.front()));
      finish();
      return out;
    }
    if (code == storage::errc::reject_row) {
      one_by_one_ = under_way_.size(); // one of them caused the failure
    } else {
      wait_ = std::clamp(wait_ * 2, first_wait_, longest_wait_);
      out.wait = std::chrono::duration_cast<std::chrono::milliseconds>(wait_ * (0.5 + random / 2));
    }
    for (auto wish = under_way_.rbegin(); wish != under_way_.rend(); ++wish) {
      if (!std::exchange(wish->told_delayed, true))
        out.delayed.push_back(*wish);
      waiting_.push_front(std::move(*wish));
    }
    finish();
    return out;
  }

private:
  static bool same_stream(const entry& a, const entry& b) {
    return a.request.stream_id == b.request.stream_id && a.request.equipment == b.request.equipment
           && a.request.farm == b.request.farm;
  }
  void finish() {
    under_way_.clear();
    call_.clear();
    busy_ = false;
  }

  std::chrono::milliseconds first_wait_;
  std::chrono::milliseconds longest_wait_;
  std::chrono::milliseconds wait_{0};
  std::deque<entry> waiting_;
  std::vector<entry> under_way_;
  std::vector<entry> held_;         // another transaction holds their streams
  std::vector<std::uint64_t> call_; // serials of the call under way, in its order
  std::size_t one_by_one_ = 0;
  bool busy_ = false;
  std::uint64_t serials_ = 0;
};

} // namespace furrow::actors
