/// The manual pages of a program, made from what its command line says of itself: the same text as `--help`.
///
/// Shape: one page for the program and one for each command, `furrow-db-migrate.1`. The build of the packages calls every
///   program with `--man-pages DIR`; no help lists that option.
/// Errors: one line on standard error, exit code 1.
#pragma once

#include <map>
#include <optional>
#include <string>

#include <CLI/App.hpp>

namespace furrow::manual {

struct book {
  std::string program; // "furrowd"
  std::string version;
  int section = 1;      // 1: programs, 8: services
  std::string see_also; // other pages, as "furrow(1), furrow-edge(1)"
};

/// Names of files and their content. The date is that of SOURCE_DATE_EPOCH, so that a build can be repeated; without it
/// there is none.
[[nodiscard]] std::map<std::string, std::string> pages_of(const CLI::App& app, const book& book);

/// Writes the pages when the arguments are `--man-pages DIR`, and returns the exit code of the program then. Call it
/// before the command line is parsed, when all commands and options are there.
[[nodiscard]] std::optional<int>
write_if_asked(const CLI::App& app, const book& book, int argc, const char* const* argv);

} // namespace furrow::manual
