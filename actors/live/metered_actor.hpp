/// An actor with a state and a meter: the base of every actor of the node that the census shows.
///
/// Shape: write `metered_pointer<Handle, State> self` where CAF's examples write `stateful_pointer`. The census finds the
///   meter through the actor's handle.
/// Threads: as actor_meter.hpp.
#pragma once

#include "actors/live/actor_meter.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/execution_unit.hpp>
#include <caf/invoke_message_result.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/stateful_actor.hpp>

#include <memory>
#include <utility>

namespace furrow::actors {

/// What the census asks of an actor.
class metered {
public:
  metered() = default;
  metered(const metered&) = delete;
  metered& operator=(const metered&) = delete;
  virtual ~metered() = default;
  [[nodiscard]] virtual std::shared_ptr<const actor_meter> meter() const = 0;
  /// The name of the actor's state: "writer".
  [[nodiscard]] virtual const char* kind() const = 0;
};

template <class State, class Base = caf::event_based_actor>
class metered_actor : public caf::stateful_actor<State, Base>, public metered {
  using super = caf::stateful_actor<State, Base>;

public:
  template <class... Ts>
  explicit metered_actor(caf::actor_config& config, Ts&&... rest)
    : super(config, std::forward<Ts>(rest)...) {}

  using super::enqueue;
  void enqueue(caf::mailbox_element_ptr message, caf::execution_unit* unit) override {
    meter_->arrived();
    super::enqueue(std::move(message), unit);
  }

  caf::invoke_message_result consume(caf::mailbox_element& message) override {
    const auto began = actor_meter::clock::now();
    const turn ends{*meter_, began}; // also when the handler throws
    return super::consume(message);
  }

  [[nodiscard]] std::shared_ptr<const actor_meter> meter() const override { return meter_; }
  [[nodiscard]] const char* kind() const override { return this->name(); }

private:
  struct turn {
    actor_meter& of;
    actor_meter::clock::time_point began;
    ~turn() { of.handled(began, actor_meter::clock::now()); }
  };
  const std::shared_ptr<actor_meter> meter_ = std::make_shared<actor_meter>();
};

template <class Handle, class State>
using metered_pointer = metered_actor<State, typename Handle::base>*;

} // namespace furrow::actors
