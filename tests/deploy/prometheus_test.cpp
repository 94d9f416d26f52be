/// Goal: the rules for Prometheus are valid, each alert fires on what it is for, and they ask only for metrics that a node
///   has.
/// Method: promtool for the files, and a scrape of a real node for the names.
#include "tests/deploy/live_node.hpp"
#include "tests/support/data.hpp"
#include "tests/support/program.hpp"
#include "tests/support/scratch_folder.hpp"

#include <doctest/doctest.h>

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
  // No alert is left out of the test.
  const auto rules = read_file(folder + "furrow.rules.yml");
  const auto tested = read_file(folder + "furrow.rules.test.yml");
  std::size_t alerts = 0;
  for (auto at = rules.find("- alert: "); at != std::string::npos;
       at = rules.find("- alert: ", at + 1)) {
    const auto name = rules.substr(at + 9, rules.find('\n', at) - at - 9);
    CHECK_MESSAGE(tested.find("alertname: " + name + "\n") != std::string::npos, name);
    ++alerts;
  }
  CHECK(alerts > 10);
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
