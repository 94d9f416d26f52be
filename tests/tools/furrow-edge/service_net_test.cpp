// furrow-edge as a service: what it tells the service manager, and when the watchdog is fed.
#include "tests/support/held_threads.hpp"
#include "tests/support/notify_socket.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/child_process.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 20s;

/// A gateway without a node, which reads a bus through a pipe.
struct service {
  scratch_folder folder;
  notify_socket manager{folder.file("notify")};
  std::string pipe = folder.file("bus");
  int bus = open_bus();
  child_process edge{FURROW_BIN_DIR "/furrow-edge",
                     {"run", "--node", "127.0.0.1:1", "--equipment", "T1", "--spool",
                      folder.file("t1.spool"), "--from", "-"},
                     folder.file("output"),
                     pipe,
                     {manager.variable(), "WATCHDOG_USEC=1000000"}};

  int open_bus() {
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    return ::open(pipe.c_str(), O_RDWR | O_CLOEXEC);
  }
  service() = default;
  service(const service&) = delete;
  service& operator=(const service&) = delete;
  ~service() { ::close(bus); }

  bool ends() {
    edge.signal(SIGTERM);
    return edge.wait(patience) == 0;
  }
};

} // namespace

TEST_CASE("furrow-edge: tells the service manager when it reads, what it does and when it ends") {
  service s;
  REQUIRE_MESSAGE(s.manager.hears("READY=1", patience), s.edge.output());
  CHECK(s.manager.hears_more("WATCHDOG=1", 2, patience));
  const std::string frame = "(1700000000.000000) can0 18F00400#0102030405060708\n";
  REQUIRE(::write(s.bus, frame.data(), frame.size()) > 0);
  CHECK(s.manager.hears("STATUS=spooled 1  durable 0, trying 127.0.0.1:1", patience));
  CHECK(s.manager.hears_more("WATCHDOG=1", 2, patience));
  CHECK(s.ends());
  CHECK(s.manager.count("STOPPING=1") == 1);
}

TEST_CASE("furrow-edge: feeds no watchdog while its spooler or its io thread hangs") {
  service s;
  REQUIRE(s.manager.hears_more("WATCHDOG=1", 1, patience));
  for (const bool io : {false, true}) {
    CAPTURE(io);
    {
      const auto id = s.edge.pid(); // the first thread is the io thread
      const held_threads held{
        s.edge.pid(), [&](pid_t thread, const std::string&) { return (thread == id) == io; }};
      CHECK(held.count() >= 1);
      (void)s.manager.hears_more("WATCHDOG=1", 1, 600ms); // a round trip on its way back
      CHECK_FALSE(s.manager.hears_more("WATCHDOG=1", 1, 2s));
    }
    CHECK(s.manager.hears_more("WATCHDOG=1", 2, patience));
  }
  CHECK(s.ends());
}
