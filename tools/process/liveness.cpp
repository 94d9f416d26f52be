#include "tools/process/liveness.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

#include <boost/asio/post.hpp>

namespace furrow {

namespace {

using std::chrono::microseconds;

constexpr std::chrono::milliseconds retry_interval{100};
/// Of a round trip where the service manager has set none.
constexpr std::chrono::seconds period_default{30};

microseconds interval_of(const service_manager& manager) {
  return std::min<microseconds>(manager.watchdog().value_or(period_default) / 2,
                                liveness::status_interval);
}

std::string monotonic_us() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::to_string(now.tv_sec * 1'000'000 + now.tv_nsec / 1'000);
}

/// A line end would begin another message.
std::string one_line(std::string text) {
  std::replace_if(
    text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  return text;
}

} // namespace

liveness::liveness(boost::asio::io_context& io,
                   std::function<std::string()> status,
                   service_manager manager)
  : io_{io}, timer_{io}, status_{std::move(status)}, manager_{std::move(manager)},
    interval_{interval_of(manager_)}, watchdog_{manager_.watchdog().value_or(period_default)} {}

void liveness::start() {
  if (!manager_.present())
    return;
  send_status();
  tick();
}

void liveness::tick() {
  if (!unsent_.empty() && manager_.tell(unsent_))
    unsent_.clear();
  if (watchdog_.begins(watchdog::time_point::clock::now()))
    go(0);
  timer_.expires_after(unsent_.empty() ? interval_ : microseconds{retry_interval});
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && !ended_)
      tick();
  });
}

void liveness::go(std::size_t next) {
  if (ended_)
    return;
  if (next < stops_.size()) {
    stops_[next]([this, next] { boost::asio::post(io_, [this, next] { go(next + 1); }); });
    return;
  }
  if (!watchdog_.came_back(watchdog::time_point::clock::now()))
    return;
  if (ready_)
    (void)manager_.tell("WATCHDOG=1"); // the next one is soon
  else
    (void)manager_.tell("EXTEND_TIMEOUT_USEC="
                        + std::to_string(microseconds{start_extension}.count()));
  send_status();
}

void liveness::send_status() {
  (void)manager_.tell("STATUS=" + one_line(status_()));
}

void liveness::announce(std::string message) {
  if (!manager_.present() || manager_.tell(message)) {
    unsent_.clear(); // the newer message is the one that holds
    return;
  }
  unsent_ = std::move(message);
  if (!ended_)
    tick();
}

void liveness::ready() {
  ready_ = true;
  announce("READY=1\nSTATUS=" + one_line(status_()));
}

void liveness::reloading() {
  announce("RELOADING=1\nMONOTONIC_USEC=" + monotonic_us());
}

void liveness::stopping(microseconds longest) {
  announce("STOPPING=1\nSTATUS=" + one_line(status_()));
  (void)manager_.tell("EXTEND_TIMEOUT_USEC=" + std::to_string(longest.count()));
}

void liveness::end() {
  ended_ = true;
  timer_.cancel();
}

} // namespace furrow
