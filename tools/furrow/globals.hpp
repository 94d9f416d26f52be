/// Options that all commands of `furrow` share: which node to ask, the credentials, and the output format.
///
/// Shape: flags, and environment variables for some of them; there is no configuration file. The session of
///   `furrow login` is used at the node that it was made at.
#pragma once

#include "tools/furrow/exit_code.hpp"

#include <chrono>
#include <optional>
#include <string>

#include <CLI/App.hpp>

namespace furrow::cli {

enum class output_format : std::uint8_t { table, json, jsonl };

struct globals {
  std::string at = "http://127.0.0.1:7480"; // FURROW_AT
  std::string token;                        // FURROW_TOKEN
  std::string token_file;
  bool use_session = true; // of `furrow login`, when neither of the two is given
  std::string farm;        // FURROW_FARM; empty: the token's own
  std::string authorities; // FURROW_CA; PEM; empty: the system's authorities
  std::string output;      // as typed; empty: the command's default
  double timeout_s = 30;

  [[nodiscard]] output_format format() const;
  [[nodiscard]] std::chrono::milliseconds timeout() const;
  /// Returns --token, FURROW_TOKEN, the first line of the token file, or the session of `furrow login` at this node;
  /// empty if there is none.
  [[nodiscard]] result<std::string> bearer_token() const;
};

/// Where `furrow login` keeps the session: the node's URL, then the token. Empty: there is no home.
[[nodiscard]] std::string session_file();

void add_globals(CLI::App& app, globals& globals);

} // namespace furrow::cli
