/// Which lines of the log are written: a lowest level for each module.
///
/// Shape: the text form is a default and exceptions, `info,gateway=debug,store=warn`; a later word replaces an earlier one.
///   A new module is one enumerator and one name in levels.cpp; docs/operations/logs.md lists them.
/// Errors: `set_levels` returns a line that names the wrong word, and changes nothing then.
/// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace furrow::log {

enum class level : std::uint8_t { debug = 0, info = 1, warning = 2, error = 3, critical = 4 };

enum class module_name : std::uint8_t {
  node,    // the process, supervisors, alarms
  cluster, // the lease, other nodes
  link,    // connections with other nodes
  gateway, // gateways and their sessions
  machine, // equipment actors, claims of streams
  store,   // the database
  digest,
  sealing,
  care, // partitions, retention
  dbc,
  http,
  cache,
  edge, // furrow-edge as a whole; the next three are its parts
  source,
  spool,
  uplink,
  sim, // furrow-sim
};
using enum module_name;
inline constexpr std::size_t module_count = 17;

[[nodiscard]] std::string_view to_string(level what);
[[nodiscard]] std::string_view to_string(module_name what);
/// The word for a level in settings: `warn`, where the lines say `warning`.
[[nodiscard]] std::string_view setting_of(level what);

/// What is wrong with the text form of levels; nothing when it is valid.
[[nodiscard]] std::optional<std::string> fault_of_levels(std::string_view text);
/// Sets the levels of all modules; what the text does not name gets `info`. Returns as fault_of_levels.
[[nodiscard]] std::optional<std::string> set_levels(std::string_view text);
/// As set_levels takes them, without needless words.
[[nodiscard]] std::string levels();

[[nodiscard]] level lowest_of(module_name of);
[[nodiscard]] bool enabled(level what, module_name of);

} // namespace furrow::log
