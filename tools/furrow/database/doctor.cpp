#include "storage/doctor/doctor.hpp"

#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

using storage::remark;
using storage::remark_level;

struct doctor_options {
  std::string url;
  bool ask_node = false;
  storage::node_wishes nodes;
};

/// What the node says of itself: whether it is ready, and its alarms. The expiry of its certificate is one of them.
result<std::vector<remark>> examine_node(const globals& globals) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto health = client->get("/health");
  if (!health)
    return health.error();
  const auto ready = client->get("/ready", 503);
  if (!ready)
    return ready.error();
  std::vector<remark> out;
  const auto name = health->at("node").get<std::string>();
  const auto version = health->at("version").get<std::string>();
  const auto says = fmt::format("node {}, version {}", name, version);
  if (version == FURROW_VERSION)
    out.push_back({"node", remark_level::ok, says});
  else
    out.push_back({"node", remark_level::warning,
                   fmt::format("{}; this program is {}", says, FURROW_VERSION),
                   "use programs of one version, except during an upgrade"});
  for (const auto& reason : ready->at("reasons"))
    out.push_back({"ready", remark_level::failed, reason.get<std::string>(),
                   "see `furrow health` and the node's log"});
  if (ready->at("ready") == true)
    out.push_back({"ready", remark_level::ok, "the node takes work"});
  for (const auto& alarm : health->at("alarms"))
    out.push_back({"alarm", remark_level::warning, alarm.get<std::string>(),
                   "docs/operations/monitoring.md says what each alarm means"});
  return out;
}

colour colour_of(remark_level level) {
  switch (level) {
  case remark_level::ok:
    return colour::good;
  case remark_level::warning:
    return colour::none;
  case remark_level::failed:
    return colour::bad;
  }
  return colour::none;
}

result<int> doctor(const globals& globals, const doctor_options& options) {
  std::vector<remark> remarks;
  if (!options.url.empty()) {
    storage::store_options store;
    store.url = options.url;
    store.application_name = "furrow/cli";
    auto found = storage::examine_database(store, options.nodes);
    if (!found)
      return to_failure(found.error(), options.url);
    remarks = std::move(*found);
  }
  if (options.ask_node) {
    auto found = examine_node(globals);
    if (!found)
      return found.error();
    remarks.insert(remarks.end(), found->begin(), found->end());
  }
  json answer = json::array();
  table shown{{"CHECK", "RESULT", "FOUND", "DO NEXT"}, {}};
  for (const auto& one : remarks) {
    const std::string level{to_string(one.level)};
    answer.push_back({{"check", one.what},
                      {"result", level},
                      {"found", one.says},
                      {"next", one.next.empty() ? json(nullptr) : json(one.next)}});
    shown.rows.push_back({{one.what}, {level, colour_of(one.level)}, {one.says}, {one.next}});
  }
  const auto printed = print(answer, shown, globals.format());
  if (!printed)
    return printed.error();
  const auto failed = std::count_if(remarks.begin(), remarks.end(), [](const remark& one) {
    return one.level == remark_level::failed;
  });
  if (failed > 0)
    return failure{errc::failed, fmt::format("{} of {} checks failed", failed, remarks.size())};
  return 0;
}

} // namespace

void add_doctor(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command =
    app.add_subcommand("doctor", "check a database and a node for what is known to go wrong");
  auto options = std::make_shared<doctor_options>();
  const auto* url = add_database_option(*command);
  command->add_option("--nodes", options->nodes.nodes, "nodes that use the database")
    ->check(CLI::Range(1, 1'000))
    ->capture_default_str();
  command->add_option("--lanes", options->nodes.lanes, "as furrowd --lanes")
    ->check(CLI::Range(1, 16))
    ->capture_default_str();
  command->add_option("--pool-max", options->nodes.pool_max, "as furrowd --pool-max")
    ->check(CLI::Range(1U, storage::pool_connections_max))
    ->capture_default_str();
  command->footer("The node is asked with --at, or when no database is given. Nothing is changed.\n"
                  "Exit code 1 if a check failed; warnings alone are 0.\n"
                  "Examples:\n"
                  "  furrow doctor --database postgresql://furrow@localhost/furrow --nodes 3\n"
                  "  furrow doctor --at https://node1:7480 --ca ca.pem\n"
                  "  furrow doctor --database sqlite:furrow.db -o json");
  const auto* at = app.get_option("--at");
  command->callback([&globals, &exit_code, options, url, at] {
    options->url = url_of(url);
    options->ask_node = options->url.empty() || at->count() > 0;
    exit_code = code_of(doctor(globals, *options));
  });
}

} // namespace furrow::cli
