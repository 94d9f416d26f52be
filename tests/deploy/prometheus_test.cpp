/// Goal: the rules for Prometheus are valid, each alert fires on what it is for, and they ask only for metrics that a node
///   has.
/// Method: promtool for the files, and a scrape of a real node for the names.
#include "tests/support/data.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/program.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/child_process.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

const std::string folder = std::string{FURROW_SOURCE_DIR} + "/deploy/prometheus/";

/// The words of a text that begin with "furrow_".
std::set<std::string> metrics_in(const std::string& text) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  std::set<std::string> out;
  for (auto at = text.find("furrow_"); at != std::string::npos; at = text.find("furrow_", at + 1)) {
    const auto end =
      std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), is_part);
    // "instance:furrow_..." is the name of a recorded series.
    if (at == 0 || (text[at - 1] != ':' && !is_part(text[at - 1])))
      out.emplace(text.begin() + static_cast<std::ptrdiff_t>(at), end);
  }
  return out;
}

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
  const auto log = place.file("node.log");
  const child_process node{std::string{FURROW_BIN_DIR} + "/furrowd",
                           {"--database", "sqlite:" + place.file("furrow.db"), "--listen",
                            "127.0.0.1:0", "--http", "127.0.0.1:0"},
                           log};
  std::string http;
  REQUIRE(eventually(20s, [&] {
    const auto said = node.output();
    const auto at = said.find(" http=");
    if (at == std::string::npos || said.find('\n', at) == std::string::npos)
      return false;
    http = said.substr(at + 6, said.find_first_of(" \n", at + 6) - at - 6);
    return true;
  }));
  const auto scraped =
    metrics_in(run_program({"/usr/bin/curl", "-s", "http://" + http + "/metrics"}).out);
  REQUIRE(scraped.size() > 40);
  for (const auto& name : metrics_in(read_file(folder + "furrow.rules.yml")))
    if (name != "furrow_alarm") // there while an alarm is raised
      CHECK_MESSAGE(scraped.count(name) == 1, name);
}
