/// Goal: SIGTERM ends a node with 0 soon after --drain, whatever its database, its gateways and its readers do.
/// Method: one node for each fault; the fault is shown to hold (the node says so) before the signal.
#include "tests/fault/rig.hpp"
#include "tests/support/owned_database.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/tcp_proxy.hpp"
#include "tests/tools/child_process.hpp"
#include "tests/tools/furrowd/node_program.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <memory>
#include <string>

using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::seconds drain{1};
constexpr std::chrono::seconds patience = drain + 6s; // the rest of the shutdown, on a busy machine

pg_cluster& drain_server() {
  static pg_cluster one;
  return one;
}

/// Freezes the server for its life.
struct frozen {
  frozen() { drain_server().freeze(); }
  ~frozen() { drain_server().thaw(); }
  frozen(const frozen&) = delete;
  frozen& operator=(const frozen&) = delete;
};

bool said(const rig& where, const char* text, std::chrono::milliseconds limit) {
  return eventually(limit, [&] { return where.node_output().find(text) != std::string::npos; });
}

std::unique_ptr<child_process> busy_fleet(const rig& where, const std::string& node = {}) {
  return std::make_unique<child_process>(
    std::string{FURROW_BIN_DIR} + "/furrow-sim",
    std::vector<std::string>{"run", "--node", node.empty() ? where.gateway() : node, "--machines",
                             "5", "--rate", "200", "--seconds", "60", "-q"},
    (where.folder() / "sim.out").string());
}

bool stores(rig& where) {
  return eventually(20s, [&] {
    int code = 0;
    const auto rows = where.furrow({"ledger", "-o", "json"}, code);
    return rows.find("\"durable\": 0,") == std::string::npos
           && rows.find("durable") != std::string::npos;
  });
}

void check_ends(rig& where) {
  where.signal_node(SIGTERM);
  const auto code = where.node_end(patience);
  CHECK_MESSAGE(code == 0, where.node_output());
}

/// Bytes that the node has sent to this client and the client's kernel has not taken.
std::uint64_t unsent(std::uint16_t port, const raw_socket& client) {
  const auto number = [](const std::string& text, std::size_t from) {
    std::uint64_t value = 0;
    std::from_chars(text.data() + from, text.data() + text.size(), value, 16);
    return value;
  };
  std::ifstream table{"/proc/net/tcp"};
  std::string skipped;
  std::getline(table, skipped);
  for (std::string row, from, to, state, queues; table >> row >> from >> to >> state >> queues;
       std::getline(table, skipped))
    if (number(from, from.find(':') + 1) == port
        && number(to, to.find(':') + 1) == client.local_port())
      return number(queues, 0);
  return 0;
}

std::vector<std::string> drain_flags() {
  return {"--drain", std::to_string(drain.count())};
}

} // namespace

TEST_CASE("fault, postgresql: SIGTERM ends an idle node with 0 while the server is frozen") {
  rig where{drain_server().make_database("drain_idle")};
  where.start_node({}, drain_flags());
  const frozen now;
  REQUIRE(said(where, "the database does not answer", 20s)); // a health check waits for the server
  check_ends(where);
}

