#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/rounds.hpp"

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

result<int> health(const globals& globals) {
  auto client = node_client::from(globals);
  if (!client)
    return client.error();
  const auto alive = client->get("/health");
  if (!alive)
    return alive.error();
  const auto ready = client->get("/ready", 503);
  if (!ready)
    return ready.error();
  json both = *alive;
  both.update(*ready);
  std::string reasons;
  for (const auto& reason : both["reasons"])
    reasons += (reasons.empty() ? "" : "; ") + reason.get<std::string>();
  const bool is_ready = both["ready"] == true;
  const table shown{{"NODE", "VERSION", "READY", "REASONS"},
                    {{value_cell(both["node"]),
                      value_cell(both["version"]),
                      {is_ready ? "yes" : "no", is_ready ? colour::good : colour::bad, false},
                      {reasons.empty() ? "-" : reasons}}}};
  const auto printed = print(both, shown, globals.format());
  if (!printed)
    return printed.error();
  return is_ready ? 0 : static_cast<int>(errc::failed);
}

} // namespace

void add_health(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand("health", "show whether the node is alive and ready");
  command->footer("Exit code 1 if the node is alive but not ready.\n"
                  "Example:\n"
                  "  furrow --at https://node1:7480 --ca ca.pem health");
  const auto plan = add_watch_plan(*command);
  command->callback([&globals, &exit_code, plan] {
    exit_code = run_rounds(globals, *plan, [&] { return health(globals); });
  });
}

void add_version(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand("version", "print the version of this program");
  command->callback([&globals, &exit_code] {
    const json version{{"version", FURROW_VERSION}};
    const auto printed =
      globals.for_people()
        ? (static_cast<void>(write_out("furrow " FURROW_VERSION "\n")), written())
        : print(version, {}, globals.format());
    exit_code = printed ? 0 : report(printed.error());
  });
}

} // namespace furrow::cli
