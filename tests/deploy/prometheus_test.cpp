/// Goal: the rules for Prometheus are valid, each alert fires on what it is for, and they ask only for metrics that a node
///   has.
/// Method: promtool for the files, and a scrape of a real node for the names.
#include "tests/deploy/live_node.hpp"
#include "tests/support/data.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/program.hpp"
#include "tests/support/scratch_folder.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

using namespace furrow::tests;

namespace {

const std::string folder = std::string{FURROW_SOURCE_DIR} + "/deploy/prometheus/";

} // namespace

TEST_CASE("deploy: promtool accepts the rules, and each alert fires on what it is for") {
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"check", "rules", folder + "furrow.rules.yml"},
         {"test", "rules", folder + "furrow.rules.test.yml"},
         {"check", "config", "--syntax-only", folder + "prometheus.yml"}}) {
    auto command = words;
    command.insert(command.begin(), "/usr/bin/promtool");
    const auto answer = run_program(command);
    CHECK_MESSAGE(answer.exit_code == 0, answer.out << answer.errors);
  }
  // No alert is left out of the test, and each says what to do.
  const auto rules = read_file(folder + "furrow.rules.yml");
  const auto tested = read_file(folder + "furrow.rules.test.yml");
  std::size_t alerts = 0;
  for (auto at = rules.find("- alert: "); at != std::string::npos;
       at = rules.find("- alert: ", at + 1)) {
    const auto name = rules.substr(at + 9, rules.find('\n', at) - at - 9);
    CHECK_MESSAGE(tested.find("alertname: " + name + "\n") != std::string::npos, name);
    const auto rule = rules.substr(at, rules.find("- alert: ", at + 1) - at);
    CHECK_MESSAGE(rule.find("\n          runbook: '") != std::string::npos, name);
    ++alerts;
  }
  CHECK(alerts > 10);
}

TEST_CASE("deploy: a node on PostgreSQL tells how full the disk is that it is to watch") {
  const pg_cluster server;
  const scratch_folder place;
  const auto said = [&](const std::vector<std::string>& more) {
    const live_node node{server.url(), place.file(more.empty() ? "a.log" : "b.log"), more};
    const auto metrics = node.metrics();
    const std::string name = "\nfurrow_disk_used_percent ";
    const auto at = metrics.find(name);
    REQUIRE(at != std::string::npos);
    return std::stoi(metrics.substr(metrics.find(' ', at)));
  };
  CHECK(said({}) == 0); // the server may be anywhere
  const auto folder_of_files = std::filesystem::path{place.file("a.log")}.parent_path();
  const auto room = std::filesystem::space(folder_of_files);
  const auto used = 100 - static_cast<int>(room.available * 100 / room.capacity);
  const auto watched = said({"--watch-disk", folder_of_files.string()});
  CHECK(watched > 0);
  CHECK(std::abs(watched - used) <= 2);
}

TEST_CASE("deploy: the rules for Prometheus ask only for metrics that a node has") {
  const scratch_folder place;
  const live_node node{"sqlite:" + place.file("furrow.db"), place.file("node.log")};
  const auto scraped = metrics_in(node.metrics());
  REQUIRE(scraped.size() > 40);
  for (const auto& name : metrics_in(read_file(folder + "furrow.rules.yml")))
    if (name != "furrow_alarm") // there while an alarm is raised
      CHECK_MESSAGE(scraped.count(name) == 1, name);
}
