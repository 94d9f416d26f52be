// The command line of Furrow: every command registers itself, and CLI11 runs the command that was named.
#include "tools/furrow/commands.hpp"
#include "tools/furrow/logs/convert.hpp"
#include "tools/furrow/logs/dbc.hpp"
#include "tools/furrow/logs/decode.hpp"
#include "tools/furrow/logs/names.hpp"
#include "tools/furrow/usage.hpp"
#include "tools/manual/manual.hpp"

#include <fmt/format.h>

#include <csignal>
#include <exception>
#include <string>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <nlohmann/json.hpp>

namespace {

void add_commands(CLI::App& app, const furrow::cli::globals& globals, int& exit_code) {
  using namespace furrow::cli;
  // Commands that ask a node or its database.
  add_equipment(app, globals, exit_code);
  add_equipment_set(app, globals, exit_code);
  add_removals(app, globals, exit_code);
  add_watch(app, globals, exit_code);
  add_farm(app, globals, exit_code);
  add_field(app, globals, exit_code);
  add_ledger(app, globals, exit_code);
  add_frames(app, globals, exit_code);
  add_telemetry(app, globals, exit_code);
  add_signals(app, globals, exit_code);
  add_records(app, globals, exit_code);
  add_token_usage(app, globals, exit_code);
  add_faults(app, globals, exit_code);
  add_quarantine(app, globals, exit_code);
  add_gateways(app, globals, exit_code);
  add_nodes(app, globals, exit_code);
  add_site(app, globals, exit_code);
  add_equipment_move(app, globals, exit_code);
  add_config(app, globals, exit_code);
  add_log(app, globals, exit_code);
  add_actors(app, globals, exit_code);
  add_database(app, globals, exit_code);
  add_front(app, globals, exit_code);
  add_farms(app, globals, exit_code);
  add_farm_move(app, globals, exit_code);
  add_doctor(app, globals, exit_code);
  add_retention(app, globals, exit_code);
  add_archive(app, globals, exit_code);
  add_export(app, globals, exit_code);
  add_import(app, globals, exit_code);
  add_top(app, globals, exit_code);
  add_health(app, globals, exit_code);
  add_check(app, globals, exit_code);
  add_report(app, globals, exit_code);
  add_users(app, globals, exit_code);
  add_token(app, globals, exit_code);
  add_login(app, globals, exit_code);
  add_context(app, globals, exit_code);
  add_audit_log(app, globals, exit_code);
  add_bench(app, globals, exit_code);
  // Commands that read logs and DBC files; they need neither.
  add_convert(app, exit_code);
  add_dbc(app, exit_code);
  add_dbc_load(*app.get_subcommand("dbc"), globals, exit_code); // these need a database
  add_dbc_files(*app.get_subcommand("dbc"), globals, exit_code);
  add_dbc_apply(*app.get_subcommand("dbc"), globals, exit_code);
  add_decode(app, exit_code);
  add_names(app, exit_code);

  add_version(app, globals, exit_code);
  add_completion(app, exit_code); // last: it lists all other commands
}

/// CLI11's own exit codes start at 100. Scripts get 2 for every error on the command line.
int usage_error(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0)
    return app.exit(error); // --help
  const auto text = furrow::cli::usage_text(app, error);
  if (app.got_subcommand("check")) // 2 would mean that the node is down
    return furrow::cli::report_unknown(text);
  fmt::print(stderr, "furrow: {}\n", text);
  return static_cast<int>(furrow::cli::errc::usage);
}

} // namespace

int main(int argc, char** argv) {
  // If the reader goes away, the program sees a failed write.
  if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR)
    return static_cast<int>(furrow::cli::errc::failed);
  CLI::App app{"furrow: query and control a Furrow node", "furrow"};
  furrow::cli::globals globals;
  int exit_code = 0;
  app.require_subcommand(1);
  app.fallthrough(); // global options may follow the command
  app.footer(
    "Exit codes: 0 ok, 1 failed, 2 usage, 3 cannot connect, 4 not found, 5 timed out.\n"
    "Environment: FURROW_AT, FURROW_CA, FURROW_TOKEN, FURROW_FARM, FURROW_CONTEXT, "
    "FURROW_DATABASE,\n"
    "NO_COLOR. A flag wins over the environment, that over the context (furrow context --help).");
  app.set_version_flag("--version", "furrow " FURROW_VERSION, "print the version and exit");
  furrow::cli::add_globals(app, globals);
  add_commands(app, globals, exit_code);
  if (const auto written = furrow::manual::write_if_asked(
        app, {"furrow", FURROW_VERSION, 1, "furrowd(8), furrow-edge(1), furrow-sim(1)"}, argc,
        argv))
    return *written;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error);
  } catch (const nlohmann::json::exception& error) {
    fmt::print(stderr,
               "furrow: furrow {} does not understand the node's answer: {} (do both have the same "
               "version?)\n",
               FURROW_VERSION, error.what());
    return static_cast<int>(furrow::cli::errc::failed);
  } catch (const std::exception& error) {
    fmt::print(stderr, "furrow: {} (this is a bug in furrow)\n", error.what());
    return static_cast<int>(furrow::cli::errc::failed);
  }
  return exit_code;
}
