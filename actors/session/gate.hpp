/// Where gateways come in: a session takes memory for what it reads, and attaches to the machine's actor.
///
/// Threads: every function may be called from any thread and returns at once.
/// Errors: a session learns everything through its port.
#pragma once

#include "actors/session/arrival_room.hpp"
#include "actors/session/memory_budget.hpp"
#include "actors/session/session.hpp"

#include <memory>

namespace furrow::actors {

class gate {
public:
  gate() = default;
  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;
  virtual ~gate() = default;

  /// Finds or starts the equipment actor and passes the session to it. The actor answers through the port, on threads of
  /// the actor system; a port must not block.
  [[nodiscard]] virtual std::unique_ptr<equipment_link>
  attach(greeting from, std::shared_ptr<session_port> port) = 0;
  /// For what has been received and is not durable yet.
  [[nodiscard]] virtual std::shared_ptr<memory_budget> budget() = 0;
  /// For what is being received.
  [[nodiscard]] virtual arrival_room arrivals() = 0;
};

} // namespace furrow::actors
