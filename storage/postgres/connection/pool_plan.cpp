#include "storage/postgres/connection/pool_plan.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace furrow::storage {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds fast{100};
constexpr milliseconds backoff_max_fast{500}; // after an attempt that failed fast
constexpr milliseconds ping_after_min{1};     // else one that was just pinged would be pinged again
constexpr unsigned doublings_max = 16;
/// A job that gets its connection sooner has not waited: every hand-over takes some microseconds.
constexpr milliseconds waited_min{1};

} // namespace

pool_plan::pool_plan(const pool_options& options, std::uint32_t seed)
  : options_{options}, slots_(std::max(options.max, 1U) + options.overflow), random_{seed} {
  options_.ping_after = std::max(options_.ping_after, ping_after_min);
}

std::size_t pool_plan::count(state which) const {
  return static_cast<std::size_t>(std::count_if(
    slots_.begin(), slots_.end(), [which](const slot& each) { return each.is == which; }));
}

/// 50 to 100 % of it, so that connections that failed together do not retry together.
milliseconds pool_plan::jittered(milliseconds span) {
  std::uniform_int_distribution<std::int64_t> spread{span.count() / 2, span.count()};
  return milliseconds{spread(random_)};
}

void pool_plan::asked(time now) {
  waiting_.push_back(now);
}

void pool_plan::become_idle(slot& one, time now) {
  one.is = state::idle;
  one.idle_since = one.proven_at = now;
}

void pool_plan::opened(std::size_t at, time now) {
  ++numbers_.opened;
  database_answers();
  slots_[at].recycle_at = now + jittered(options_.recycle_after);
  become_idle(slots_[at], now);
}

void pool_plan::open_failed(
  std::size_t at, open_fault kind, failure why, std::chrono::nanoseconds took, time now) {
  slots_[at].is = state::closed;
  ++numbers_.open_failures;
  numbers_.server_full += kind == open_fault::full ? 1 : 0;
  fault_ = kind;
  why_ = std::move(why);
  const auto most = took < fast && kind != open_fault::misconfigured
                      ? std::min(options_.backoff_max, backoff_max_fast)
                      : options_.backoff_max;
  const auto pause = options_.backoff_min * (1U << std::min(failures_, doublings_max));
  next_attempt_ = now + jittered(std::min(most, pause));
  ++failures_;
}

void pool_plan::database_answers() {
  failures_ = 0;
  why_.reset();
  next_attempt_ = {};
}

void pool_plan::checked(std::size_t at, bool stands, time now) {
  ++numbers_.pings;
  auto& one = slots_[at];
  if (!stands) {
    ++numbers_.pings_failed;
    ++numbers_.broken;
    one.is = state::closed;
    return;
  }
  one.is = state::idle; // keeps its idle time: a ping is not a use
  one.proven_at = now;
}

void pool_plan::freed(std::size_t at, bool sound, time now) {
  if (sound)
    return become_idle(slots_[at], now);
  ++numbers_.broken;
  slots_[at].is = state::closed;
}

void pool_plan::was_dead(std::size_t at, time asked, time /*now*/) {
  ++numbers_.broken;
  --numbers_.acquired; // it is counted when it gets another one
  numbers_.waited -= slots_[at].waited ? 1 : 0;
  slots_[at].is = state::closed;
  waiting_.push_front(asked);
}

/// Nothing is open, and the last attempts failed.
bool pool_plan::away(time now) const {
  if (!why_ || now >= next_attempt_ || taken() != 0)
    return false;
  if (fault_ == open_fault::misconfigured)
    return true;
  return fault_ == open_fault::away && failures_ >= options_.attempts;
}

failure pool_plan::timed_out(time now) const {
  const auto waited = std::chrono::duration_cast<milliseconds>(now - waiting_.front()).count();
  std::string text = "no connection within " + std::to_string(waited)
                     + " ms: " + std::to_string(count(state::busy)) + " of "
                     + std::to_string(slots_.size()) + " in use"
                     + (count(state::busy) < options_.max
                          ? ": the server does not answer"
                          : " (--pool-max, --pool-overflow, --pool-acquire-timeout)");
  if (why_)
    text += "; the last attempt to open one: " + why_->detail;
  return {errc::retry_later, text};
}

std::optional<pool_action> pool_plan::refusal(time now) {
  if (waiting_.empty())
    return std::nullopt;
  pool_action action{pool_step::refuse, 0, waiting_.front(), std::nullopt};
  if (away(now)) {
    action.why = why_;
    ++numbers_.refused;
  } else if (now >= waiting_.front() + options_.acquire_timeout) {
    action.why = timed_out(now);
    ++numbers_.timeouts;
  } else {
    return std::nullopt;
  }
  waiting_.pop_front();
  return action;
}

std::optional<std::size_t> pool_plan::newest_idle() const {
  std::optional<std::size_t> found;
  for (std::size_t at = 0; at < slots_.size(); ++at)
    if (slots_[at].is == state::idle
        && (!found || slots_[at].idle_since > slots_[*found].idle_since))
      found = at;
  return found;
}

std::optional<std::size_t> pool_plan::oldest_idle() const {
  std::optional<std::size_t> found;
  for (std::size_t at = 0; at < slots_.size(); ++at)
    if (slots_[at].is == state::idle
        && (!found || slots_[at].idle_since < slots_[*found].idle_since))
      found = at;
  return found;
}

