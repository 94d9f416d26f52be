/// Goal: nodes of one database know of each other within seconds who is alive, drains, has left or is dead; a node that
///   has lost its lease ends by itself.
/// Method: real nodes on one private server; one is killed, frozen, stopped, drained, or started twice; the other is
///   asked over HTTP.
#include "tests/support/eventually.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/child_process.hpp"
#include "tests/tools/furrowd/node_program.hpp"
#include "tests/tools/process/wakes.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow::tests;
using namespace std::chrono_literals;
using json = nlohmann::json;

namespace {

pg_cluster& nodes_server() {
  static pg_cluster one;
  return one;
}

class cluster_member {
public:
  cluster_member(const std::string& database, const std::string& name, const std::string& log)
    : process_{FURROW_BIN_DIR "/furrowd",
               {"--node", name, "--database", database, "--listen", "127.0.0.1:0", "--http",
                "127.0.0.1:0", "--drain", "2"},
               log} {
    const bool up = eventually(30s, [&] { return !value_after(output(), " http=").empty(); });
    REQUIRE_MESSAGE(up, "not ready: " << output());
    gateway_ = value_after(output(), "ready gateway=");
    http_ = node_program::port_of(value_after(output(), " http="));
  }

  [[nodiscard]] std::string output() const { return process_.output(); }
  [[nodiscard]] const std::string& gateway() const { return gateway_; }
  void signal(int number) const { process_.signal(number); }
  std::optional<int> wait(std::chrono::milliseconds limit) { return process_.wait(limit); }
  [[nodiscard]] json get(const std::string& target) const {
    return json::parse(node_program::http_get(http_, target).body);
  }
  [[nodiscard]] int post(const std::string& target) const {
    return node_program::http_ask(http_, "POST", target, "Content-Length: 0\r\n").status;
  }
  /// Runs `furrow` against this node.
  int furrow(std::vector<std::string> arguments, const std::string& log) const {
    arguments.insert(arguments.end(), {"--at", "http://127.0.0.1:" + std::to_string(http_)});
    child_process program{FURROW_BIN_DIR "/furrow", std::move(arguments), log};
    return program.wait(20s).value_or(-1);
  }
  /// What this node says of another; empty where it knows no such node.
  [[nodiscard]] std::string state_of(const std::string& name) const {
    const auto answer = get("/api/v1/nodes");
    for (const auto& row : answer.at("nodes"))
      if (row.at("name") == name)
        return row.at("state");
    return {};
  }

private:
  child_process process_;
  std::string gateway_;
  std::uint16_t http_ = 0;
};

struct two_nodes {
  scratch_folder folder;
  std::string database;
  std::unique_ptr<cluster_member> n1;
  std::unique_ptr<cluster_member> n2;

  explicit two_nodes(const std::string& name) : database{nodes_server().make_database(name)} {
    n1 = start("n1");
    n2 = start("n2");
    REQUIRE(eventually(
      5s, [&] { return n1->state_of("n2") == "alive" && n2->state_of("n1") == "alive"; }));
  }
  std::unique_ptr<cluster_member> start(const std::string& name, const std::string& log = {}) {
    return std::make_unique<cluster_member>(database, name,
                                            folder.file((log.empty() ? name : log) + ".log"));
  }
  /// A judge needs a lease of four seconds.
  void settle() const {
    REQUIRE(eventually(15s, [&] {
      return nodes_server().value(
               "select bool_and(unbroken_since < clock_timestamp() - interval '4.2 s') and "
               "(select quiet_until < clock_timestamp() from furrow.cluster) from furrow.node",
               database.substr(database.rfind('/') + 1))
             == "t";
    }));
  }
};

child_process machines(const two_nodes& where, const std::string& node, const char* seconds) {
  return child_process{FURROW_BIN_DIR "/furrow-sim",
                       {"run", "--node", node, "--machines", "10", "--rate", "100", "--seconds",
                        seconds, "--until-durable", "--timeout", "40", "-q"},
                       where.folder.file("sim.log")};
}

void check_whole_ledger(const cluster_member& node) {
  const auto rows = node.get("/api/v1/ledger").at("ledger");
  CHECK(rows.size() == 10);
  for (const auto& row : rows) {
    CHECK(row.at("lost") == 0);
    CHECK(row.at("doubled") == 0);
    CHECK(row.at("durable") == row.at("sent"));
  }
}

} // namespace

