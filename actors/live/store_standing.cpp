#include "actors/live/store_standing.hpp"

#include <algorithm>

namespace furrow::actors {

namespace {
constexpr std::array<const char*, 3> names{"append", "claim", "health check"};
} // namespace

std::string in_public(const std::string& why) {
  // libpq: `connection to server at "10.0.0.7", port 5432 failed: FATAL: ...`
  static const std::string before = "connection to server at ";
  static const std::string after = " failed: ";
  const auto from = why.find(before);
  if (from == std::string::npos)
    return why;
  const auto to = why.find(after, from);
  return to == std::string::npos ? why.substr(0, from)
                                 : why.substr(0, from) + why.substr(to + after.size());
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
  if (auto& append = of(store_work::append); now - append.at >= forgotten_after)
    append.why.clear();
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
