/// Goal: SIGTERM ends a node with 0 soon after --drain, whatever its database, its gateways and its readers do.
/// Method: one node for each fault; the fault is shown to hold (the node says so) before the signal.
#include "tests/fault/rig.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/tools/child_process.hpp"
#include "tests/tools/furrowd/raw_socket.hpp"

#include <doctest/doctest.h>

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

std::unique_ptr<child_process> busy_fleet(const rig& where) {
  return std::make_unique<child_process>(std::string{FURROW_BIN_DIR} + "/furrow-sim",
                                         std::vector<std::string>{"run", "--node", where.gateway(),
                                                                  "--machines", "5", "--rate",
                                                                  "200", "--seconds", "60", "-q"},
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
  const auto port =
    static_cast<std::uint16_t>(std::stoi(where.http().substr(where.http().find(':') + 1)));
  raw_socket reader{port};
  REQUIRE(reader.send("GET /api/v1/ledger HTTP/1.1\r\nHost: a\r\n\r\n"));
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
