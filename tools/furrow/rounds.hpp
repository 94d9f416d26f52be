/// `--watch[=2s]`: every command that prints a list can print it again and again.
///
/// Shape: a table is drawn anew on a terminal, over the one before. JSON lines follow each other, on a terminal or not.
/// Errors: a node that is away in a later round is reported, and asked again; one that is away at the start is an error,
///   as without --watch.
/// Threads: one. SIGINT and SIGTERM end the rounds with exit code 0.
/// Limits: 50 ms to 1 h between rounds.
#pragma once

#include "tools/furrow/exit_code.hpp"
#include "tools/furrow/globals.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <CLI/App.hpp>

namespace furrow::cli {

struct watch_plan {
  std::string every;  // empty: once
  unsigned times = 0; // 0: until interrupted
};

/// Adds --watch and --times to a command.
[[nodiscard]] std::shared_ptr<watch_plan> add_watch_plan(CLI::App& command);

/// 2s, 500ms, 1min or 2: seconds.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_interval(std::string_view text);

/// Calls `round` once, or as often as the plan says. Returns the exit code.
[[nodiscard]] int run_rounds(const globals& globals,
                             const watch_plan& plan,
                             const std::function<result<int>()>& round);

/// Returns the text that draws these lines over those on the screen; lines that do not fit are counted.
[[nodiscard]] std::string
screen_text(std::string_view lines, std::string_view notes, std::size_t rows);

} // namespace furrow::cli
