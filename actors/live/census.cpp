#include "actors/live/census.hpp"

#include "actors/live/metered_actor.hpp"
#include "actors/log/log.hpp"

#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace furrow::actors {

home_standing& census::home(std::size_t index) {
  const std::lock_guard lock{mutex_};
  return homes_[index];
}

void census::name_home(std::size_t index, const std::string& name) {
  const std::lock_guard lock{mutex_};
  homes_[index].name = name;
}

std::string census::prefix_of(std::size_t index) {
  const auto& name = home(index).name;
  return name.empty() ? std::string{} : "database " + name + ": ";
}

std::vector<database_standing> census::databases(clock::time_point now) const {
  std::vector<database_standing> out;
  const std::lock_guard lock{mutex_};
  for (const auto& [index, one] : homes_) {
    if (index == 0)
      continue;
    auto& row = out.emplace_back();
    row.name = one.name;
    row.up = one.work.up();
    if (one.work.failing())
      row.fault = one.work.fault();
    row.stalled_s = static_cast<std::uint64_t>(one.stall.since(now).count());
    row.streams_held = one.stall.streams_held();
  }
  return out;
}

void census::home_missing(const std::string& database, const storage::failure& why) {
  log::warn(log::store, "database_missing", {.error = why.detail},
            "database {}: its farms are missing in answers over all farms: {}", database,
            why.detail);
}

bool census::timeline_seen(std::size_t index, std::uint64_t timeline, clock::time_point now) {
  const std::lock_guard lock{mutex_};
  return homes_[index].server.look(timeline, now);
}

void census::note_left(std::size_t index, const std::function<void(home_backlog&)>& change) {
  home_backlog all;
  const std::lock_guard lock{mutex_};
  change(homes_[index].left);
  for (const auto& [at, one] : homes_) {
    all.streams_behind += one.left.streams_behind;
    all.items_behind += one.left.items_behind;
    all.partitions_waiting += one.left.partitions_waiting;
    all.rows_stray += one.left.rows_stray;
    all.retention_held_seconds =
      std::max(all.retention_held_seconds, one.left.retention_held_seconds);
    if (one.left.oldest_us != 0)
      all.oldest_us =
        all.oldest_us == 0 ? one.left.oldest_us : std::min(all.oldest_us, one.left.oldest_us);
  }
  counters.digest_streams_behind = all.streams_behind;
  counters.digest_items_behind = all.items_behind;
  counters.digest_oldest_us = all.oldest_us;
  counters.partitions_waiting = all.partitions_waiting;
  counters.partition_rows_stray = all.rows_stray;
  counters.retention_held_seconds = all.retention_held_seconds;
}

void census::store_succeeded(store_work what, store_standing::time_point now, std::size_t index) {
  auto& one = home(index);
  const auto change = one.work.succeeded(what, now);
  if (index == 0)
    counters.store_up = one.work.up();
  if (change == store_standing::change::came_up)
    log::info(log::store, "database_answers", {}, "{}the database answers", prefix_of(index));
}

void census::store_failed(store_work what,
                          const storage::failure& why,
                          store_standing::time_point now,
                          std::size_t index) {
  auto& one = home(index);
  const auto change = one.work.failed(what, why.detail, now);
  if (index == 0)
    counters.store_up = one.work.up();
  if (change != store_standing::change::went_down)
    return;
  const auto of = prefix_of(index);
  switch (what) {
  case store_work::append:
    log::warn(
      log::store, "append_failed", {.error = why.detail},
      "{}append failed ({}): {}; items that are not durable are dropped and asked for again", of,
      storage::to_string(why.code), why.detail);
    return;
  case store_work::claim:
    log::warn(log::store, "claim_failed", {.error = why.detail},
              "{}streams cannot be claimed ({}): {}; trying again", of,
              storage::to_string(why.code), why.detail);
    return;
  case store_work::check:
    log::warn(log::store, "database_away", {.error = why.detail},
              "{}the database does not answer: {}", of, why.detail);
    return;
  }
}

void census::keeps_failing(const std::string& name,
                           std::string what,
                           clock::time_point now,
                           bool unready) {
  const std::lock_guard lock{mutex_};
  failing_[name] = {std::move(what), now, unready};
}

std::vector<std::string> census::failing(clock::time_point now, bool unready) const {
  std::vector<std::string> out;
  const std::lock_guard lock{mutex_};
  for (const auto& [name, one] : failing_)
    if (one.unready == unready && now - one.seen < failing_kept)
      out.push_back(one.what);
  return out;
}

void census::last_restart(const std::string& why) {
  std::function<void(const std::string&)> told;
  {
    const std::lock_guard lock{mutex_};
    told = told_last_;
  }
  if (told)
    told(why);
}

void census::on_last_restart(std::function<void(const std::string&)> told) {
  const std::lock_guard lock{mutex_};
  told_last_ = std::move(told);
}

void census::entry::take(const caf::actor& given) {
  handle = given;
  meter.reset();
  if (!given)
    return;
  const auto* counted = dynamic_cast<const metered*>(caf::actor_cast<caf::abstract_actor*>(given));
  if (counted == nullptr)
    return;
  meter = counted->meter();
  row.kind = counted->kind();
}

actor_row census::entry::reading(actor_meter::clock::time_point now) const {
  auto made = row;
  if (!meter)
    return made;
  const auto seen = meter->look(now);
  made.waiting = seen.waiting;
  made.oldest_us = seen.oldest_us;
  made.handled = seen.handled;
  made.busy_us = seen.busy_us;
  return made;
}

std::uint64_t
census::enter(std::uint64_t parent, const std::string& name, const caf::actor& handle) {
  const std::lock_guard lock{mutex_};
  const auto id = ++last_id_;
  auto& made = entries_[id];
  made.row = {id, parent, name, "running", 0, {}};
  made.take(handle);
  return id;
}

void census::set_handle(std::uint64_t id, const caf::actor& handle) {
  const std::lock_guard lock{mutex_};
  if (const auto found = entries_.find(id); found != entries_.end())
    found->second.take(handle);
}

void census::restarted(std::uint64_t id, const caf::actor& handle, const std::string& why) {
  const std::lock_guard lock{mutex_};
  const auto found = entries_.find(id);
  if (found == entries_.end())
    return;
  found->second.take(handle);
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
    found->second.take(nullptr);
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
  const auto now = actor_meter::clock::now();
  const std::lock_guard lock{mutex_};
  std::vector<actor_row> rows;
  rows.reserve(entries_.size());
  for (const auto& [id, one] : entries_)
    rows.push_back(one.reading(now));
  return rows;
}

std::optional<actor_row> census::row(std::uint64_t id) const {
  const std::lock_guard lock{mutex_};
  const auto found = entries_.find(id);
  if (found == entries_.end())
    return std::nullopt;
  return found->second.reading(actor_meter::clock::now());
}

bool census::kill(std::uint64_t id) {
  return send_exit(id, caf::exit_reason::kill);
}

bool census::restart(std::uint64_t id) {
  return send_exit(id, operator_restart);
}

bool census::send_exit(std::uint64_t id, caf::exit_reason why) const {
  caf::actor handle;
  {
    const std::lock_guard lock{mutex_};
    const auto found = entries_.find(id);
    if (found == entries_.end() || !found->second.handle)
      return false;
    handle = found->second.handle;
  }
  caf::anon_send_exit(handle, why);
  return true;
}

} // namespace furrow::actors
