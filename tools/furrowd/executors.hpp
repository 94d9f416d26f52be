/// The threads of a node's sockets: one for gateways, one for people, one for other nodes. A long fleet list, a hundred
/// dashboards or a node that asks much must not delay the ack to a gateway.
///
/// Shape: `gateways` runs on the thread that calls run(), with the node's own timers and signals.
///   `people` has a thread of its own with a lower priority, `peers` one of its own. They are named so in `top -H`;
///   the thread of gateways has the name of the program, as have those of the store.
/// Threads: stop_people() and end_peers() join their threads; nothing runs there afterwards.
#pragma once

#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace furrow::daemon {

class executors {
public:
  executors();
  executors(const executors&) = delete;
  executors& operator=(const executors&) = delete;
  ~executors();

  void run() { gateways.run(); }
  void stop_people();
  /// A node alone needs no thread for others.
  void start_peers();
  /// Returns when all work of `peers` is done: its owner must have ended it.
  void end_peers();

  boost::asio::io_context gateways;
  boost::asio::io_context people;
  boost::asio::io_context peers{1};

private:
  using guard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;
  guard held_;
  guard peers_held_;
  std::thread peers_thread_;
  std::thread thread_; // last, because it uses the members above
};

} // namespace furrow::daemon