TEST_CASE("fault, postgresql: SIGTERM ends a busy node with 0 while the server is frozen") {
  rig where{drain_server().make_database("drain_busy")};
  where.start_node({}, drain_flags());
  const auto gateways = busy_fleet(where);
  REQUIRE(stores(where));
  const frozen now;
  // Readers wait for the server, too.
  raw_socket reader{node_program::port_of(where.http())};
  REQUIRE(reader.send("GET /api/v1/ledger HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  REQUIRE(said(where, "the database does not answer", 20s));
  check_ends(where);
}

TEST_CASE(
  "fault, postgresql: SIGTERM ends a node with 0 that waits for a frozen server at its start") {
  const auto url = drain_server().make_database("drain_start");
  const frozen now;
  rig where{"sqlite"}; // for its folder
  const auto output = (where.folder() / "waiting.log").string();
  child_process node{std::string{FURROW_BIN_DIR} + "/furrowd",
                     {"--database", url, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0",
                      "--connect-timeout", "500", "--drain", "1"},
                     output};
  REQUIRE(eventually(
    20s, [&] { return node.output().find("does not answer yet") != std::string::npos; }));
  node.signal(SIGTERM);
  CHECK(node.wait(patience) == 0);
}

TEST_CASE("fault, postgresql: SIGTERM ends a busy node with 0 while the server is away") {
  pg_cluster own;
  rig where{own.make_database("drain_away")};
  where.start_node({}, drain_flags());
  const auto gateways = busy_fleet(where);
  REQUIRE(stores(where));
  own.stop_immediate();
  REQUIRE(said(where, "alarm store", 20s));
  check_ends(where);
}

TEST_CASE("fault, postgresql: SIGTERM ends a busy node with 0 while its rows are locked") {
  const auto url = drain_server().make_database("drain_locked");
  rig where{url};
  where.start_node({}, drain_flags());
  const auto gateways = busy_fleet(where);
  REQUIRE(stores(where));
  // The lock outlives the drain: its session sleeps.
  child_process holder{
    "/usr/bin/psql",
    {url, "-XAtqc", "begin; lock table furrow.stream_watermark; select pg_sleep(60)"},
    (where.folder() / "psql.out").string()};
  REQUIRE(said(where, "alarm store", 20s));
  check_ends(where);
}

TEST_CASE("fault, postgresql: SIGTERM ends a busy node with 0 while packets to the server are "
          "dropped") {
  const auto port = drain_server().port();
  tcp_proxy line{static_cast<std::uint16_t>(port)};
  auto url = drain_server().make_database("drain_dropped");
  const auto number = std::to_string(port);
  url.replace(url.find(number), number.size(), std::to_string(line.port()));
  rig where{url};
  where.start_node({}, drain_flags());
  const auto gateways = busy_fleet(where);
  REQUIRE(stores(where));
  line.hold_both();
  REQUIRE(said(where, "the database does not answer", 20s));
  check_ends(where);
}

TEST_CASE("fault, postgresql: SIGTERM ends a busy node with 0 while packets to its gateways are "
          "dropped") {
  rig where{drain_server().make_database("drain_gateways")};
  where.start_node({}, drain_flags());
  tcp_proxy line{node_program::port_of(where.gateway())};
  const auto gateways = busy_fleet(where, line.address());
  REQUIRE(stores(where));
  line.hold_both();
  REQUIRE(eventually(10s, [&] { // what was on its way has passed
    const auto before = line.passed(tcp_proxy::way::to_target);
    ::poll(nullptr, 0, 200);
    return line.passed(tcp_proxy::way::to_target) == before;
  }));
  check_ends(where);
}

TEST_CASE("fault, postgresql: SIGTERM ends a busy node with 0 that may open few connections") {
  rig where{owned_by(drain_server(), "few", "drain_few", 3)};
  where.start_node({}, drain_flags());
  const auto gateways = busy_fleet(where);
  REQUIRE(said(where, "alarm connections: the server grants this node only 3", 20s));
  REQUIRE(eventually(20s, [&] {
    return drain_server().value("select count(*) from furrow.can_block", "drain_few") != "0";
  }));
  check_ends(where);
}

TEST_CASE("fault, postgresql: SIGTERM ends a busy node with 0 while HTTP clients read nothing") {
  rig where{drain_server().make_database("drain_unread")};
  where.start_node({}, drain_flags());
  const auto gateways = busy_fleet(where);
  REQUIRE(stores(where));
  const auto port = node_program::port_of(where.http());
  raw_socket asks{port, 4'096};
  std::string all;
  for (int i = 0; i < 500; ++i)
    all += "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
  REQUIRE(asks.send(all));
  raw_socket watches{port, 4'096};
  REQUIRE(watches.send("GET /api/v1/stream?frames=all HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  for (const auto* one : {&asks, &watches})
    REQUIRE(eventually(20s, [&] { return unsent(port, *one) > 0; }));
  check_ends(where);
}

TEST_CASE("fault, postgresql: SIGTERM ends a busy node with 0 while nobody reads standard error") {
  const auto url = drain_server().make_database("drain_mute");
  rig where{"sqlite"}; // for its folder
  const auto pipe = (where.folder() / "output").string();
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const int reader = ::open(pipe.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  child_process node{std::string{FURROW_BIN_DIR} + "/furrowd",
                     {"--database", url, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0",
                      "--drain", std::to_string(drain.count())},
                     pipe};
  std::string read;
  REQUIRE(eventually(20s, [&] {
    char some[4'096];
    const auto got = ::read(reader, some, sizeof some);
    read.append(some, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return read.find("http=") != std::string::npos;
  }));
  const auto gateway = value_after(read, "ready gateway=");
  const auto gateways = busy_fleet(where, gateway);
  REQUIRE(eventually(20s, [&] {
    return drain_server().value("select count(*) from furrow.can_block", "drain_mute") != "0";
  }));
  const std::string filler(4'096, 'x');
  while (::write(reader, filler.data(), filler.size()) > 0) {
  }
  for (int i = 0; i < 10; ++i) { // the log has a line for each
    raw_socket stranger{node_program::port_of(gateway)};
    stranger.send(std::string(64, 'x'));
    CHECK(stranger.closes_within(10s));
  }
  node.signal(SIGTERM);
  CHECK(node.wait(patience) == 0);
  ::close(reader);
}
