#include "actors/forward/forwarder.hpp"

#include "actors/log/log.hpp"
#include "actors/supervision/exceptions.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

namespace furrow::actors {

namespace {

using forwarder_pointer = metered_pointer<forwarder_actor, forwarder_state>;

// The forwarder looks for new items twice a second: more often is of no use.
constexpr std::chrono::milliseconds gateway_interval_least{200};

template <class T>
std::shared_ptr<storage::result<T>> kept(storage::result<T> outcome) {
  return std::make_shared<storage::result<T>>(std::move(outcome));
}

/// Before anything is forwarded, retention must know that it is to wait.
void set_target(forwarder_pointer self) {
  auto& state = self->state;
  state.asking = true;
  state.parts.store->forward()->set_target(
    state.parts.port->target(), [me = forwarder_actor{self}](const storage::result<done>& outcome) {
      caf::anon_send(me, forward_target_set{static_cast<bool>(outcome)});
    });
}

/// Carries out one decision.
struct executor {
  forwarder_pointer self;

  [[nodiscard]] storage::forward_store& store() const {
    return *self->state.parts.store->forward();
  }

  void operator()(forward_action::take_turn) const {
    store().take_turn(self->state.parts.node,
                      [me = forwarder_actor{self}](storage::result<bool> mine) {
                        caf::anon_send(me, forward_turn{kept(std::move(mine))});
                      });
  }
  void operator()(const forward_action::list& what) const {
    store().list(what.every, what.after, forward_limits{}.list_rows,
                 [me = forwarder_actor{self}](auto rows) {
                   caf::anon_send(me, forward_listed{kept(std::move(rows))});
                 });
  }
  void operator()(const forward_action::head& what) const {
    store().open(what.stream, [me = forwarder_actor{self}, stream = what.stream](auto head) {
      caf::anon_send(me, forward_opened{stream, kept(std::move(head))});
    });
  }
  void operator()(forward_action::start& what) const {
    self->state.lines[what.stream] = self->state.parts.port->open(
      std::move(what.head),
      [me = forwarder_actor{self}, stream = what.stream, line = what.line](line_news news) {
        caf::anon_send(me, forward_told{stream, line, std::move(news)});
      });
  }
  void operator()(forward_action::renew& what) const {
    if (const auto at = self->state.lines.find(what.stream); at != self->state.lines.end())
      at->second->renew(std::move(what.head));
  }
  void operator()(const forward_action::grow& what) const {
    if (const auto at = self->state.lines.find(what.stream); at != self->state.lines.end())
      at->second->grow(what.last);
  }
  void operator()(const forward_action::end& what) const { self->state.lines.erase(what.stream); }
  void operator()(const forward_action::read& what) const {
    store().read(what.stream, what.after, what.up_to,
                 [me = forwarder_actor{self}, asked = what](auto page) {
                   caf::anon_send(me, forward_paged{asked, kept(std::move(page))});
                 });
  }
  void operator()(forward_action::give& what) const {
    const auto at = self->state.lines.find(what.stream);
    if (at == self->state.lines.end())
      return;
    if (what.newest)
      at->second->give_newest(what.after, std::move(what.page));
    else
      at->second->give(std::move(what.page));
  }
  /// The gateway sends often, and what it sends is soon in the store. A machine at another node of the site stays as it is.
  void operator()(const forward_action::watched& what) const {
    auto& people = *self->state.parts.people;
    const auto now = self->clock().now();
    if (const auto interest = people.board.interest_of(what.farm, what.equipment))
      interest->want(std::max(what.interval, gateway_interval_least), now);
    people.read_lately.hurry(what.equipment, now);
  }
  void operator()(forward_action::note& what) const {
    store().note(std::move(what.marks),
                 [me = forwarder_actor{self}](const storage::result<done>& noted) {
                   caf::anon_send(me, forward_noted{static_cast<bool>(noted)});
                 });
  }
  void operator()(const forward_action::fault& what) const {
    ++self->state.parts.people->counters.forward_faults;
    log::warn(log::node, "forward_waits", {.error = what.text}, "{}forwarding {}: {}",
              self->state.parts.people->prefix_of(self->state.parts.home), what.stream, what.text);
  }
  void operator()(const forward_action::lost& what) const {
    log::warn(log::node, "forward_lost", {.error = "head office has less than it acked"},
              "{}head office has {} up to item {} and had acked item {}, as after a restore from a "
              "backup: all streams are checked again, and what is missing is sent again",
              self->state.parts.people->prefix_of(self->state.parts.home), what.stream, what.has,
              what.acked);
  }
};

void carry_out(forwarder_pointer self, forward_work::actions& actions) {
  for (auto& action : actions)
    std::visit(executor{self}, action);
}

void publish_figures(forwarder_state& state) {
  const auto& parts = state.parts;
  auto figures = state.work.count();
  if (!figures.fault.empty())
    figures.fault = parts.people->prefix_of(parts.home) + figures.fault;
  parts.board->set(parts.home, std::move(figures));
  const auto sum = parts.board->latest();
  auto& counters = parts.people->counters;
  counters.forward_streams_waiting = sum.streams_waiting;
  counters.forward_items_waiting = sum.items_waiting;
  counters.forward_lines = sum.lines_claimed;
}

std::size_t lines_max(const forwarder_parts& parts) {
  const std::size_t homes = parts.people->homes_open.load(std::memory_order_relaxed);
  return std::max(forwarder_parts::lines_min, forward_limits{}.lines_max / homes);
}

void look(forwarder_pointer self) {
  auto& state = self->state;
  if (!state.retention_waits) {
    if (!state.asking)
      set_target(self);
  } else {
    forward_work::actions out;
    state.work.set_lines_max(lines_max(state.parts));
    state.work.tick(self->clock().now(), out);
    carry_out(self, out);
    publish_figures(state);
  }
  self->delayed_send(self, forward_work::tick_every, forward_due{});
}

/// Runs an event of the work, and carries out what follows.
template <class Event>
void happen(forwarder_pointer self, Event event) {
  forward_work::actions out;
  event(self->state.work, self->clock().now(), out);
  carry_out(self, out);
}

} // namespace

forwarder_actor::behavior_type forwarder(forwarder_pointer self, forwarder_parts parts) {
  report_exceptions(self);
  self->state.parts = std::move(parts);
  self->send(self, forward_due{});
  return {
    [self](forward_due) { look(self); },
    [self](const forward_target_set& message) {
      self->state.asking = false;
      self->state.retention_waits = message.stored;
    },
    [self](forward_turn& message) {
      happen(self,
             [&](auto& work, auto now, auto& out) { work.turn_taken(*message.mine, now, out); });
    },
    [self](forward_listed& message) {
      happen(self, [&](auto& work, auto now, auto& out) { work.listed(*message.rows, now, out); });
    },
    [self](forward_opened& message) {
      happen(self, [&](auto& work, auto now, auto& out) {
        work.opened(message.stream, std::move(*message.head), now, out);
      });
    },
    [self](forward_paged& message) {
      happen(self, [&](auto& work, auto now, auto& out) {
        work.page_read(message.asked, std::move(*message.page), now, out);
      });
    },
    [self](const forward_noted& message) {
      happen(self, [&](auto& work, auto now, auto&) { work.noted(message.stored, now); });
    },
    [self](const forward_told& message) {
      happen(self, [&](auto& work, auto now, auto& out) {
        work.told(message.stream, message.line, message.news, now, out);
      });
    },
  };
}

} // namespace furrow::actors
