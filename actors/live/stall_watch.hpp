/// Since when this node has had items to store and has stored none.
///
/// Shape: `asked` when items are handed to a writer or wait for one, `stored` when a transaction was
///   committed. A look tells how long nothing came of it, while the node holds items.
/// Threads: any.
/// Limits: one for the whole node; a lane that hangs beside one that stores is not seen.
#pragma once

#include <atomic>
#include <chrono>

namespace furrow::actors {

class stall_watch {
public:
  using time_point = std::chrono::steady_clock::time_point;

  void asked(time_point now) {
    auto none = never;
    since_.compare_exchange_strong(none, now.time_since_epoch().count());
  }
  void stored() { since_ = never; }

  /// `holds_items`: whether anything that was received is not durable yet. When nothing is held,
  /// the gateways have taken their items elsewhere, and waiting begins anew.
  [[nodiscard]] std::chrono::seconds look(time_point now, bool holds_items) {
    if (!holds_items)
      stored();
    const auto since = since_.load();
    if (since == never)
      return {};
    const auto waited = now.time_since_epoch() - time_point::duration{since};
    return std::chrono::duration_cast<std::chrono::seconds>(waited);
  }

private:
  using count = time_point::rep;
  static constexpr count never = -1;
  std::atomic<count> since_{never};
};

} // namespace furrow::actors
