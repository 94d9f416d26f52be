/// The real program `furrow` against the HTTP front on a fake node.
///
/// Shape: `good` and `bad` take the outcome of a run: the text it printed, or its one line on standard error.
#pragma once

#include "tests/support/http_front.hpp"
#include "tests/support/program.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace furrow::tests {

inline program_result furrow_with(program_options options, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), FURROW_BIN_DIR "/furrow");
  return run_program(std::move(arguments), std::move(options));
}

struct cli_world {
  explicit cli_world(http::http_config config = {})
    : front{(furnish(node), node), std::move(config)} {}

  /// Runs furrow against this node.
  template <class... Words>
  program_result operator()(Words... words) {
    return furrow_with({{{"FURROW_AT", front.url()}}}, {words...});
  }
  fake_node node;
  http_front front;
};

/// Everything went well and nothing was said beside the answer.
inline std::string good(const program_result& result) {
  CHECK(result.exit_code == 0);
  CHECK(result.errors == "");
  return result.out;
}

/// It ended with this code and one line on standard error.
inline std::string bad(const program_result& result, int exit_code) {
  CHECK(result.exit_code == exit_code);
  CHECK(result.out == "");
  CHECK(result.errors.starts_with("furrow: "));
  CHECK(std::count(result.errors.begin(), result.errors.end(), '\n') == 1);
  return result.errors;
}

} // namespace furrow::tests
