/// Looks at the store every two seconds: whether it answers, which alarms there are, how full its disk is, what retention
/// keeps for a head office to which no node forwards, which DBC files are active. A node without gateways learns nothing
/// of its database by working.
///
/// Shape: nothing here waits for the database, because one that hangs does not even fail for a minute. Where farms live
///   in other databases, each of those is asked by itself, and the directory is read again every ten seconds.
/// Errors: a store that does not answer is noted at the node: main for /ready, another one for the alarm `database`.
/// Threads: the gateways' io thread. The node and the HTTP server outlive the last answer.
#pragma once

#include "actors/node.hpp"
#include "storage/forward/forward_store.hpp"
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

class store_watch {
public:
  /// `people`: the executor for work that takes its time.
  store_watch(boost::asio::io_context& io,
              boost::asio::io_context& people,
              const settings& settings);

  void start(actors::node& node, http::http_server& http);
  void stop();

private:
  void look();
  void look_at_disk();
  void look_at_hold();
  void note_hold(const storage::forward_hold& hold);
  void tell_alarms();
  void ask_health();
  void ask(std::size_t home, storage::store& store);
  void note(std::size_t home, bool up, const std::string& why, std::uint64_t timeline = 0);

  /// A question about the health of a database.
  struct question {
    std::optional<std::chrono::steady_clock::time_point> asked; // it has not answered yet
    bool late = false;                                          // and that was told
  };

  boost::asio::io_context& io_;
  boost::asio::steady_timer timer_;
  dbc_look dbc_look_;
  const std::filesystem::path folder_; // on the disk that is watched; empty: not known
  actors::node* node_ = nullptr;
  http::http_server* http_ = nullptr;
  http::alarm_watch alarms_;
  std::map<std::size_t, question> questions_; // by the index of the database; 0 is main
  unsigned looks_ = 0;
  unsigned hold_looks_ = 0;
  bool hold_told_ = false;
  bool stopped_ = false;
};

} // namespace furrow::daemon
