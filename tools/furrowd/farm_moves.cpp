#include "tools/furrowd/farm_moves.hpp"

#include "actors/log/log.hpp"
#include "storage/postgres/homes/farm_mover.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

namespace furrow::daemon {

namespace {
/// A farm between two databases stands still: its machines wait for the process that goes on.
constexpr std::chrono::seconds orders_every{1};
constexpr std::chrono::seconds end_patience{2};
} // namespace

struct farm_moves::standing {
  std::mutex mutex;
  std::condition_variable changed;
  bool stopped = false;
  bool ended = false;

  [[nodiscard]] bool goes_on() {
    const std::lock_guard lock{mutex};
    return !stopped;
  }
  /// False: stopped.
  [[nodiscard]] bool wait() {
    std::unique_lock lock{mutex};
    return !changed.wait_for(lock, orders_every, [this] { return stopped; });
  }
  void run(storage::store_options main);
};

void farm_moves::standing::run(storage::store_options main) {
  storage::farm_move_watch watch{std::move(main)};
  std::string told;
  while (wait()) {
    const auto moved = watch.resume([this] { return goes_on(); });
    if (!goes_on())
      break;
    if (moved && *moved > 0)
      log::info(log::store, "farm_moved", {}, "{} farms have moved to another database", *moved);
    const auto why = moved ? std::string{} : moved.error().detail;
    if (!why.empty() && why != told)
      log::warn(log::store, "farm_move_waits", {.error = why},
                "a farm on its way to another database waits: {}", why);
    told = why;
  }
  {
    const std::lock_guard lock{mutex};
    ended = true;
  }
  changed.notify_all();
}

farm_moves::farm_moves() : standing_{std::make_shared<standing>()} {}

void farm_moves::start(storage::store_options main) {
  worker_ =
    std::thread{[of = standing_, main = std::move(main)]() mutable { of->run(std::move(main)); }};
}

void farm_moves::stop() {
  {
    const std::lock_guard lock{standing_->mutex};
    standing_->stopped = true;
  }
  standing_->changed.notify_all();
}

farm_moves::~farm_moves() {
  stop();
  if (!worker_.joinable())
    return;
  std::unique_lock lock{standing_->mutex};
  const bool ended =
    standing_->changed.wait_for(lock, end_patience, [this] { return standing_->ended; });
  lock.unlock();
  if (ended)
    worker_.join();
  else
    worker_.detach();
}

} // namespace furrow::daemon
