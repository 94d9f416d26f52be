/// Goal: every panel of the dashboards asks something that the database or a node can answer, with the rights of a reader.
/// Method: a node on a real PostgreSQL takes simulated frames. Each panel's SQL runs as furrow_reader, with Grafana's
///   macros replaced as Grafana's manual says. Each metric of a panel is looked for in a scrape, and promtool reads its
///   expression.
#include "tests/deploy/live_node.hpp"
#include "tests/support/data.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/scratch_folder.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

using namespace furrow::tests;
using namespace std::chrono_literals;
using json = nlohmann::json;

namespace {

/// As Grafana's data source for PostgreSQL does it.
std::string without_macros(std::string sql, const std::string& machine) {
  const std::string from = "'2020-01-01T00:00:00Z'";
  const std::string to = "'2099-01-01T00:00:00Z'";
  sql = std::regex_replace(sql, std::regex{R"(\$__timeFilter\(([^)]*)\))"},
                           "$1 between " + from + " and " + to);
  sql = std::regex_replace(sql, std::regex{R"(\$__timeGroup\(([^,]*),[^)]*\))"},
                           "floor(extract(epoch from $1)/60)*60");
  sql = std::regex_replace(sql, std::regex{R"(\$__timeFrom\(\))"}, from);
  sql = std::regex_replace(sql, std::regex{R"(\$__timeTo\(\))"}, to);
  sql = std::regex_replace(sql, std::regex{R"(\$__interval)"}, "1m");
  return std::regex_replace(sql, std::regex{R"(\$machine)"}, machine);
}

} // namespace

TEST_CASE("deploy: every panel of the dashboards is answered, with the rights of a reader") {
  const pg_cluster server;
  const scratch_folder place;
  const live_node node{server.url(), place.file("node.log")};
  const auto sim =
    run_program({FURROW_BIN_DIR "/furrow-sim", "run", "--node", node.gateway(), "--machines", "1",
                 "--rate", "1000", "--seconds", "3", "--until-durable"});
  REQUIRE_MESSAGE(sim.exit_code == 0, sim.errors);
  REQUIRE(eventually(
    30s, [&] { return server.value("select count(*) > 1 from furrow.telemetry") == "t"; }));
  auto scraped = metrics_in(node.metrics());
  scraped.merge(metrics_in(node.metrics(), "process_"));

  std::set<std::string> boards;
  std::string rules = "groups:\n  - name: panels\n    rules:\n";
  std::size_t queries = 0;
  std::size_t rows = 0;
  for (const auto& file :
       std::filesystem::directory_iterator{FURROW_SOURCE_DIR "/deploy/grafana/dashboards"}) {
    CAPTURE(file.path().string());
    const auto board = json::parse(read_file(file.path()));
    CHECK(boards.insert(board.at("uid")).second);
    std::string machine;
    for (const auto& variable : board.at("templating").at("list"))
      machine = server.value("set role furrow_reader; " + variable.at("query").get<std::string>());
    for (const auto& panel : board.at("panels"))
      for (const auto& target : panel.at("targets")) {
        CAPTURE(panel.at("title").get<std::string>());
        ++queries;
        if (target.contains("rawSql")) {
          CHECK(target.at("datasource").at("uid") == "furrow");
          const auto sql = without_macros(target.at("rawSql"), machine);
          CHECK(sql.find('$') == std::string::npos);
          CHECK_NOTHROW(rows += server.exec("set role furrow_reader; " + sql).size());
        } else {
          CHECK(target.at("datasource").at("uid") == "prometheus");
          auto names = metrics_in(target.at("expr"));
          names.merge(metrics_in(target.at("expr"), "process_"));
          CHECK_FALSE(names.empty());
          for (const auto& name : names)
            CHECK_MESSAGE(scraped.count(name) == 1, name);
          rules += "      - record: panel:n" + std::to_string(queries) + "\n        expr: "
                   + target.at("expr").dump() + "\n"; // a JSON string is one of YAML
        }
      }
  }
  std::ofstream{place.file("panels.yml")} << rules;
  const auto read = run_program({"/usr/bin/promtool", "check", "rules", place.file("panels.yml")});
  CHECK_MESSAGE(read.exit_code == 0, read.out << read.errors);
  CHECK(boards
        == std::set<std::string>{"furrow-cluster", "furrow-database", "furrow-faults",
                                 "furrow-fleet", "furrow-ingest", "furrow-machine"});
  // Both installations give the data sources the names that the panels use.
  for (const auto* file :
       {"grafana/provisioning/datasources/furrow.yml", "compose/grafana-datasources.yml"})
    for (const auto* uid : {"uid: furrow\n", "uid: prometheus\n"})
      CHECK(read_file(std::string{FURROW_SOURCE_DIR "/deploy/"} + file).find(uid)
            != std::string::npos);
  CHECK(queries > 35);
  CHECK(rows > 20); // the machine was seen
}
