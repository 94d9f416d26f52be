/// Reports the life of a program to its service manager: READY, RELOADING, STOPPING, a sentence for `systemctl status`, and
/// the watchdog, fed by a round trip through the threads of the program.
///
/// Shape: every interval() a round trip passes all stops in order. When it is back, WATCHDOG=1 and a new STATUS are sent.
///   Until the program is ready, EXTEND_TIMEOUT_USEC is sent instead: a start that waits for a database is no failure.
///   Without a service manager it does nothing.
/// Errors: READY, RELOADING and STOPPING that are not taken are sent again; other messages are not.
/// Threads: all methods on the io thread; it must end() before the stops end.
#pragma once

#include "tools/process/service_manager.hpp"
#include "tools/process/watchdog.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace furrow {

class liveness {
public:
  /// Lets the thread that it stands for call `back`. It is called on the io thread.
  using stop = std::function<void(std::function<void()> back)>;

  static constexpr std::chrono::seconds status_interval{5};
  static constexpr std::chrono::seconds start_extension{60};

  /// `status` says in one sentence what the program does.
  liveness(boost::asio::io_context& io,
           std::function<std::string()> status,
           service_manager manager = service_manager::from_environment());

  void pass(stop through) { stops_.push_back(std::move(through)); }
  void start();
  void ready();
  /// Between these two the program reads its settings again.
  void reloading();
  void reloaded() { ready(); }
  /// The program ends within `longest`.
  void stopping(std::chrono::microseconds longest);
  /// The last call: no round trip begins any more.
  void end();

  /// Half of the watchdog's period, at most status_interval.
  [[nodiscard]] std::chrono::microseconds interval() const { return interval_; }

private:
  void tick();
  void go(std::size_t next);
  void send_status();
  /// Must arrive; sent again until it is taken.
  void announce(std::string message);

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  std::function<std::string()> status_;
  const service_manager manager_;
  const std::chrono::microseconds interval_;
  watchdog watchdog_;
  std::vector<stop> stops_;
  std::string unsent_;
  bool ready_ = false;
  bool ended_ = false;
};

} // namespace furrow