TEST_CASE(
  "fault, postgresql: a node that is killed is declared dead within five seconds, and a new "
  "one takes its name at once") {
  two_nodes both{"nodes_killed"};
  both.settle();
  const auto begun = std::chrono::steady_clock::now();
  both.n2->signal(SIGKILL);
  REQUIRE(eventually(8s, [&] { return both.n1->state_of("n2") == "dead"; }));
  const auto took = std::chrono::steady_clock::now() - begun;
  MESSAGE("dead after " << std::chrono::duration_cast<std::chrono::milliseconds>(took).count()
                        << " ms");
  CHECK(took < 5s);
  CHECK(both.n1->output().find("node n2 is dead") != std::string::npos);
  both.n2 = both.start("n2", "second");
  CHECK(eventually(3s, [&] { return both.n1->state_of("n2") == "alive"; }));
}

TEST_CASE("fault, postgresql: a node that was frozen is dead, and ends with 75 when it wakes") {
  two_nodes both{"nodes_frozen"};
  both.settle();
  auto gateways = machines(both, both.n2->gateway(), "8");
  REQUIRE(eventually(10s, [&] { // by then each knows of n1
    const auto rows = both.n1->get("/api/v1/ledger").at("ledger");
    const auto stored = [](const json& row) { return row.at("durable") > 0; };
    return rows.size() == 10 && std::all_of(rows.begin(), rows.end(), stored);
  }));
  both.n2->signal(SIGSTOP);
  REQUIRE(eventually(8s, [&] { return both.n1->state_of("n2") == "dead"; }));
  const auto stored = gateways.wait(60s); // n1 has taken them all
  CHECK_MESSAGE(stored == 0, gateways.output() << both.n1->output());
  both.n2->signal(SIGCONT);
  const auto code = both.n2->wait(10s);
  CHECK_MESSAGE(code == 75, both.n2->output());
  CHECK(both.n2->output().find("has declared this one dead") != std::string::npos);
  CHECK(both.n1->state_of("n2") == "dead");
  check_whole_ledger(*both.n1);
}

TEST_CASE("fault, postgresql: a node that is stopped in good order has left") {
  two_nodes both{"nodes_left"};
  both.n2->signal(SIGTERM);
  CHECK(both.n2->wait(10s) == 0);
  CHECK(eventually(3s, [&] { return both.n1->state_of("n2") == "left"; }));
}

TEST_CASE("fault, postgresql: of two processes of one name the newer one stays") {
  two_nodes both{"nodes_named"};
  const auto newer = both.start("n2", "newer");
  const auto code = both.n2->wait(10s);
  CHECK_MESSAGE(code == 75, both.n2->output());
  CHECK(both.n2->output().find("another process has started under the name n2")
        != std::string::npos);
  CHECK(both.n1->state_of("n2") == "alive");
  CHECK(newer->state_of("n2") == "alive");
}

