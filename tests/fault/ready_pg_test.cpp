/// Goal: /ready tells the truth while frames are not stored although the database answers questions.
/// Method: a fleet sends all the time; something takes away what storing needs; /ready is asked again and again.
#include "tests/fault/rig.hpp"
#include "tests/support/owned_database.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/tools/child_process.hpp"
#include "tests/tools/furrowd/node_program.hpp"

#include <doctest/doctest.h>

#include <string>

#include <nlohmann/json.hpp>

using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

pg_cluster& ready_server() {
  static pg_cluster one;
  return one;
}

node_program::answer ready(const rig& where) {
  return node_program::http_get(node_program::port_of(where.http()), "/ready");
}

std::string reason(const rig& where) {
  const auto body = nlohmann::json::parse(ready(where).body);
  return body.at("reasons").empty() ? std::string{} : body.at("reasons")[0].get<std::string>();
}

/// It waits until all is durable, at most 60 s.
child_process small_fleet(const rig& where, const char* seconds) {
  return child_process{std::string{FURROW_BIN_DIR} + "/furrow-sim",
                       {"run", "--node", where.gateway(), "--machines", "5", "--rate", "100",
                        "--seconds", seconds, "--until-durable", "--timeout", "60", "-q"},
                       (where.folder() / "sim.out").string()};
}

} // namespace

TEST_CASE("fault, postgresql: a node that may not insert is not ready until it may, and nothing is "
          "lost or doubled") {
  rig where{owned_by(ready_server(), "reader", "no_insert")};
  where.start_node();
  auto gateways = small_fleet(where, "8");
  REQUIRE(eventually(20s, [&] {
    return ready_server().value("select count(*) from furrow.can_block", "no_insert") != "0";
  }));
  ready_server().exec("alter table furrow.can_block owner to postgres", "no_insert");
  REQUIRE(eventually(10s, [&] { return ready(where).status == 503; }));
  CHECK(reason(where).find("the last append failed: 42501") != std::string::npos);
  // Claims and health checks succeed meanwhile: they say nothing about appends.
  const auto until = std::chrono::steady_clock::now() + 5s;
  while (std::chrono::steady_clock::now() < until) {
    CHECK(ready(where).status == 503);
    pause_a_little();
  }
  ready_server().exec("alter table furrow.can_block owner to reader", "no_insert");
  CHECK(eventually(10s, [&] { return ready(where).status == 200; }));
  CHECK(gateways.wait(60s) == 0);
  int code = -1;
  where.furrow({"ledger"}, code);
  CHECK(code == 0);
  where.kill_node(SIGTERM);
}

TEST_CASE("fault, postgresql: while all rows are locked a node becomes unready, and goes on by "
          "itself, with nothing lost or doubled") {
  const auto url = ready_server().make_database("locked_rows");
  rig where{url};
  where.start_node();
  auto gateways = small_fleet(where, "8");
  REQUIRE(eventually(20s, [&] {
    return ready_server().value("select count(*) from furrow.can_block", "locked_rows") != "0";
  }));
  CHECK(ready(where).status == 200);
  const auto began = std::chrono::steady_clock::now();
  child_process holder{
    "/usr/bin/psql",
    {url, "-XAtqc", "begin; select from furrow.stream_watermark for update; select pg_sleep(42)"},
    (where.folder() / "psql.out").string()};
  std::string why;
  REQUIRE(eventually(
    41s, [&] { return (why = reason(where)).find("stored nothing for") != std::string::npos; }));
  CAPTURE(why);
  CAPTURE(where.node_output());
  CHECK(std::chrono::steady_clock::now() - began > 29s);
  CHECK(why.find("hold rows of 5 streams") != std::string::npos);
  CHECK(eventually(
    10s, [&] { return where.node_output().find("alarm stalled: ") != std::string::npos; }));
  ready_server().exec("select pg_terminate_backend(pid) from pg_stat_activity where query like "
                      "'%pg_sleep(42)%' and pid <> pg_backend_pid()");
  REQUIRE(holder.wait(20s));
  CHECK(eventually(15s, [&] { return ready(where).status == 200; }));
  CHECK(gateways.wait(60s) == 0);
  int code = -1;
  where.furrow({"ledger"}, code);
  CHECK(code == 0);
  where.kill_node(SIGTERM);
}

TEST_CASE(
  "fault, postgresql: while one machine's row is locked the node stays ready, and nothing is "
  "lost or doubled") {
  const auto url = ready_server().make_database("locked_row");
  rig where{url};
  where.start_node();
  auto gateways = small_fleet(where, "12");
  REQUIRE(eventually(20s, [&] {
    return ready_server().value("select count(distinct stream) from furrow.can_block", "locked_row")
           == "5";
  }));
  child_process holder{
    "/usr/bin/psql",
    {url, "-XAtqc",
     "begin; select from furrow.stream_watermark where stream = 1 for update; select pg_sleep(8)"},
    (where.folder() / "psql.out").string()};
  while (!holder.wait(0ms)) {
    CHECK_MESSAGE(ready(where).status == 200, reason(where));
    pause_a_little();
  }
  CHECK_MESSAGE(where.node_output().find("another transaction holds its stream")
                  != std::string::npos,
                where.node_output());
  CHECK(gateways.wait(60s) == 0);
  int code = -1;
  where.furrow({"ledger"}, code);
  CHECK(code == 0);
  where.kill_node(SIGTERM);
}

TEST_CASE("fault, postgresql: with few connections frames are stored, the node is ready and says "
          "what it lacks") {
  for (const int granted : {3, 1}) {
    CAPTURE(granted);
    const auto name = "few" + std::to_string(granted);
    rig where{owned_by(ready_server(), name, name, granted)};
    where.start_node();
    child_process gateways{std::string{FURROW_BIN_DIR} + "/furrow-sim",
                           {"run", "--node", where.gateway(), "--machines", "10", "--rate", "100",
                            "--seconds", "2", "--until-durable", "--timeout", "40", "-q"},
                           (where.folder() / "sim.out").string()};
    const auto code = gateways.wait(60s);
    CAPTURE(where.node_output());
    CHECK(code == 0);
    CHECK(eventually(10s, [&] { return ready(where).status == 200; }));
    const auto alarm = "alarm connections: the server grants this node only "
                       + std::to_string(granted) + " connection";
    CHECK(eventually(10s, [&] { return where.node_output().find(alarm) != std::string::npos; }));
    int ended = -1;
    CHECK(eventually(20s, [&] { // the rest has its turn when nothing is stored
      where.furrow({"ledger"}, ended);
      return ended == 0;
    }));
    where.kill_node(SIGTERM);
  }
}
