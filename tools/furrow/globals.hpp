/// Options that all commands of `furrow` share: which node to ask, the credentials, and the output format.
///
/// Shape: flags, and environment variables for some of them; there is no configuration file.
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
  std::string farm;        // FURROW_FARM; empty: the token's own
  std::string authorities; // FURROW_CA; PEM; empty: the system's authorities
  std::string output;      // as typed; empty: the command's default
  double timeout_s = 30;

  [[nodiscard]] output_format format() const;
  [[nodiscard]] std::chrono::milliseconds timeout() const;
  /// Returns --token, FURROW_TOKEN or the first line of the token file; empty if none was given.
  [[nodiscard]] result<std::string> bearer_token() const;
};

void add_globals(CLI::App& app, globals& globals);

} // namespace furrow::cli
