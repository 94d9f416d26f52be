/// The option `--database URL` (FURROW_DATABASE) for every command that opens a database itself.
///
/// Shape: each command has an option of its own, which is read when that command runs. CLI11 gives the value of the
///   environment to the options of all commands, also of commands that were not named. A string shared by several
///   options would then hold the environment's value instead of the typed one.
#pragma once

#include "tools/furrow/globals.hpp"

#include <string>

#include <CLI/App.hpp>

namespace furrow::cli {

[[nodiscard]] inline CLI::Option*
add_database_option(CLI::App& command,
                    const std::string& what = "postgresql://... or sqlite:PATH") {
  return command.add_option("--database", what)->envname("FURROW_DATABASE")->type_name("URL");
}

/// What the commands on the directory say of it.
inline constexpr const char* main_url =
  "the main database, which nodes are started with: postgresql://...";

/// Empty if no URL was given.
[[nodiscard]] inline std::string url_of(const CLI::Option* option) {
  return option->count() == 0 ? "" : option->as<std::string>();
}

} // namespace furrow::cli
