#include "actors/live/store_standing.hpp"

#include <algorithm>
#include <string_view>

namespace furrow::actors {

namespace {
constexpr std::array<const char*, 3> names{"append", "claim", "health check"};

/// What names a server: from `begin` to `end`.
struct address_text {
  std::string_view begin;
  std::string_view end;
  std::string_view instead;
};
constexpr std::array not_public{
  // libpq, once for each address: `connection to server at "10.0.0.7", port 5432 failed: FATAL: ...`
  address_text{"connection to server ", " failed: ", ""},
  address_text{"host name \"", "\"", "host name"},
  address_text{"server certificate for \"", "\"", "server certificate"},
  address_text{"for host \"", "\"", "for this host"}, // no pg_hba.conf entry
  address_text{"\"postgresql://", "\"", "URL"},       // of the directory
  address_text{"\"postgres://", "\"", "URL"},
};
} // namespace

std::string in_public(const std::string& why) {
  std::string out = why;
  for (const auto& [begin, end, instead] : not_public)
    for (auto from = out.find(begin); from != std::string::npos;
         from = out.find(begin, from + instead.size())) {
      const auto to = out.find(end, from + begin.size());
      const auto count = to == std::string::npos ? to : to + end.size() - from;
      out.replace(from, count, instead);
    }
  return out;
}

store_standing::change store_standing::settle() {
  const bool now_up = known_ && std::all_of(work_.begin(), work_.end(), [](const auto& one) {
                        return one.why.empty();
                      });
  if (now_up == up_)
    return change::none;
  up_ = now_up;
  return now_up ? change::came_up : change::went_down;
}

store_standing::change store_standing::succeeded(store_work what, time_point now) {
  const std::lock_guard lock{mutex_};
  known_ = true;
  of(what).why.clear();
  if (what != store_work::check) // it has reached the database as a check would
    of(store_work::check).why.clear();
  for (const auto work : {store_work::append, store_work::claim})
    if (now - of(work).at >= forgotten_after)
      of(work).why.clear();
  return settle();
}

store_standing::change
store_standing::failed(store_work what, const std::string& why, time_point now) {
  const std::lock_guard lock{mutex_};
  of(what) = {why.empty() ? "no reason given" : why, now};
  return settle();
}

bool store_standing::up() const {
  const std::lock_guard lock{mutex_};
  return up_;
}

bool store_standing::failing() const {
  const std::lock_guard lock{mutex_};
  return std::any_of(work_.begin(), work_.end(), [](const auto& one) { return !one.why.empty(); });
}

std::string store_standing::fault() const {
  const std::lock_guard lock{mutex_};
  for (std::size_t i = 0; i < work_.size(); ++i)
    if (!work_[i].why.empty())
      return std::string{"the last "} + names[i] + " failed: " + in_public(work_[i].why);
  return known_ ? std::string{} : "the database has not answered yet";
}

} // namespace furrow::actors
