#include "storage/doctor/doctor.hpp"

#include "tools/furrow/client.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/doctor/configuration.hpp"
#include "tools/furrow/doctor/node_remarks.hpp"
#include "tools/furrow/doctor/this_machine.hpp"
#include "tools/furrow/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
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
  std::vector<std::string> folders;
  std::vector<std::string> certificates;
  std::vector<std::string> addresses;
  std::string configuration;

  [[nodiscard]] bool looks_here() const {
    return !folders.empty() || !certificates.empty() || !addresses.empty()
           || !configuration.empty();
  }
};

void append(std::vector<remark>& to, std::vector<remark> from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

/// The folder of a SQLite file; the node's disk is this machine's.
std::string folder_of(const std::string& url) {
  constexpr std::string_view scheme = "sqlite:";
  if (!url.starts_with(scheme))
    return "";
  return std::filesystem::absolute(url.substr(scheme.size())).parent_path().string();
}

void examine_here(const doctor_options& options, bool node_runs, std::vector<remark>& out) {
  auto folders = options.folders;
  if (const auto folder = folder_of(options.url); !folder.empty())
    folders.push_back(folder);
  for (const auto& folder : folders)
    append(out, remarks_on_folder(look_at_folder(folder)));
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
    std::chrono::system_clock::now().time_since_epoch());
  for (const auto& file : options.certificates)
    out.push_back(remark_on_certificate(look_at_certificate(file), now.count()));
  for (const auto& address : options.addresses)
    out.push_back(remark_on_address(look_at_address(address), node_runs));
  if (!options.addresses.empty() && !node_runs) { // where a node is to be started
    out.push_back(
      remark_on_open_files(open_files_max(), std::nullopt, "a program started from here"));
    out.push_back(remark_on_machine_clock(clock_is_kept()));
  }
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

result<int> show(const std::vector<remark>& remarks, output_format format) {
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
  const auto printed = print(answer, shown, format);
  if (!printed)
    return printed.error();
  const auto failed = std::count_if(remarks.begin(), remarks.end(), [](const remark& one) {
    return one.level == remark_level::failed;
  });
  if (failed > 0)
    return failure{errc::failed, fmt::format("{} of {} checks failed", failed, remarks.size())};
  return 0;
}

/// Adds what the configuration names to what was given.
void follow_configuration(doctor_options& options, std::vector<remark>& out) {
  auto found = look_at_configuration(options.configuration);
  out.push_back(std::move(found.remark));
  for (auto& one : found.addresses)
    options.addresses.push_back(std::move(one));
  for (auto& one : found.certificates)
    options.certificates.push_back(std::move(one));
  if (!options.url.empty() || found.database.empty())
    return;
  options.url = found.database;
  std::string password;
  if (std::ifstream in{found.password_file}; std::getline(in, password))
    ::setenv("PGPASSWORD", password.c_str(), 1); // read by libpq; this program has one thread
}

result<int> doctor(const globals& globals, doctor_options options) {
  std::vector<remark> remarks;
  if (!options.configuration.empty())
    follow_configuration(options, remarks);
  if (!options.url.empty()) {
    storage::store_options store;
    store.url = options.url;
    store.application_name = "furrow/cli";
    auto found = storage::examine_database(store, options.nodes);
    if (!found)
      return to_failure(found.error(), options.url);
    append(remarks, std::move(*found));
  }
  if (options.ask_node) {
    const auto answers = ask_node(globals);
    if (!answers)
      return answers.error();
    append(remarks, remarks_on(*answers));
  }
  examine_here(options, options.ask_node, remarks);
  return show(remarks, globals.format());
}

} // namespace

void add_doctor(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand(
    "doctor", "check a database, a node and this machine for what is known to go wrong");
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
  command->add_option("--folder", options->folders,
                      "folder of a spool or a database: free room, and time to save; repeatable");
  command->add_option("--cert", options->certificates,
                      "PEM file of certificates: when the first of them ends; repeatable");
  command->add_option(
    "--listen", options->addresses,
    "HOST:PORT at which a node is to listen here: whether it is free; repeatable");
  command->add_option("--config", options->configuration,
                      "configuration file of the node on this machine: whether it is valid, and "
                      "all that it names: database, certificates, ports");
  command->footer(
    "The node is asked with --at, or when nothing else is given. Nothing is changed; in a folder\n"
    "one file of 4 KiB is written and removed.\n"
    "Exit code 1 if a check failed; warnings alone are 0. `furrow check` is for monitoring.\n"
    "Examples:\n"
    "  furrow doctor --database postgresql://furrow@localhost/furrow --nodes 3\n"
    "  furrow doctor --at https://node1:7480 --ca ca.pem --token-file node.token\n"
    "  furrow doctor --database sqlite:furrow.db -o json\n"
    "  furrow doctor --config /etc/furrow/furrowd.toml\n"
    "  furrow doctor --listen 0.0.0.0:7400 --listen 0.0.0.0:7480 --cert node.pem --folder "
    "/var/lib/furrow");
  const auto* at = app.get_option("--at");
  command->callback([&globals, &exit_code, options, url, at] {
    options->url = url_of(url);
    options->ask_node = at->count() > 0 || (options->url.empty() && !options->looks_here());
    exit_code = code_of(doctor(globals, *options));
  });
}

} // namespace furrow::cli
