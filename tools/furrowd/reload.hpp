/// SIGHUP: reads the configuration again and applies what can change while the node runs.
///
/// Shape: applied are the keys that furrowd_keys.cpp marks `at_reload`: token file, certificates of both listeners and of
///   the link, log level, limits of HTTP clients, age of cached answers. The files that the keys name are read
///   again also when the keys have not changed. Open connections go on; new handshakes and requests use what is new.
///   Other changed keys are named in one line: "restart needed: lanes".
/// Errors: one error line. Then nothing has changed: everything is read and checked before anything is applied.
/// Threads: made, started and stopped on the thread of the signals; it reads and applies on the thread for people.
/// Limits: one reload at a time; a signal that arrives meanwhile is served after it.
#pragma once

#include "actors/live/counters.hpp"
#include "tools/config/settings_board.hpp"
#include "tools/furrowd/access/authority.hpp"
#include "tools/furrowd/config/settings.hpp"
#include "tools/furrowd/front/server.hpp"
#include "tools/furrowd/link/link_hub.hpp"

#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace furrow::daemon {

/// What a reload changes. All of it outlives the reloader.
struct reload_targets {
  tls_slot gateways; // shared with the listener
  tls_slot http;
  std::shared_ptr<link_hub> link; // null: no link
  http::http_server& http_server;
  actors::host_gauges& host;
  authority& access;
  config::settings_board& settings; // shows what is in force after a reload
};

class reloader {
public:
  struct events {
    std::function<void()> begins; // for the service manager; on the thread of the signals
    std::function<void()> ended;
  };
  reloader(boost::asio::io_context& signals,
           boost::asio::io_context& people,
           const settings& first,
           reload_targets targets,
           events on);

  /// Reloads at every SIGHUP from now on. Only for a node without a terminal.
  void start();
  /// No reload begins any more.
  void stop();

private:
  void await();
  void reload();
  void apply(settings now);

  boost::asio::io_context& io_;
  boost::asio::io_context& people_;
  boost::asio::signal_set signals_;
  const command_line line_;
  config::in_force in_force_; // only on the thread for people
  bool has_token_file_;       // the same
  const reload_targets targets_;
  const events on_;
  bool stopped_ = false;
};

} // namespace furrow::daemon
