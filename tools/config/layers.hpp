/// Gives the options of a program their values: from defaults, files, the environment and flags, in this order.
///
/// Shape: CLI11 parses the flags first. `fill` then gives every other option the value of the highest layer that has one:
///   the file, its drop-ins in the order of their names, FURROW_... variables. Each value goes through the checks of its
///   option, also a value that a higher layer replaces. An empty environment variable counts as absent. A list replaces
///   the list of a lower layer.
/// Errors: one line: file:line:column or the variable, the key, the limit.
/// Threads: at start and at a reload, one at a time. Nothing may change the environment meanwhile.
/// Limits: those of toml_file.hpp and whole_file.hpp.
#pragma once

#include "tools/config/errc.hpp"
#include "tools/config/keys.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace CLI { // NOLINT(readability-identifier-naming): CLI11's
class App;
class Option;
} // namespace CLI

namespace furrow::config {

enum class layer : std::uint8_t { standard, file, environment, flag };

/// A key with the value in force.
struct setting {
  std::string key;
  layer from = layer::standard;
  std::string place;               // file:line:column, the variable or the flag; empty: the default
  std::vector<std::string> values; // of a list: its items; empty: not set
  bool is_text = false;
  bool is_list = false;
  change counts = change::at_restart;
  std::string (*shown)(const std::string& value) = nullptr; // null: the value is no secret
};

struct in_force {
  std::vector<setting> settings;     // in the order of the options
  std::vector<std::string> files;    // that were read, the lowest first
  std::vector<std::string> warnings; // one line each

  [[nodiscard]] const setting* find(std::string_view key) const;
  /// An error that names flags. Where a file or the environment has the first one: with that place, and with keys instead
  /// of flags, `a.toml:3:10: listen: ...`.
  [[nodiscard]] std::string located(const std::string& error) const;
  /// The value of a key that no layer sets, where another key decides it.
  void set_standard(std::string_view key, const std::string& value);

private:
  [[nodiscard]] std::string with_keys(std::string error) const;
};

/// Adds `--config FILE`, FURROW_CONFIG.
void add_config_option(CLI::App& options, const program& of);

/// While it lives, CLI11 demands no option of these apps: a file may give it. `fill` demands it.
class required_later {
public:
  explicit required_later(const std::vector<CLI::App*>& apps);
  ~required_later();
  required_later(const required_later&) = delete;
  required_later& operator=(const required_later&) = delete;

private:
  std::vector<CLI::Option*> demanded_;
};

/// Call it after CLI11 has parsed the command line of `options`.
[[nodiscard]] result<in_force> fill(CLI::App& options, const program& of);

/// The keys with a new value that counts at that time.
[[nodiscard]] std::vector<std::string>
changed(const in_force& before, const in_force& now, change counts);
/// After a reload: keys that need a restart keep their value, and so do those of `waiting`, which need one this time.
void take_reloaded(in_force& values, in_force now, const std::vector<std::string>& waiting = {});
/// `; restart needed: lanes, listen`, or nothing.
[[nodiscard]] std::string restart_note(const std::vector<std::string>& keys);

/// Whether people may set the option in a file.
[[nodiscard]] bool is_key(const CLI::Option& option);
/// The text of a value as TOML.
[[nodiscard]] std::string as_toml(const setting& one);
/// The setting that an option has by default.
[[nodiscard]] setting standard_of(CLI::Option& option, const program& of);

} // namespace furrow::config
