#include "tools/furrowd/executors.hpp"

#include "actors/log/log.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace furrow::daemon {

namespace {

constexpr std::int32_t people_nice = 5;
constexpr std::uint64_t people_slice_ns = 100'000;

/// As the kernel defines it. Its header and glibc's <sched.h> exclude each other.
struct schedule {
  std::uint32_t size = sizeof(schedule);
  std::uint32_t policy = SCHED_OTHER;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime_ns = 0;
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};

/// The share of a processor that this thread gets is small, and it gets it in short slices: then it runs as soon as it has
/// something to do, and others soon after (Linux 6.12 and newer; older ones ignore the slice).
/// If it fails, all threads have the same priority.
void yield_to_gateways() {
  schedule wanted;
  wanted.nice = people_nice;
  wanted.runtime_ns = people_slice_ns;
  if (::syscall(SYS_sched_setattr, 0, &wanted, 0) != 0)
    log::debug(log::node, "priority_kept", {}, "HTTP runs at full priority: {}",
               std::generic_category().message(errno));
}

/// For `top -H` and `perf`.
void name_thread(const char* name) {
  (void)::pthread_setname_np(::pthread_self(), name);
}

} // namespace

executors::executors()
  : gateways{1}, held_{people.get_executor()}, peers_held_{peers.get_executor()}, thread_{[this] {
      name_thread("people");
      yield_to_gateways();
      people.run();
    }} {}

executors::~executors() {
  stop_people();
  peers.stop(); // only a failed start comes here with work left
  end_peers();
}

void executors::start_peers() {
  peers_thread_ = std::thread{[this] {
    name_thread("peers");
    peers.run();
  }};
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
