/// What `furrow check` concludes from a node's answers, in the manner of a monitoring plugin.
///
/// Shape: `judge` is a plain function of the answers. `line_of` writes the one line that a monitoring system reads: the
///   state, what is wrong, and the figures as performance data.
/// Units: seconds in the line; milliseconds in the answers of a node.
/// Errors: `judge` throws nlohmann's exception when an answer lacks a field, as that of another version may.
/// Threads: pure functions.
/// Source: Monitoring Plugins Development Guidelines: exit codes and performance data.
#pragma once

#include "tools/furrow/client.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::cli {

/// The values are the exit codes.
enum class check_state : std::uint8_t { ok = 0, warning = 1, critical = 2, unknown = 3 };
[[nodiscard]] const char* to_string(check_state state);

struct check_limits {
  double lag_warning_s = 5;
  double lag_critical_s = 30;     // as the alarm `stalled`
  std::uint64_t machines_min = 0; // that should be connected to this node
  std::uint64_t lost_known = 0;   // lost items that a person has looked into
};

/// The bodies that the node answered with.
struct check_answers {
  json health;
  json ready;
  json nodes;  // of /api/v1/nodes
  json ledger; // of /api/v1/ledger; null: the database did not answer, and `ready` says so
};

struct check_figure {
  std::string name;
  std::optional<double> value; // nothing: the node does not know it; the line leaves it out
  const char* unit = "";
  std::string warning = {}; // range outside which it is a warning; empty: none
  std::string critical = {};
};

struct check_verdict {
  check_state state = check_state::ok;
  std::vector<std::string> says; // what is wrong, the worst first; otherwise that all is well
  std::vector<check_figure> figures;
};

[[nodiscard]] check_verdict judge(const check_answers& answers, const check_limits& limits);
/// When nothing can be judged.
[[nodiscard]] check_verdict undecided(check_state state, std::string why);

/// Without its line end. A bar and control characters in names are shown as question marks.
[[nodiscard]] std::string line_of(const check_verdict& verdict);
[[nodiscard]] json to_json(const check_verdict& verdict);

} // namespace furrow::cli
