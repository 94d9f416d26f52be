#include "storage/definitions.hpp"
#include "storage/migrations/migrations.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/logs/dbc.hpp"
#include "tools/furrow/output.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

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
  std::ifstream in{options.path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
  storage::store_options store_options;
  store_options.url = options.url;
  store_options.application_name = "furrow/cli";
  const storage::definition_load what{std::filesystem::path{options.path}.filename().string(),
                                      storage::sha256_hex(text), options.scope};
  const auto loaded = storage::load_definitions(store_options, *file, what);
  if (!loaded) {
    const auto code = loaded.code() == storage::errc::retry_later ? errc::cannot_connect
                      : loaded.code() == storage::errc::not_found ? errc::not_found
                                                                  : errc::failed;
    return failure{code,
                   fmt::format("{}: {}", storage::redacted(options.url), loaded.error().detail)};
  }
  const json answer{{"version", loaded->version},
                    {"added", loaded->added},
                    {"messages", loaded->messages},
                    {"signals", loaded->signals}};
  const table shown{{"VERSION", "ADDED", "MESSAGES", "SIGNALS"},
                    {{number_cell(answer.at("version")), value_cell(answer.at("added")),
                      number_cell(answer.at("messages")), number_cell(answer.at("signals"))}}};
  const auto printed = print(answer, shown, globals.format());
  if (!printed)
    return printed.error();
  return 0;
}

} // namespace

void add_dbc_load(CLI::App& dbc, const globals& globals, int& exit_code) {
  auto* command = dbc.add_subcommand(
    "load", "load signal definitions into the database, as a new version (PostgreSQL)");
  auto options = std::make_shared<load_options>();
  command->add_option("file", options->path, "DBC file")->required();
  command
    ->add_option("--for", options->scope,
                 "where they apply: all, a farm, a machine or FARM/EQUIPMENT")
    ->required();
  add_encoding(*command, options->encoding);
  const auto* url = add_database_option(*command, "postgresql://...")->required();
  command->footer("furrow.signal decodes with the closest definition, the newest first. History is "
                  "not rewritten.\n"
                  "Example:\n"
                  "  furrow dbc load implement.dbc --for T1 --database "
                  "postgresql://furrow@localhost/furrow");
  command->callback([&globals, &exit_code, options, url] {
    options->url = url_of(url);
    exit_code = code_of(load(globals, *options));
  });
}

} // namespace furrow::cli
