#include "actors/supervision/supervisor.hpp"

#include "actors/log/log.hpp"
#include "actors/supervision/exceptions.hpp"

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/system_messages.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace furrow::actors {

namespace {

using supervisor_pointer = metered_actor<supervisor_state>*;

void start(supervisor_pointer self, supervisor_state::child& child) {
  const auto& spec = child.spec;
  child.handle =
    spec.start
      ? spec.start(self, child.census_id)
      : caf::actor{self->spawn(supervisor, child.census_id, spec.children, self->state.people)};
  child.running = true;
  child.account.started(self->clock().now());
  self->monitor(child.handle);
}

void restart(supervisor_pointer self, std::size_t index, const std::string& why) {
  auto& child = self->state.children[index];
  start(self, child);
  self->state.people->restarted(child.census_id, child.handle, why);
  child.spec.started(child.handle);
}

void add(supervisor_pointer self, const child_spec& spec) {
  auto& state = self->state;
  auto& child = state.children.emplace_back();
  child.spec = spec;
  child.census_id = state.people->enter(state.census_id, spec.id, nullptr);
  start(self, child);
  state.people->set_handle(child.census_id, child.handle);
  spec.started(child.handle);
}

void add(supervisor_pointer self, const child_order& order) {
  auto& state = self->state;
  const bool known = std::any_of(state.children.begin(), state.children.end(),
                                 [&](const auto& one) { return one.spec.id == order.child.id; });
  if (known || state.added >= supervisor_state::added_max)
    return;
  ++state.added;
  add(self, order.child);
}

/// What log lines call a child.
std::string name_of(const child_spec& spec) {
  const bool told = spec.database.empty() || spec.id.ends_with(" " + spec.database);
  return told ? spec.id : spec.id + " of database " + spec.database;
}

void child_died(supervisor_pointer self, const caf::down_msg& down) {
  auto& state = self->state;
  const auto child =
    std::find_if(state.children.begin(), state.children.end(), [&](const auto& one) {
      return one.running && one.handle.address() == down.source;
    });
  if (child == state.children.end())
    return;
  child->running = false;
  child->handle = nullptr;
  const auto index = static_cast<std::size_t>(child - state.children.begin());
  const auto name = name_of(child->spec);
  if (down.reason == operator_restart) {
    log::info(log::node, "actor_restarted", {}, "{} is restarted for an operator", name);
    restart(self, index, "an operator restarted it");
    return;
  }
  const auto why = self->system().render(down.reason);
  const auto& policy = child->spec.restart;
  auto wait = child->account.next(policy, self->clock().now());
  const auto deaths = child->account.recent() + (wait ? 0 : 1);
  if (deaths >= policy.failing_after)
    state.people->keeps_failing(
      name,
      fmt::format("{} died {} times within {} s ({})", name, deaths, policy.window.count(), why),
      self->clock().now(), child->spec.database.empty());
  if (!wait && policy.keeps_trying)
    wait = policy.longest_wait;
  if (!wait) {
    log::error(log::node, "restarts_spent", {.error = why},
               "{} died again ({}): its restart budget is spent", name, why);
    self->quit(down.reason ? down.reason : caf::make_error(caf::exit_reason::unhandled_exception));
    return;
  }
  log::warn(log::node, "actor_died", {.error = why}, "{} died ({}); restarting it in {} ms", name,
            why, wait->count());
  state.people->set_state(child->census_id, "restarting",
                          fmt::format("in {} ms: {}", wait->count(), why));
  if (policy.last_drains && child->account.recent() >= policy.restarts_max)
    state.people->last_restart(fmt::format("{} died {} times within {} s ({}) and is restarted for "
                                           "the last time",
                                           child->spec.id, child->account.recent(),
                                           policy.window.count(), why));
  self->delayed_send(self, *wait, std::uint64_t{index}, why);
}

} // namespace

supervisor_state::~supervisor_state() {
  // NOLINTNEXTLINE(modernize-loop-convert): clang 14 cannot compile the reverse view
  for (auto died = children.rbegin(); died != children.rend(); ++died) {
    if (died->running)
      caf::anon_send_exit(died->handle, caf::exit_reason::user_shutdown);
    people->leave(died->census_id);
  }
}

caf::behavior supervisor(supervisor_pointer self,
                         std::uint64_t census_id,
                         const std::vector<child_spec>& children,
                         std::shared_ptr<census> people) {
  report_exceptions(self);
  self->state.people = std::move(people);
  self->state.census_id = census_id;
  self->set_down_handler([self](const caf::down_msg& down) { child_died(self, down); });
  self->state.children.reserve(children.size());
  for (const auto& spec : children)
    add(self, spec);
  return {
    [self](const child_order& order) { add(self, order); },
    // a wait is over: start that child again
    [self](std::uint64_t index, const std::string& why) { restart(self, index, why); },
  };
}

} // namespace furrow::actors
