#include "actors/live/census.hpp"

#include <caf/actor_addr.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <spdlog/spdlog.h>

namespace furrow::actors {

void census::store_answers() {
  if (!counters.store_up.exchange(true))
    spdlog::info("the database answers");
}

std::uint64_t
census::enter(std::uint64_t parent, const std::string& name, const caf::actor& handle) {
  const std::lock_guard lock{mutex_};
  const auto id = ++last_id_;
  entries_[id] = {{id, parent, name, "running", 0, {}}, handle};
  return id;
}

void census::set_handle(std::uint64_t id, const caf::actor& handle) {
  const std::lock_guard lock{mutex_};
  if (const auto found = entries_.find(id); found != entries_.end())
    found->second.handle = handle;
}

void census::restarted(std::uint64_t id, const caf::actor& handle, const std::string& why) {
  const std::lock_guard lock{mutex_};
  const auto found = entries_.find(id);
  if (found == entries_.end())
    return;
  found->second.handle = handle;
  found->second.row.state = "running";
  found->second.row.detail = why;
  ++found->second.row.restarts;
  ++counters.actor_restarts;
}

void census::set_state(std::uint64_t id, const std::string& state, const std::string& detail) {
  const std::lock_guard lock{mutex_};
  const auto found = entries_.find(id);
  if (found == entries_.end())
    return;
  found->second.row.state = state;
  found->second.row.detail = detail;
  if (state != "running")
    found->second.handle = nullptr;
}

void census::leave(std::uint64_t id) {
  const std::lock_guard lock{mutex_};
  entries_.erase(id);
}

void census::clear() {
  const std::lock_guard lock{mutex_};
  entries_.clear();
}

std::vector<actor_row> census::rows() const {
  const std::lock_guard lock{mutex_};
  std::vector<actor_row> rows;
  rows.reserve(entries_.size());
  for (const auto& [id, one] : entries_)
    rows.push_back(one.row);
  return rows;
}

bool census::kill(std::uint64_t id) const {
  caf::actor handle;
  {
    const std::lock_guard lock{mutex_};
    const auto found = entries_.find(id);
    if (found == entries_.end() || !found->second.handle)
      return false;
    handle = found->second.handle;
  }
  caf::anon_send_exit(handle, caf::exit_reason::kill);
  return true;
}

std::shared_ptr<census::live_slot> census::open_slot() {
  auto slot = std::make_shared<live_slot>();
  const std::lock_guard lock{mutex_};
  std::erase_if(slots_, [](const std::weak_ptr<live_slot>& old) { return old.expired(); });
  slots_.push_back(slot);
  return slot;
}

live_equipment census::live_slot::get() const {
  const std::lock_guard lock{mutex_};
  return {standing_, monitor_.live(), monitor_.ecus().ecus().size(), monitor_.faults().active()};
}

std::optional<can::machine_report>
census::live_slot::report_of(const std::string& farm, const std::string& equipment) const {
  const std::lock_guard lock{mutex_};
  if (standing_.equipment != equipment || standing_.farm != farm)
    return std::nullopt;
  return monitor_.report();
}

std::vector<std::shared_ptr<census::live_slot>> census::slots() const {
  std::vector<std::shared_ptr<live_slot>> slots;
  const std::lock_guard lock{mutex_};
  for (const auto& weak : slots_)
    if (auto slot = weak.lock())
      slots.push_back(std::move(slot));
  return slots;
}

std::vector<live_equipment> census::live() const {
  std::vector<live_equipment> states;
  for (const auto& slot : slots())
    states.push_back(slot->get());
  return states;
}

std::optional<can::machine_report> census::report_of(const std::string& farm,
                                                     const std::string& equipment) const {
  // The newest actor of a machine stands last: an older one may still be on its way out.
  std::optional<can::machine_report> newest;
  for (const auto& slot : slots())
    if (auto report = slot->report_of(farm, equipment))
      newest = std::move(report);
  return newest;
}

} // namespace furrow::actors
