/// Errors of the command line in one line: what is wrong with which word, the word that was probably meant, and where
/// the options are listed.
///
/// Threads: one.
#pragma once

#include <string>

#include <CLI/App.hpp>

namespace furrow::cli {

/// `app` has tried to parse its arguments and failed with `error`.
[[nodiscard]] std::string usage_text(const CLI::App& app, const CLI::ParseError& error);

} // namespace furrow::cli
