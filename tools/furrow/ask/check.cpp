#include "tools/furrow/ask/check_verdict.hpp"
#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"

#include <memory>
#include <string>
#include <utility>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

/// A node that cannot be reached is down. Any other failure says nothing of the node: a wrong token, a missing file.
check_verdict verdict_of(const failure& why) {
  const bool down = why.code == errc::cannot_connect || why.code == errc::timed_out;
  return undecided(down ? check_state::critical : check_state::unknown, why.detail);
}

check_verdict examine(const globals& globals, const check_limits& limits) {
  const auto client = node_client::from(globals);
  if (!client)
    return verdict_of(client.error());
  check_answers answers;
  for (auto [target, into] :
       {std::pair{"/health", &answers.health}, std::pair{"/ready", &answers.ready},
        std::pair{"/api/v1/nodes", &answers.nodes}, std::pair{"/api/v1/ledger", &answers.ledger}}) {
    auto answer = client->get(target, target == std::string_view{"/ready"} ? 503 : 0);
    // A database that is away answers no ledger; the reasons of /ready say so, and say it better.
    if (!answer && into == &answers.ledger && !answers.ready.value("ready", true))
      continue;
    if (!answer)
      return verdict_of(answer.error());
    *into = std::move(*answer);
  }
  return judge(answers, limits);
}

int show(const check_verdict& verdict, output_format format) {
  if (format == output_format::table || format == output_format::wide)
    (void)write_out(line_of(verdict) + "\n");
  else if (format == output_format::csv)
    (void)print(to_json(verdict), {}, format);
  else
    (void)write_out(to_json(verdict).dump(format == output_format::json ? 2 : -1) + "\n");
  const auto printed = written();
  if (!printed)
    return static_cast<int>(check_state::unknown);
  return static_cast<int>(verdict.state);
}

} // namespace

int report_unknown(const std::string& why) {
  return show(undecided(check_state::unknown, why), output_format::table);
}

void add_check(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand(
    "check", "check a node for a monitoring system: one line, exit codes 0 to 3");
  auto limits = std::make_shared<check_limits>();
  command
    ->add_option("--lag-warning", limits->lag_warning_s,
                 "warn when an item waits this many seconds for the database")
    ->check(CLI::Range(0.0, 86'400.0))
    ->capture_default_str();
  command
    ->add_option("--lag-critical", limits->lag_critical_s,
                 "critical when an item waits this many seconds")
    ->check(CLI::Range(0.0, 86'400.0))
    ->capture_default_str();
  command->add_option("--machines", limits->machines_min,
                      "warn when fewer machines are connected to this node");
  command->add_option("--lost-known", limits->lost_known,
                      "lost items that were looked into: only more than these are critical");
  command->footer(
    "Exit codes, as Nagios, Icinga and others read them:\n"
    "  0 OK        the node is ready, and nothing is lost or doubled\n"
    "  1 WARNING   an alarm is raised, people drain the node, the lag is long, machines are "
    "missing\n"
    "  2 CRITICAL  the node is down or not ready, or items are lost or doubled\n"
    "  3 UNKNOWN   wrong token, wrong options, or an answer that this program does not understand\n"
    "The token needs farm \"*\" (`furrow token new --role viewer --farm '*'`); the ledger is that "
    "of\n"
    "--farm. --timeout should be shorter than the patience of the monitoring system.\n"
    "Examples:\n"
    "  furrow check\n"
    "  furrow check --at https://node1:7480 --ca ca.pem --token-file node.token --timeout 8\n"
    "  furrow check --farm north --machines 20 --lag-warning 10\n"
    "  furrow check -o json");
  command->callback([&globals, &exit_code, limits] {
    try {
      exit_code = show(examine(globals, *limits), globals.format());
    } catch (const nlohmann::json::exception& error) {
      exit_code = report_unknown(std::string{"the node's answer is not understood: "} + error.what()
                                 + " (do both have the same version?)");
    }
  });
}

} // namespace furrow::cli
