#include "tools/furrowd/executors.hpp"

#include "actors/log/log.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <system_error>

namespace furrow::daemon {

namespace {
constexpr int people_nice = 5; // on Linux for this thread only
} // namespace

executors::executors()
  : gateways{1}, held_{people.get_executor()}, peers_held_{peers.get_executor()}, thread_{[this] {
      if (::setpriority(PRIO_PROCESS, 0, people_nice)
          != 0) // if it fails, both threads have the same priority
        log::debug(log::node, "priority_kept", {}, "HTTP runs at full priority: {}",
                   std::generic_category().message(errno));
      people.run();
    }} {}

executors::~executors() {
  stop_people();
  peers.stop(); // only a failed start comes here with work left
  end_peers();
}

void executors::start_peers() {
  peers_thread_ = std::thread{[this] { peers.run(); }};
}

void executors::end_peers() {
  peers_held_.reset();
  if (peers_thread_.joinable())
    peers_thread_.join();
}

void executors::stop_people() {
  held_.reset();
  people.stop();
  if (thread_.joinable())
    thread_.join();
}

} // namespace furrow::daemon
