/// How long this node has had items to store and has stored none.
///
/// Shape: call `asked` when a writer gets items or items wait for one, `stored` after a committed
///   transaction. While the node holds items, `look` returns the time since then.
/// Threads: any.
/// Limits: one for all lanes of a database: a hanging lane is not noticed while another lane stores.
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
  /// A transaction failed, and its items were dropped: the next items begin anew.
  void dropped() { since_ = never; }

  /// `holds_items`: whether the node holds items that are not durable yet. Without such items the
  /// gateways have gone to another node, and the time starts anew.
  [[nodiscard]] std::chrono::seconds look(time_point now, bool holds_items) {
    if (!holds_items)
      stored();
    return since(now);
  }
  /// As `look` of a node that holds items.
  [[nodiscard]] std::chrono::seconds since(time_point now) const {
    const auto from = since_.load();
    if (from == never)
      return {};
    const auto waited = now.time_since_epoch() - time_point::duration{from};
    return std::chrono::duration_cast<std::chrono::seconds>(waited);
  }

private:
  using count = time_point::rep;
  static constexpr count never = -1;
  std::atomic<count> since_{never};
};

} // namespace furrow::actors
