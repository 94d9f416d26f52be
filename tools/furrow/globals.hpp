/// Options that all commands of `furrow` share: which node to ask, the credentials, and the output format.
///
/// Shape: flags, environment variables for some of them, and the context in force (settings.hpp has their order). The
///   session of `furrow login` is used at the node that it was made at.
/// Errors: a context that cannot be had is an error of the commands that ask a node, and of no other.
#pragma once

#include "tools/furrow/contexts/settings.hpp"
#include "tools/furrow/exit_code.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include <CLI/App.hpp>

namespace furrow::cli {

/// `wide`: a table with the columns that `table` leaves out, however narrow the terminal is.
enum class output_format : std::uint8_t { table, wide, json, jsonl, csv };

struct globals {
  std::string at = "http://127.0.0.1:7480"; // FURROW_AT
  std::string token;                        // FURROW_TOKEN
  std::string token_file;
  bool use_session = true;  // of `furrow login`, when neither of the two is given
  std::string farm;         // FURROW_FARM; empty: that of the context
  std::string context_farm; // empty: the token's own
  std::string authorities;  // FURROW_CA; PEM; empty: the system's authorities
  std::string
    context; // --context or FURROW_CONTEXT as given; later the one that is used; empty: none
  std::optional<failure> context_fault; // why the context cannot be had
  node_settings sources;                // where the settings come from
  std::string output;                   // as typed; empty: the command's default
  double timeout_s = 30;

  [[nodiscard]] output_format format() const;
  /// A table, wide or not.
  [[nodiscard]] bool for_people() const;
  [[nodiscard]] std::chrono::milliseconds timeout() const;
  /// Returns --token, FURROW_TOKEN, the first line of the token file, or the session of `furrow login` at this node;
  /// empty if there is none.
  [[nodiscard]] result<std::string> bearer_token() const;
  /// The farm to name to a node. A database of its own (--database) has nothing to do with a context: `farm` is its.
  [[nodiscard]] const std::string& node_farm() const { return farm.empty() ? context_farm : farm; }
};

/// When the command line is read, the settings of the context are put where no flag and no variable stands.
void add_globals(CLI::App& app, globals& globals);

/// Whether the option was given on the command line, not by the environment.
[[nodiscard]] inline bool was_typed(const CLI::App& command, const CLI::Option* option) {
  const auto& typed = command.parse_order();
  return std::find(typed.begin(), typed.end(), option) != typed.end();
}

} // namespace furrow::cli
