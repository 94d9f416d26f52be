/// The threads of a node's sockets: one for gateways, one for people. A fleet list that takes long to print, or a hundred
/// dashboards, must not keep a gateway waiting for its ack.
///
/// Shape: `gateways` runs on the thread that calls run(), and the node's own timers and signals with it; `people` has a
///   thread of its own, which gives way where cores are short.
/// Threads: stop_people() joins the thread; after it nothing runs on `people`.
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
  std::thread thread_; // last: it runs what stands above
};

} // namespace furrow::daemon