std::optional<pool_plan::time> pool_plan::idle_since() const {
  const auto at = oldest_idle();
  return at ? std::optional{slots_[*at].idle_since} : std::nullopt;
}

std::size_t pool_plan::give_way() {
  const auto at = *oldest_idle();
  ++numbers_.idle_closed;
  slots_[at].is = state::closed;
  return at;
}

pool_action pool_plan::close_one(std::size_t at, std::uint64_t& counter) {
  ++counter;
  slots_[at].is = state::closed;
  return {pool_step::close, at, {}, std::nullopt};
}

std::optional<pool_action> pool_plan::serve(time now) {
  if (waiting_.empty())
    return std::nullopt;
  const auto at = newest_idle();
  if (!at)
    return std::nullopt;
  auto& one = slots_[*at];
  if (now >= one.recycle_at)
    return close_one(*at, numbers_.recycled);
  if (now - one.proven_at >= options_.ping_after) {
    if (count(state::checking) >= waiting_.size())
      return std::nullopt;
    one.is = state::checking;
    return pool_action{pool_step::ping, *at, {}, std::nullopt};
  }
  one.is = state::busy;
  const auto asked = waiting_.front();
  waiting_.pop_front();
  ++numbers_.acquired;
  one.waited = now - asked >= waited_min;
  numbers_.waited += one.waited ? 1 : 0;
  return pool_action{pool_step::run, *at, asked, std::nullopt};
}

pool_action pool_plan::open_one() {
  const auto at = std::find_if(slots_.begin(), slots_.end(),
                               [](const slot& each) { return each.is == state::closed; });
  at->is = state::opening;
  return {pool_step::open, static_cast<std::size_t>(at - slots_.begin()), {}, std::nullopt};
}

std::optional<pool_action> pool_plan::grow(time now) {
  const auto open = taken();
  const auto opening = count(state::opening);
  if (open == slots_.size() || now < next_attempt_)
    return std::nullopt;
  if (failures_ > 0 && opening > 0)
    return std::nullopt; // one attempt at a time tests whether the database is back
  const auto coming = opening + count(state::checking);
  const bool wanted = waiting_.size() > coming && open < options_.max;
  if (wanted || open < options_.min)
    return open_one();
  const bool overdue =
    !waiting_.empty() && opening == 0 && now >= waiting_.front() + options_.overflow_after;
  if (open < options_.max || !overdue)
    return std::nullopt;
  ++numbers_.overflow_opened;
  return open_one();
}

std::optional<pool_action> pool_plan::tend(time now) {
  const auto open = taken();
  std::optional<std::size_t> oldest;
  for (std::size_t at = 0; at < slots_.size(); ++at) {
    auto& one = slots_[at];
    if (one.is != state::idle)
      continue;
    if (now >= one.recycle_at)
      return close_one(at, numbers_.recycled);
    if (!oldest || one.idle_since < slots_[*oldest].idle_since)
      oldest = at;
  }
  if (!oldest)
    return std::nullopt;
  const auto idle = now - slots_[*oldest].idle_since;
  if ((open > options_.max && idle >= overflow_idle)
      || (open > options_.min && idle >= options_.idle_after))
    return close_one(*oldest, numbers_.idle_closed);
  for (std::size_t at = 0; at < slots_.size(); ++at) {
    if (slots_[at].is != state::idle || now - slots_[at].proven_at < options_.check_interval)
      continue;
    slots_[at].is = state::checking;
    return pool_action{pool_step::ping, at, {}, std::nullopt};
  }
  return std::nullopt;
}

std::optional<pool_action> pool_plan::next(time now) {
  if (auto action = serve(now))
    return action;
  if (auto action = refusal(now))
    return action;
  if (auto action = grow(now))
    return action;
  return tend(now);
}

pool_plan::time pool_plan::wake_at() const {
  auto at = time::max();
  const auto by = [&at](time when) { at = std::min(at, when); };
  const auto open = taken();
  if (!waiting_.empty())
    by(waiting_.front() + options_.acquire_timeout);
  // While one is being opened, its result wakes the plan.
  const bool may_open = open < slots_.size() && count(state::opening) == 0;
  if (may_open && !waiting_.empty() && open >= options_.max)
    by(std::max(waiting_.front() + options_.overflow_after, next_attempt_));
  else if (may_open && (!waiting_.empty() || open < options_.min))
    by(next_attempt_);
  for (const auto& each : slots_) {
    if (each.is != state::idle)
      continue;
    by(each.recycle_at);
    by(each.proven_at + options_.check_interval);
    if (open > options_.max)
      by(each.idle_since + overflow_idle);
    if (open > options_.min)
      by(each.idle_since + options_.idle_after);
  }
  return at;
}

pool_numbers pool_plan::numbers() const {
  auto out = numbers_;
  out.idle = count(state::idle) + count(state::checking);
  out.in_use = count(state::busy);
  out.opening = count(state::opening);
  out.open = out.idle + out.in_use;
  out.overflow = out.open > options_.max ? out.open - options_.max : 0;
  out.waiting = waiting_.size();
  return out;
}

} // namespace furrow::storage
