/// The threads of a node's sockets: one for gateways, one for people. A long fleet list, or a hundred
/// dashboards, must not delay the ack to a gateway.
///
/// Shape: `gateways` runs on the thread that calls run(), with the node's own timers and signals.
///   `people` has a thread of its own with a lower priority.
/// Threads: stop_people() joins the thread; nothing runs on `people` afterwards.
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

  boost::asio::io_context gateways;
  boost::asio::io_context people;

private:
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> held_;
  std::thread thread_; // last, because it uses the members above
};

} // namespace furrow::daemon
