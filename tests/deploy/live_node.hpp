/// A node of the built programs, for what an installation runs beside it.
///
/// Errors: a node that is not ready in time fails the test.
#pragma once

#include "tests/support/eventually.hpp"
#include "tests/support/program.hpp"
#include "tests/tools/child_process.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

namespace furrow::tests {

/// The words of a text that begin with `prefix`.
inline std::set<std::string> metrics_in(const std::string& text,
                                        const std::string& prefix = "furrow_") {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  std::set<std::string> out;
  for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1)) {
    const auto end =
      std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), is_part);
    // "instance:furrow_..." is the name of a recorded series.
    if (at == 0 || (text[at - 1] != ':' && !is_part(text[at - 1])))
      out.emplace(text.begin() + static_cast<std::ptrdiff_t>(at), end);
  }
  return out;
}

class live_node {
public:
  live_node(const std::string& database,
            const std::string& log,
            const std::vector<std::string>& more = {})
    : process_{std::string{FURROW_BIN_DIR} + "/furrowd", flags(database, more), log} {
    const bool ready = eventually(std::chrono::seconds{30}, [&] {
      gateway_ = word_after(" gateway=");
      http_ = word_after(" http=");
      return !http_.empty();
    });
    REQUIRE_MESSAGE(ready, process_.output());
  }

  [[nodiscard]] const std::string& gateway() const { return gateway_; }
  [[nodiscard]] std::string metrics() const {
    return run_program({"/usr/bin/curl", "-s", "http://" + http_ + "/metrics"}).out;
  }

private:
  static std::vector<std::string> flags(const std::string& database,
                                        const std::vector<std::string>& more) {
    std::vector<std::string> out{"--database", database,      "--listen",          "127.0.0.1:0",
                                 "--http",     "127.0.0.1:0", "--digest-interval", "1"};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  /// What stands behind `key` in a whole line.
  [[nodiscard]] std::string word_after(const std::string& key) const {
    const auto said = " " + process_.output();
    const auto at = said.find(key);
    if (at == std::string::npos || said.find('\n', at) == std::string::npos)
      return {};
    const auto from = at + key.size();
    return said.substr(from, said.find_first_of(" \n", from) - from);
  }

  child_process process_;
  std::string gateway_;
  std::string http_;
};

} // namespace furrow::tests
