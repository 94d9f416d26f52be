/// Looks at the store every two seconds: whether it answers, which alarms there are, how full its disk is, what retention
/// keeps for a head office to which no node forwards, which DBC files are active. A node without gateways learns nothing
/// of its database by working.
///
/// Shape: nothing here waits for the database, because one that hangs does not even fail for a minute. Where farms live
///   in other databases, each of those is asked by itself, and the directory is read again every ten seconds.
/// Errors: a store that does not answer is noted among the checks: main for /ready, another one for the alarm `database`.
/// Threads: the gateways' io thread.
#pragma once

#include "actors/live/counters.hpp"
#include "actors/live/database_checks.hpp"
#include "actors/live/node_meter.hpp"
#include "storage/forward/forward_store.hpp"
#include "storage/homes/home_stores.hpp"
#include "tools/furrowd/api/alarms.hpp"
#include "tools/furrowd/config/settings.hpp"
#include "tools/furrowd/dbc_look.hpp"
#include "tools/furrowd/front/server.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace furrow::daemon {

/// What is looked at, and where that is noted.
struct watched_parts {
  storage::store& store; // all databases as one
  storage::home_stores& homes;
  actors::database_checks& checks;
  actors::host_gauges& host;
  const actors::node_meter& meter;
  actors::dbc_board& dbc;
  http::http_server& http;
  bool forwards = false; // to head office
};

class store_watch {
public:
  /// `people`: the executor for work that takes its time.
  store_watch(boost::asio::io_context& io,
              boost::asio::io_context& people,
              const settings& settings);

  /// The parts outlive the last answer.
  void start(const watched_parts& parts);
  void stop();

private:
  void look();
  void look_at_disk();
  void look_at_hold();
  void note_hold(const storage::forward_hold& hold);
  void tell_alarms();
  void ask_health();
  void ask(std::size_t home, storage::store& store);

  /// A question about the health of a database.
  struct question {
    std::optional<std::chrono::steady_clock::time_point> asked; // it has not answered yet
    bool late = false;                                          // and that was told
  };

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  dbc_look dbc_look_;
  const std::filesystem::path folder_; // on the disk that is watched; empty: not known
  std::optional<watched_parts> parts_; // from the start on
  http::alarm_watch alarms_;
  std::map<std::size_t, question> questions_; // by the index of the database; 0 is main
  unsigned looks_ = 0;
  unsigned hold_looks_ = 0;
  bool hold_told_ = false;
  bool stopped_ = false;
};

} // namespace furrow::daemon
