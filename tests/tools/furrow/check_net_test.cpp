// `furrow check`: one line and an exit code, as monitoring systems read them.
#include "tests/tools/furrow/cli_world.hpp"
#include "tools/furrow/ask/check_verdict.hpp"

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;

namespace {

/// The line of a run that ended with this code; nothing is on standard error.
std::string line_of(const program_result& result, int exit_code) {
  CHECK(result.exit_code == exit_code);
  CHECK(result.errors == "");
  CHECK(std::count(result.out.begin(), result.out.end(), '\n') == 1);
  return result.out;
}

bool says(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found)
    MESSAGE("\"" << part << "\" is not in: " << text);
  return found;
}

/// A node that has lost nothing.
void mend(fake_node& node) {
  for (auto& row : node.database.rows)
    row.lost = row.doubled = 0;
  node.figures.sessions = 2;
}

cli::json member(std::int64_t lag_ms, const cli::json& lease_age_ms, const char* state = "alive") {
  return {{"name", "n1"},  {"this", true},     {"state", state},
          {"sessions", 7}, {"lag_ms", lag_ms}, {"lease_age_ms", lease_age_ms}};
}

cli::check_answers answers_with(const cli::json& row) {
  return {{{"node", "n1"}, {"alarms", cli::json::array()}},
          {{"ready", true}, {"reasons", cli::json::array()}},
          {{"nodes", {{{"name", "n2"}, {"this", false}}, row}}},
          {{"ledger", cli::json::array()}}};
}

} // namespace

TEST_CASE("furrow check: 0 for a node that is ready and has lost nothing") {
  cli_world furrow;
  mend(furrow.node);
  CHECK(line_of(furrow("check"), 0)
        == "FURROW OK: node n1 is ready, 2 machines, 2 streams, nothing lost or doubled | "
           "machines=2 lag=0s;5;30 alarms=0;0 streams=2 lost=0;;0 doubled=0;;0 quarantined=1\n");
  const auto told = cli::json::parse(furrow("check", "-o", "json").out);
  CHECK(told["state"] == "OK");
  CHECK(told["figures"]["machines"] == 2);
  CHECK(told["figures"]["lease_age"].is_null()); // alone on its database
}

TEST_CASE("furrow check: 1 for an alarm, a long lag, or too few machines") {
  cli_world furrow;
  mend(furrow.node);
  CHECK(says(line_of(furrow("check", "--machines", "3"), 1),
             "FURROW WARNING: 2 machines are connected, at least 3 are expected | machines=2;3: "));
  furrow.node.figures.dead_nodes = "n2";
  const auto alarmed = line_of(furrow("check"), 1);
  CHECK(says(alarmed, "FURROW WARNING: dead and not back: n2"));
  CHECK(says(alarmed, " alarms=1;0 "));
}

TEST_CASE("furrow check: 2 for a node that is down or not ready, and for lost or doubled items") {
  cli_world furrow;
  CHECK(says(line_of(furrow("check"), 2), "FURROW CRITICAL: 1 items are lost: furrow ledger | "));
  line_of(furrow("check", "--lost-known", "1"), 0);
  mend(furrow.node);
  furrow.node.database.rows.front().doubled = 4;
  CHECK(says(line_of(furrow("check"), 2), "4 items are doubled: furrow ledger"));
  mend(furrow.node);
  furrow.node.figures.stalled_s = 20;
  CHECK(says(line_of(furrow("check"), 1), "FURROW WARNING: lag is 20.0 s"));
  CHECK(
    says(line_of(furrow("check", "--lag-critical", "10"), 2), "FURROW CRITICAL: lag is 20.0 s"));
  furrow.node.figures.stalled_s = 0;
  furrow.node.database.away = true;
  furrow.node.store_up = false;
  const auto away = line_of(furrow("check"), 2);
  CHECK(says(away, "FURROW CRITICAL: not ready: the database stores nothing now"));
  CHECK_FALSE(away.find("lost=") != std::string::npos); // nobody knows
  CHECK(says(line_of(furrow_with({}, {"check", "--at", "http://127.0.0.1:1"}), 2),
             "FURROW CRITICAL: cannot connect to http://127.0.0.1:1"));
}

TEST_CASE("furrow check: 3 for what says nothing of the node") {
  cli_world furrow;
  CHECK(says(line_of(furrow("check", "--lags", "1"), 3), "FURROW UNKNOWN: unknown option --lags"));
  CHECK(says(line_of(furrow("check", "--token-file", "/no/such/file"), 3), "FURROW UNKNOWN: "));
  CHECK(says(line_of(furrow("check", "--at", "node1"), 3), "FURROW UNKNOWN: "));
}

TEST_CASE("furrow check: the age of the lease, and a node that people drain") {
  const cli::check_limits limits;
  CHECK(cli::judge(answers_with(member(0, 400)), limits).state == cli::check_state::ok);
  CHECK(says(cli::line_of(cli::judge(answers_with(member(0, 400)), limits)),
             " machines=7 lag=0s;5;30 lease_age=0.4s;3;10 "));
  CHECK(cli::judge(answers_with(member(0, 4'000)), limits).state == cli::check_state::warning);
  CHECK(cli::judge(answers_with(member(0, 40'000)), limits).state == cli::check_state::critical);
  auto drains = answers_with(member(0, 400, "draining"));
  drains.ready = {{"ready", false}, {"reasons", {"people drain this node"}}};
  CHECK(cli::judge(drains, limits).state == cli::check_state::warning);
  drains.nodes["nodes"][1]["state"] = "alive"; // the process is told to end
  CHECK(cli::judge(drains, limits).state == cli::check_state::critical);
}

TEST_CASE("furrow check: the worst comes first, and no name breaks the line") {
  auto all = answers_with(member(9'000, nullptr));
  all.health["alarms"] = {"a bar | and\na line"};
  all.ledger["ledger"] = {
    {{"lost", 1}, {"doubled", 0}, {"quarantined", 0}, {"lost_at_gateway", 2}}};
  const auto line = cli::line_of(cli::judge(all, {}));
  CHECK(line.starts_with("FURROW CRITICAL: 3 items are lost: furrow ledger; lag is 9.0 s; a bar ? "
                         "and?a line | "));
}
