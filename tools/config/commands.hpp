/// The commands `config sample`, `config check` and `config show` of a program.
///
/// Shape: the sample is a whole configuration file: every key with its text, limits, default and variable. Keys are
///   commented out, except those with a sample value in the table of keys.
/// Errors: none here; the program checks and prints.
/// Threads: at start only.
#pragma once

#include "tools/config/layers.hpp"

#include <memory>
#include <string>
#include <vector>

namespace furrow::config {

struct commands {
  CLI::App* config = nullptr;
  CLI::App* sample = nullptr;
  CLI::App* check = nullptr;
  CLI::App* show = nullptr;
  std::shared_ptr<bool> with_origin = std::make_shared<bool>(false);
};

/// Adds `config` to the program. Flags of the program may follow: they belong to `config`, or to the app above it.
[[nodiscard]] commands add_commands(CLI::App& app);

[[nodiscard]] std::string sample_of(CLI::App& options, const program& of);
/// A setting as people may see it.
struct shown_setting {
  std::string key;
  std::string value; // as TOML, secrets masked; empty: not set
  layer from = layer::standard;
  std::string place; // file:line:column, the variable or the flag; empty: the default
  change counts = change::at_restart;
};
/// In the order of the options.
[[nodiscard]] std::vector<shown_setting> shown_settings(const in_force& values);
/// One line per key, secrets masked; on request with the place of each value.
[[nodiscard]] std::string shown(const in_force& values, bool with_origin);
/// The answer of `config check`.
[[nodiscard]] std::string ok_line(const in_force& values);

} // namespace furrow::config
