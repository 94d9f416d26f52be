/// What this node knows of the cluster, for its readers, and what the program wants of the membership actor.
///
/// Shape: the actor publishes an immutable snapshot after each answer of the database. A node on SQLite is alone: its
///   snapshot lists no node and stays as it is.
/// Threads: safe from any. The listener of `on_news` is called on the thread of the actor, that of `on_orders` on the
///   thread of the order.
/// Source: docs/cluster.md.
#pragma once

#include "actors/cluster/lease_keeper.hpp"
#include "storage/membership.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::actors {

/// Farm and name of a machine, and the node that people have pinned it to.
using pin_map = std::map<std::pair<std::string, std::string>, std::string>;

struct cluster_view {
  storage::node_identity self;
  node_state state = node_state::alive;
  std::uint64_t view = 0;                             // counts the changes of status
  std::uint64_t timeline = 0;                         // of the database
  std::vector<storage::node_row> nodes;               // as last heard; this one first
  std::chrono::steady_clock::time_point asked_at{};   // of that answer
  std::chrono::steady_clock::time_point lease_from{}; // the lease has not lapsed since
  std::chrono::steady_clock::time_point changed_at{}; // when `view` changed last
  std::shared_ptr<const pin_map> pins;                // nullptr: none is known
  std::string ended_by;                               // dead: what took the lease
  std::vector<std::string>
    database_at; // the peers that the database answers while it does not answer this node, sorted

  /// Whether the database answers others, and not this node.
  [[nodiscard]] bool cut_off() const { return state == node_state::unsure && !database_at.empty(); }
  /// Since the beat by which the database renewed the lease last; nothing: the node takes no machines, or the lease is
  /// new. After an outage some node is the first to be alive again: that is no reason to send it all machines.
  [[nodiscard]] std::optional<std::chrono::milliseconds>
  lease_age(std::chrono::steady_clock::time_point now) const {
    if (state != node_state::alive || asked_at == std::chrono::steady_clock::time_point{}
        || now - lease_from < lease_limits{}.judge_after)
      return std::nullopt;
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - asked_at);
  }
};

/// What the program wants.
struct cluster_orders {
  std::optional<storage::node_card> card; // absent: gateways are not served yet
  bool ends = false;                      // the process drains
  bool leaves = false;                    // and has nothing left
};

class cluster_board {
public:
  explicit cluster_board(storage::node_identity self) {
    auto first = std::make_shared<cluster_view>();
    first->self = std::move(self);
    latest_ = std::move(first);
  }

  [[nodiscard]] std::shared_ptr<const cluster_view> latest() const {
    const std::lock_guard lock{mutex_};
    return latest_;
  }
  void publish(std::shared_ptr<const cluster_view> view) {
    std::function<void()> tell;
    {
      const std::lock_guard lock{mutex_};
      latest_ = std::move(view);
      tell = on_news_;
    }
    if (tell)
      tell();
  }
  void on_news(std::function<void()> told) {
    const std::lock_guard lock{mutex_};
    on_news_ = std::move(told);
  }

  [[nodiscard]] cluster_orders orders() const {
    const std::lock_guard lock{mutex_};
    return orders_;
  }
  void join(storage::node_card card) {
    order([&card](cluster_orders& orders) { orders.card = std::move(card); });
  }
  void end() {
    order([](cluster_orders& orders) { orders.ends = true; });
  }
  void leave() {
    order([](cluster_orders& orders) { orders.leaves = true; });
  }
  /// The listener is called after each order, so that the actor looks at it now.
  void on_orders(std::function<void()> told) {
    const std::lock_guard lock{mutex_};
    on_orders_ = std::move(told);
  }

  /// Whether this incarnation has its row: a restarted actor must not take the name again.
  void set_joined(bool joined) {
    const std::lock_guard lock{mutex_};
    joined_ = joined;
  }
  [[nodiscard]] bool joined() const {
    const std::lock_guard lock{mutex_};
    return joined_;
  }

private:
  template <class Change>
  void order(Change change) {
    std::function<void()> tell;
    {
      const std::lock_guard lock{mutex_};
      change(orders_);
      tell = on_orders_;
    }
    if (tell)
      tell();
  }

  mutable std::mutex mutex_;
  std::shared_ptr<const cluster_view> latest_;
  std::function<void()> on_news_;
  std::function<void()> on_orders_;
  cluster_orders orders_;
  bool joined_ = false;
};

} // namespace furrow::actors
