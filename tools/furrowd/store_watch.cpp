#include "tools/furrowd/store_watch.hpp"

#include "actors/log/log.hpp"
#include "storage/store.hpp"

#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <boost/asio/post.hpp>

namespace furrow::daemon {

namespace asio = boost::asio;

namespace {
constexpr std::chrono::seconds look_every{2};
constexpr std::chrono::seconds answer_limit{
  5};                                     // then /ready reports that the database does not answer
constexpr unsigned looks_per_refresh = 5; // of the directory
constexpr unsigned looks_per_hold = 30;   // one question a minute
constexpr unsigned first_hold_look = 6;   // a node that forwards has said so by then

/// Where a server has its files is known only when a person says so.
std::filesystem::path folder_of(const settings& settings) {
  constexpr std::string_view sqlite = "sqlite:";
  if (!settings.watch_disk.empty())
    return settings.watch_disk;
  if (!settings.database.starts_with(sqlite))
    return {};
  std::error_code error;
  return std::filesystem::absolute(settings.database.substr(sqlite.size()), error).parent_path();
}
} // namespace

store_watch::store_watch(asio::io_context& io, asio::io_context& people, const settings& settings)
  : io_{io}, timer_{io}, dbc_look_{people}, folder_{folder_of(settings)} {}

void store_watch::start(const watched_parts& parts) {
  parts_.emplace(parts);
  look();
}

void store_watch::stop() {
  stopped_ = true;
  timer_.cancel();
}

void store_watch::look() {
  if (stopped_)
    return;
  log::look();
  tell_alarms();
  look_at_disk();
  look_at_hold();
  dbc_look_.look(parts_->store.dbc(), parts_->dbc);
  ask_health();
  timer_.expires_after(look_every);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error)
      look();
  });
}

void store_watch::ask_health() {
  for (const auto& one : parts_->homes.open())
    ask(one.index, *one.store);
  if (looks_++ % looks_per_refresh == 0)
    parts_->homes.refresh();
}

void store_watch::ask(std::size_t home, storage::store& store) {
  const auto now = std::chrono::steady_clock::now();
  auto& question = questions_[home];
  if (question.asked) {
    // Once: work that succeeds meanwhile knows better.
    if (now - *question.asked >= answer_limit && !std::exchange(question.late, true))
      parts_->checks.note_check(
        home, {.why = "no answer within " + std::to_string(answer_limit.count()) + " s"});
    return;
  }
  question.asked = now;
  // The answer may come while the node is being destroyed: nothing of it is used on the store's thread.
  store.health([this, home](storage::result<storage::store_health> health) {
    asio::post(io_, [this, home, health = std::move(health)] {
      if (health)
        parts_->checks.note_check(home, {health->up, health->detail, health->timeline});
      else
        parts_->checks.note_check(home, {.why = health.error().detail});
      questions_[home] = {};
    });
  });
}

void store_watch::look_at_disk() {
  if (folder_.empty())
    return;
  std::error_code error;
  const auto room = std::filesystem::space(folder_, error);
  if (!error && room.capacity > 0)
    parts_->host.disk_used_pct = 100 - room.available * 100 / room.capacity;
}

/// A start without --forward leaves what retention keeps for head office: then nobody forwards it, and the disk fills.
void store_watch::look_at_hold() {
  auto* const site = parts_->store.forward();
  if (site == nullptr || parts_->forwards || hold_looks_++ % looks_per_hold != first_hold_look)
    return;
  site->read_hold([this](storage::result<storage::forward_hold> hold) {
    asio::post(io_, [this, hold = std::move(hold)] {
      if (hold)
        note_hold(*hold);
    });
  });
}

void store_watch::note_hold(const storage::forward_hold& hold) {
  parts_->host.forward_items_held = hold.items;
  if (!hold.target.empty() && !std::exchange(hold_told_, true))
    log::warn(log::node, "forward_held", {.count = hold.items},
              "retention keeps {} items for head office {}, but no node forwards them: start with "
              "--forward, or with --forward none if this is no site any more",
              hold.items, hold.target);
  hold_told_ = !hold.target.empty();
}

/// As the work with the database left it, before the look that follows says how it is now.
void store_watch::tell_alarms() {
  parts_->store.activity(
    [this, stats = parts_->meter.stats()](storage::result<storage::store_activity> activity) {
      asio::post(io_, [this, stats, activity = std::move(activity)] {
        const auto alarms =
          http::alarms_of(stats, activity ? &*activity : nullptr, parts_->http.figures());
        for (const auto& change : alarms_.look(std::chrono::steady_clock::now(), alarms))
          if (change.raised)
            log::warn(log::node, "alarm_raised", {.error = change.alarm.name},
                      "alarm {}: {}; `furrow report` says more", change.alarm.name,
                      change.alarm.text);
          else
            log::info(log::node, "alarm_over", {.error = change.alarm.name}, "alarm {} is over",
                      change.alarm.name);
      });
    });
}

} // namespace furrow::daemon
