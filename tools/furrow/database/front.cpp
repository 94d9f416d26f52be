#include "storage/homes/front.hpp"

#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/output.hpp"

#include <fmt/format.h>

#include <fstream>
#include <memory>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

struct front_options {
  storage::front_wish wish;
  std::string password_file;
};

result<std::string> first_line(const std::string& file) {
  std::ifstream in{file};
  std::string line;
  if (!in)
    return failure{errc::usage, "--password-file: " + file + " cannot be read"};
  if (!std::getline(in, line) || line.empty())
    return failure{errc::usage, "--password-file: " + file + " has no first line"};
  return line;
}

result<int> create(const globals& globals, front_options options) {
  if (!options.password_file.empty()) {
    auto password = first_line(options.password_file);
    if (!password)
      return password.error();
    options.wish.password = std::move(*password);
  }
  const auto made = storage::create_front(options.wish);
  if (!made)
    return failure{made.code() == storage::errc::retry_later ? errc::cannot_connect : errc::failed,
                   made.error().detail};
  const json answer{
    {"homes", made->homes}, {"relations", made->relations}, {"functions", made->functions}};
  const table shown{{"HOMES", "RELATIONS", "FUNCTIONS"},
                    {{value_cell(json(fmt::format("{}", fmt::join(made->homes, ", ")))),
                      number_cell(answer.at("relations")), number_cell(answer.at("functions"))}}};
  const auto printed = print(answer, shown, globals.format());
  if (!printed)
    return printed.error();
  return 0;
}

} // namespace

void add_front(CLI::App& app, const globals& globals, int& exit_code) {
  auto* front = app.add_subcommand("front", "one database for SQL over all databases of a cluster");
  front->require_subcommand(1);
  auto* command = front->add_subcommand(
    "create", "write tables, views and functions over all homes into a small database");
  auto options = std::make_shared<front_options>();
  const auto* url =
    add_database_option(*command, "postgresql://..., the database to write")->required();
  command
    ->add_option("--main", options->wish.main,
                 "postgresql://..., the main database, whose directory names the others")
    ->type_name("URL")
    ->required();
  command
    ->add_option("--as", options->wish.user,
                 "the user who reads the homes; grant furrow_reader to it there")
    ->type_name("USER")
    ->required();
  command->add_option("--password-file", options->password_file,
                      "its first line is that user's password; without it the server of the front "
                      "uses its own certificate or password file");
  command->footer(
    "Run it as a superuser of the database to write, on a server with PL/Proxy and postgres_fdw "
    "(Debian: postgresql-15-plproxy). It replaces what an earlier run wrote, in one transaction. "
    "Run "
    "it again after `furrow db add`, `furrow db remove` or an upgrade. Who may use the front: "
    "`grant "
    "furrow_reader to grafana`.\n"
    "Examples:\n"
    "  furrow front create --database postgresql://postgres@localhost/front --main "
    "postgresql://furrow@db1/furrow --as front_reader --password-file front.password");
  command->callback([&globals, &exit_code, options, url] {
    options->wish.front = url_of(url);
    exit_code = code_of(create(globals, *options));
  });
}

} // namespace furrow::cli