TEST_CASE(
  "fault, postgresql: a node that people drain sends its machines to the other, takes none, "
  "and takes some again") {
  two_nodes both{"nodes_drained"};
  auto gateways = machines(both, both.n2->gateway(), "6");
  REQUIRE(eventually(10s, [&] {
    return both.n2->get("/api/v1/nodes/n2").at("sessions").get<int>()
             + both.n1->get("/api/v1/nodes/n1").at("sessions").get<int>()
           == 10;
  }));
  CHECK(both.n1->post("/api/v1/nodes/n2/drain") == 200); // asked at any node
  CHECK(eventually(5s, [&] { return both.n2->state_of("n2") == "draining"; }));
  CHECK(eventually(5s, [&] { return both.n1->get("/api/v1/nodes/n1").at("sessions") == 10; }));
  CHECK(both.n2->get("/ready").at("ready") == false);
  CHECK(gateways.wait(60s) == 0);
  check_whole_ledger(*both.n1);
  CHECK(both.n1->post("/api/v1/nodes/n2/undrain") == 200);
  CHECK(eventually(5s, [&] { return both.n1->state_of("n2") == "alive"; }));
  CHECK(both.n1->post("/api/v1/nodes/n9/drain") == 404);
}

TEST_CASE("fault, postgresql: machines that people pin go to that node, and every node knows") {
  two_nodes both{"nodes_pinned"};
  auto gateways = machines(both, both.n1->gateway(), "12");
  const auto equipment = [&] { return both.n1->get("/api/v1/equipment").at("equipment"); };
  REQUIRE(eventually(10s, [&] { return equipment().size() == 10; }));
  const auto log = both.folder.file("furrow.log");
  const std::vector<std::string> pinned{equipment()[0].at("name"), equipment()[1].at("name")};
  for (const auto& name : pinned)
    CHECK(both.n1->furrow({"equipment", "move", name, "--to", "n2"}, log) == 0);
  for (const auto& name : pinned)
    CHECK(eventually(12s, [&] {
      const auto there = both.n2->get("/api/v1/equipment/" + name);
      const auto here = both.n1->get("/api/v1/equipment/" + name);
      return there.at("connected") == true && there.at("node") == "n2" && here.at("node") == "n2"
             && here.at("pinned_to") == "n2";
    }));
  CHECK(gateways.wait(60s) == 0);
  check_whole_ledger(*both.n1);
}

TEST_CASE("fault, postgresql: a server that restarts makes no node dead") {
  pg_cluster own;
  scratch_folder folder;
  const auto url = own.make_database("nodes_restart");
  cluster_member n1{url, "n1", folder.file("n1.log")};
  cluster_member n2{url, "n2", folder.file("n2.log")};
  REQUIRE(eventually(5s, [&] { return n1.state_of("n2") == "alive"; }));
  own.stop_immediate();
  REQUIRE(eventually(10s, [&] { return n1.state_of("n1") == "unsure"; }));
  own.start();
  REQUIRE(
    eventually(10s, [&] { return n1.state_of("n1") == "alive" && n2.state_of("n2") == "alive"; }));
  CHECK_FALSE(eventually(5s, [&] { // the time in which a wrong judgement would come
    return n1.state_of("n2") == "dead" || n2.state_of("n1") == "dead";
  }));
}

TEST_CASE("fault, postgresql: an idle node sleeps") {
  const scratch_folder folder;
  child_process node{std::string{FURROW_BIN_DIR} + "/furrowd",
                     {"--database", nodes_server().make_database("idle"), "--listen", "127.0.0.1:0",
                      "--http", "127.0.0.1:0"},
                     folder.file("output")};
  REQUIRE(eventually(node_patience,
                     [&] { return node.output().find("ready gateway=") != std::string::npos; }));
  // The lease of the node, the look at the server and the timers of a second; workers that look for work would wake
  // hundreds of times. What begins at the start is over after a while.
  constexpr std::uint64_t wakes_max = 5 * 60;
  CHECK(eventually(3 * node_patience, [&] { return wakes_within(node.pid(), 5s) < wakes_max; }));
  const auto wakes = wakes_within(node.pid(), 5s);
  MESSAGE("an idle node on PostgreSQL wakes " << wakes / 5 << " times a second");
  CHECK(wakes < wakes_max);
  node.signal(SIGTERM);
  CHECK(node.wait(node_patience) == 0);
}
