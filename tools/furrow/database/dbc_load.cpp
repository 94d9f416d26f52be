#include "storage/dbc/dbc_files.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/confirm.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/logs/dbc.hpp"
#include "tools/furrow/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr std::chrono::minutes load_timeout{10};

struct load_options {
  std::string path;
  std::string scope;
  std::string url;
  can::dbc_encoding encoding = can::dbc_encoding::detect;
};

result<int> load(const globals& globals, const load_options& options) {
  const auto file = load_dbc(options.path, can::dbc_mode::lenient, options.encoding);
  if (!file)
    return failure{errc::failed, file.error().detail};
  report_warnings(*file, "furrow dbc load", std::cerr);
  std::ifstream in{options.path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
  const auto store = open_directly(options.url);
  if (!store)
    return store.error();
  const storage::dbc_upload upload{std::filesystem::path{options.path}.filename().string(),
                                   options.scope, text, options.encoding};
  const auto loaded = wait_for<storage::dbc_load_outcome>(
    [&](auto done) { (*store)->dbc()->load(upload, {person()}, std::move(done)); }, options.url,
    std::max<std::chrono::milliseconds>(globals.timeout(), load_timeout));
  if (!loaded)
    return loaded.error();
  std::size_t signals = 0;
  for (const auto& message : file->messages)
    signals += message.signals.size();
  const json answer{{"id", loaded->id},
                    {"added", loaded->added},
                    {"messages", file->messages.size()},
                    {"signals", signals}};
  const table shown{{"ID", "ADDED", "MESSAGES", "SIGNALS"},
                    {{number_cell(answer.at("id")), value_cell(answer.at("added")),
                      number_cell(answer.at("messages")), number_cell(answer.at("signals"))}}};
  const auto printed = print(answer, shown, globals.format());
  if (!printed)
    return printed.error();
  return 0;
}

} // namespace

void add_dbc_load(CLI::App& dbc, const globals& globals, int& exit_code) {
  auto* command =
    dbc.add_subcommand("load", "keep a DBC file in the database, and decode with it from now on");
  auto options = std::make_shared<load_options>();
  command->add_option("file", options->path, "DBC file")->required();
  command
    ->add_option("--for", options->scope,
                 "where they apply: all, a farm, a machine or FARM/EQUIPMENT")
    ->required();
  add_encoding(*command, options->encoding);
  const auto* url = add_database_option(*command)->required();
  command->footer(
    "Nodes use the file within seconds: for the live view, for `furrow signals` and for rollups of "
    "frames from now on. Signals of the machine come before those of its farm, and both before "
    "those for all. A file of the same name for the same machines is replaced; `furrow dbc "
    "activate` brings it back.\n"
    "Examples:\n"
    "  furrow dbc load implement.dbc --for T1 --database postgresql://furrow@localhost/furrow\n"
    "  furrow dbc load sprayers.dbc --for north --database sqlite:furrow.db");
  command->callback([&globals, &exit_code, options, url] {
    options->url = url_of(url);
    exit_code = code_of(load(globals, *options));
  });
}

} // namespace furrow::cli
