#include "actors/live/census.hpp"

#include <caf/actor_addr.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <spdlog/spdlog.h>

namespace furrow::actors {

void census::store_succeeded(store_work what, store_standing::time_point now) {
  const auto change = store_.succeeded(what, now);
  counters.store_up = store_.up();
  if (change == store_standing::change::came_up)
    spdlog::info("the database answers");
}

void census::store_failed(store_work what,
                          const storage::failure& why,
                          store_standing::time_point now) {
  const auto change = store_.failed(what, why.detail, now);
  counters.store_up = store_.up();
  if (change != store_standing::change::went_down)
    return;
  switch (what) {
  case store_work::append:
    spdlog::warn(
      "append failed ({}): {}; items that are not durable are dropped and asked for again",
      storage::to_string(why.code), why.detail);
    return;
  case store_work::claim:
    spdlog::warn("streams cannot be claimed ({}): {}; trying again", storage::to_string(why.code),
                 why.detail);
    return;
  case store_work::check:
    spdlog::warn("the database does not answer: {}", why.detail);
    return;
  }
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

} // namespace furrow::actors
