#include "tests/support/notify_socket.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tools/process/liveness.hpp"
#include "tools/process/watchdog.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <utility>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

/// The environment that a service manager gives, for one test.
class service_environment {
public:
  service_environment(const std::string& socket, const char* usec, const char* pid = nullptr) {
    ::setenv("NOTIFY_SOCKET", socket.c_str(), 1);
    if (usec != nullptr)
      ::setenv("WATCHDOG_USEC", usec, 1);
    if (pid != nullptr)
      ::setenv("WATCHDOG_PID", pid, 1);
  }
  service_environment(const service_environment&) = delete;
  service_environment& operator=(const service_environment&) = delete;
  ~service_environment() {
    for (const auto* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
      ::unsetenv(name);
  }
};

std::string own_abstract_name() {
  return "@furrow-liveness-test-" + std::to_string(::getpid());
}

} // namespace

TEST_CASE("watchdog: is fed by a round trip that came back within the period, and by no other") {
  watchdog dog{30s};
  watchdog::time_point now;
  CHECK_FALSE(dog.came_back(now)); // none began
  CHECK(dog.begins(now));
  CHECK_FALSE(dog.begins(now + 15s)); // one at a time
  CHECK(dog.came_back(now + 30s));
  CHECK_FALSE(dog.came_back(now + 30s)); // it was fed for that one
  CHECK(dog.begins(now + 31s));
  CHECK_FALSE(dog.came_back(now + 62s)); // too late
  CHECK(dog.begins(now + 62s));
  CHECK(dog.came_back(now + 62s));
}

TEST_CASE("watchdog: a scheduler that hangs is never fed again, however long it takes") {
  watchdog dog{30s};
  watchdog::time_point now;
  CHECK(dog.begins(now));
  for (int i = 0; i < 100; ++i)
    CHECK_FALSE(dog.begins(now += 15s));
}

TEST_CASE("service manager: sends datagrams to a path and to an abstract socket") {
  const scratch_folder folder;
  for (const auto& address : {folder.file("notify"), own_abstract_name()}) {
    CAPTURE(address);
    notify_socket listener{address};
    const service_environment environment{address, "30000000"};
    const auto manager = service_manager::from_environment();
    CHECK(manager.present());
    CHECK(manager.watchdog() == 30s);
    CHECK(manager.tell("READY=1"));
    CHECK(listener.heard() == std::vector<std::string>{"READY=1"});
  }
}

TEST_CASE("service manager: an absent or invalid address counts as none, and messages as told") {
  for (const auto& address :
       {std::string{}, std::string{"@"}, std::string{"/"}, std::string{"relative/path"},
        std::string{"vsock:2:1234"}, "/" + std::string(107, 'x'), "@" + std::string(107, 'x')}) {
    CAPTURE(address);
    const service_environment environment{address, "1000000"};
    const auto manager = service_manager::from_environment();
    CHECK_FALSE(manager.present());
    CHECK_FALSE(manager.watchdog());
    CHECK(manager.tell("READY=1"));
  }
}

TEST_CASE("service manager: the watchdog of another process, or an invalid one, is none") {
  notify_socket listener{own_abstract_name()};
  const auto watchdog_with = [](const char* usec, const std::string& pid) {
    const service_environment environment{own_abstract_name(), usec, pid.c_str()};
    return service_manager::from_environment().watchdog();
  };
  const auto me = std::to_string(::getpid());
  CHECK(watchdog_with("1500000", me) == 1'500ms);
  CHECK_FALSE(watchdog_with("1500000", "1"));
  CHECK_FALSE(watchdog_with("1500000", me + "x"));
  for (const auto* usec : {"", "0", "-1", "1s", "99999999999999999999"})
    CHECK_FALSE(watchdog_with(usec, me));
}

TEST_CASE("service manager: a message that nobody takes is not told") {
  const service_environment environment{own_abstract_name(), nullptr};
  const auto manager = service_manager::from_environment();
  CHECK(manager.present());
  CHECK_FALSE(manager.tell("READY=1"));
}

TEST_CASE("liveness: feeds the watchdog while every stop calls back, and not while one does not") {
  notify_socket listener{own_abstract_name()};
  const service_environment environment{own_abstract_name(), "100000"};
  boost::asio::io_context io;
  std::function<void()> stuck;
  bool hangs = false;
  liveness life{io, [] { return std::string{"two\nlines"}; }};
  CHECK(life.interval() == 50ms);
  life.pass([](auto back) { back(); });
  life.pass([&](auto back) { hangs ? void(stuck = std::move(back)) : back(); });
  life.start();
  io.run_for(300ms);
  CHECK(listener.count("WATCHDOG=1") == 0); // it is not ready
  CHECK(listener.count("EXTEND_TIMEOUT_USEC=60000000") > 1);
  CHECK(listener.count("STATUS=two lines") > 1);
  life.ready();
  io.run_for(300ms);
  CHECK(listener.count("READY=1\nSTATUS=two lines") == 1);
  CHECK(listener.count("WATCHDOG=1") > 1);
  hangs = true;
  io.run_for(150ms);
  REQUIRE(stuck);
  const auto before = listener.count("WATCHDOG=1");
  io.run_for(500ms);
  CHECK(listener.count("WATCHDOG=1") == before);
  hangs = false;
  stuck(); // later than the period: not fed for this one, but for the next
  io.run_for(300ms);
  CHECK(listener.count("WATCHDOG=1") > before);
  life.reloading();
  CHECK(listener.hears("RELOADING=1\nMONOTONIC_USEC=", 1s));
  life.reloaded();
  CHECK(listener.count("READY=1") == 2);
  life.stopping(29s);
  CHECK(listener.count("STOPPING=1") == 1);
  CHECK(listener.heard().back() == "EXTEND_TIMEOUT_USEC=29000000");
  life.end();
  io.run(); // has nothing left to do
}

TEST_CASE("liveness: says READY again until the service manager takes it") {
  const service_environment environment{own_abstract_name(), nullptr};
  boost::asio::io_context io;
  liveness life{io, [] { return std::string{}; }};
  life.start();
  life.ready();
  io.run_for(200ms);
  notify_socket listener{own_abstract_name()};
  io.run_for(500ms);
  CHECK(listener.count("READY=1") == 1);
  life.end();
}

TEST_CASE("liveness: does nothing without a service manager") {
  boost::asio::io_context io;
  liveness life{io, [] { return std::string{}; }};
  life.pass([](const auto&) { FAIL("no round trip"); });
  life.start();
  life.ready();
  life.stopping(1s);
  CHECK(io.run() == 0);
}
