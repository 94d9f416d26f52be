/// A running node without its sockets: starts the actor system, hands out its parts, drains, and reports that it lives
/// or has failed.
///
/// Threads: every function may be called from any thread and returns at once. Handlers are called on threads of the
///   actor system and must not block.
/// Errors: nothing throws after construction.
#pragma once

#include "actors/cluster/link_parts.hpp"
#include "actors/node_config.hpp"
#include "actors/node_parts.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace furrow::actors {

class forward_port; // actors/forward/forward_line.hpp

class node {
public:
  node() = default;
  node(const node&) = delete;
  node& operator=(const node&) = delete;
  virtual ~node() = default;

  [[nodiscard]] virtual const node_parts& parts() const = 0;
  /// Ends every session (the listener sends Goaway), commits all held items, then calls back, at the
  /// latest after `deadline`.
  virtual void drain(std::chrono::milliseconds deadline, std::function<void()> done) = 0;
  /// Calls back from an actor, after a delayed message to it: the actor system still runs actors and keeps time.
  virtual void pulse(const std::function<void()>& back) = 0;
  /// The listener is called once when the node is to drain and to end: a child of the root supervisor is restarted for
  /// the last time, or the root has ended, by an operator for example. It is called at once if that has happened already.
  virtual void on_failure(std::function<void(std::string)> failed) = 0;
};

/// The node must be the last that holds `homes`: they end with it.
[[nodiscard]] std::unique_ptr<node> start_node(node_config config,
                                               std::shared_ptr<storage::home_stores> homes,
                                               link_parts link = {},
                                               std::shared_ptr<forward_port> forward = {});

} // namespace furrow::actors
