#include "storage/homes/home_router.hpp"

namespace furrow::storage {

namespace {

constexpr std::chrono::minutes tell_every{1};
constexpr std::chrono::seconds try_every{1};

} // namespace

void home_watch::missing(const std::string& database, const failure& why) {
  const auto now = clock::now();
  {
    const std::lock_guard lock{mutex_};
    const auto [told, first] = told_.try_emplace(database, now);
    if (!first && now - told->second < tell_every)
      return;
    told->second = now;
  }
  if (listener_)
    listener_(database, why);
}

void home_watch::silent(const std::string& database) {
  const std::lock_guard lock{mutex_};
  silent_.insert_or_assign(database, clock::now());
}

void home_watch::answered(const std::string& database) {
  const std::lock_guard lock{mutex_};
  silent_.erase(database);
}

bool home_watch::is_silent(const std::string& database) const {
  const std::lock_guard lock{mutex_};
  return silent_.contains(database);
}

bool home_watch::may_try(const std::string& database) {
  const auto now = clock::now();
  const std::lock_guard lock{mutex_};
  const auto at = silent_.find(database);
  if (at == silent_.end() || now - at->second < try_every)
    return false;
  at->second = now;
  return true;
}

} // namespace furrow::storage
