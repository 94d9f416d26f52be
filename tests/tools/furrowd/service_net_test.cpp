// furrowd as a service: what it tells the service manager, and when the watchdog is fed.
#include "tests/support/held_threads.hpp"
#include "tests/support/notify_socket.hpp"
#include "tests/tools/furrowd/node_program.hpp"

#include <doctest/doctest.h>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

struct service {
  scratch_folder folder;
  notify_socket manager;
  child_process node;

  explicit service(const std::string& socket = {}, const std::string& database = {})
    : manager{socket.empty() ? folder.file("notify") : socket},
      node{FURROW_BIN_DIR "/furrowd",
           {"--database", database.empty() ? "sqlite:" + folder.file("node.db") : database,
            "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"},
           folder.file("output"),
           "/dev/null",
           {manager.variable(), "WATCHDOG_USEC=1000000"}} {}

  bool ends() {
    node.signal(SIGTERM);
    return node.wait(node_patience) == 0;
  }
};

} // namespace

TEST_CASE("furrowd: tells the service manager when it serves, what it does and when it ends") {
  service s;
  CHECK(s.manager.hears("STATUS=starting", node_patience));
  REQUIRE_MESSAGE(s.manager.hears("READY=1", node_patience), s.node.output());
  CHECK(s.node.output().find("ready gateway=") != std::string::npos);
  CHECK(s.manager.hears_more("WATCHDOG=1", 2, node_patience));
  CHECK(s.manager.hears("STATUS=serving 0 gateways, storing 0 frames/s", node_patience));
  CHECK(s.ends());
  CHECK(s.manager.count("STOPPING=1\nSTATUS=draining") == 1);
  CHECK(s.manager.count("EXTEND_TIMEOUT_USEC=29000000") == 1); // 25 s of drain and 4 s to end
}

TEST_CASE("furrowd: tells a service manager that listens on an abstract socket") {
  service s{"@furrow-service-test-" + std::to_string(::getpid())};
  CHECK(s.manager.hears("READY=1", node_patience));
  CHECK(s.ends());
  CHECK(s.manager.count("STOPPING=1") == 1);
}

TEST_CASE("furrowd: is not ready while the database is away, and asks for more time") {
  service s{{}, "postgresql://127.0.0.1:1/furrow"};
  CHECK(s.manager.hears("STATUS=waiting for the database", node_patience));
  CHECK(s.manager.hears_more("EXTEND_TIMEOUT_USEC=60000000", 2, node_patience));
  CHECK(s.manager.count("READY=1") == 0);
  CHECK(s.manager.count("WATCHDOG=1") == 0);
  CHECK(s.ends());
  CHECK(s.manager.count("STOPPING=1") == 1);
}

TEST_CASE("furrowd: feeds no watchdog while all workers of its actors hang, and then again") {
  service s;
  REQUIRE(s.manager.hears_more("WATCHDOG=1", 2, node_patience));
  {
    const held_threads workers{
      s.node.pid(), [](pid_t, const std::string& name) { return name == "caf.multiplexer"; }};
    CHECK(workers.count() >= 2);
    pause_a_little();
    (void)s.manager.hears_more("WATCHDOG=1", 1, 600ms); // a round trip that was on its way back
    CHECK_FALSE(s.manager.hears_more("WATCHDOG=1", 1, 3s));
  }
  CHECK(s.manager.hears_more("WATCHDOG=1", 2, node_patience));
  CHECK(s.ends());
}

TEST_CASE("furrowd: feeds no watchdog while its io thread hangs") {
  service s;
  REQUIRE(s.manager.hears_more("WATCHDOG=1", 1, node_patience));
  {
    const auto id = s.node.pid(); // the first thread serves the gateways
    const held_threads io{id, [id](pid_t thread, const std::string&) { return thread == id; }};
    CHECK(io.count() == 1);
    (void)s.manager.heard();
    CHECK_FALSE(s.manager.hears_more("WATCHDOG=1", 1, 2s));
  }
  CHECK(s.manager.hears_more("WATCHDOG=1", 1, node_patience));
  CHECK(s.ends());
}
