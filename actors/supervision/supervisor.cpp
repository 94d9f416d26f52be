#include "actors/supervision/supervisor.hpp"

#include "actors/supervision/exceptions.hpp"

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/system_messages.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

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
  if (down.reason == operator_restart) {
    spdlog::info("{} is restarted for an operator", child->spec.id);
    restart(self, index, "an operator restarted it");
    return;
  }
  const auto why = self->system().render(down.reason);
  const auto& policy = child->spec.restart;
  const auto wait = child->account.next(policy, self->clock().now());
  const auto deaths = child->account.recent() + (wait ? 0 : 1);
  if (deaths >= policy.failing_after)
    state.people->keeps_failing(child->spec.id,
                                fmt::format("{} died {} times within {} s ({})", child->spec.id,
                                            deaths, policy.window.count(), why),
                                self->clock().now());
  if (!wait) {
    spdlog::error("{} died again ({}): its restart budget is spent", child->spec.id, why);
    self->quit(down.reason ? down.reason : caf::make_error(caf::exit_reason::unhandled_exception));
    return;
  }
  spdlog::warn("{} died ({}); restarting it in {} ms", child->spec.id, why, wait->count());
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
  self->set_down_handler([self](const caf::down_msg& down) { child_died(self, down); });
  self->state.children.reserve(children.size());
  for (const auto& spec : children) {
    auto& child = self->state.children.emplace_back();
    child.spec = spec;
    child.census_id = self->state.people->enter(census_id, spec.id, nullptr);
    start(self, child);
    self->state.people->set_handle(child.census_id, child.handle);
    spec.started(child.handle);
  }
  return {
    // a wait is over: start that child again
    [self](std::uint64_t index, const std::string& why) { restart(self, index, why); },
  };
}

} // namespace furrow::actors
