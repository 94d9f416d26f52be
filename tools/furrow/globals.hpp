/// What all commands of `furrow` that ask a node or a database have in common: where, as whom, and in
/// which form the answer is printed.
///
/// Shape: flags, and for some of them an environment variable; there is no configuration file.
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
  std::string authorities; // PEM; empty: those of the system
  std::string output;      // as given; empty: each command's own
  double timeout_s = 30;

  [[nodiscard]] output_format format() const;
  [[nodiscard]] std::chrono::milliseconds timeout() const;
  /// From --token, FURROW_TOKEN or the file; empty when there is none.
  [[nodiscard]] result<std::string> bearer_token() const;
};

void add_globals(CLI::App& app, globals& globals);

} // namespace furrow::cli
