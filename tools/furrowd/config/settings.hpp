/// The settings of furrowd from its configuration files, the environment and the command line, checked.
///
/// Shape: each flag has a key and a variable (tools/config/keys.hpp); its line in furrowd_keys.cpp says whether a reload
///   applies it.
/// Errors: one line that names the place, the key or flag, and what is expected; the program exits with 2.
/// Threads: at start, and at a reload on one thread.
#pragma once

#include "actors/node_config.hpp"
#include "storage/store.hpp"
#include "tools/config/layers.hpp"
#include "tools/furrowd/access/authority.hpp"
#include "tools/furrowd/access/tls.hpp"
#include "tools/furrowd/access/tokens.hpp"
#include "tools/furrowd/cache/query_cache.hpp"
#include "tools/furrowd/cache/redis_link.hpp"
#include "tools/furrowd/forward/forward_lines.hpp"
#include "tools/furrowd/front/front_limits.hpp"
#include "tools/furrowd/link/link_tls.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace furrow::daemon {

/// As `main` has it; it lives as long as the process.
struct command_line {
  int argc = 0;
  char** argv = nullptr;
};

struct settings {
  actors::node_config node;
  std::string database = "sqlite:furrow.db";
  storage::store_options
    store; // pool and time-outs; the daemon adds URL and name when it opens the store
  std::string listen = "127.0.0.1:7400";
  std::string http = "127.0.0.1:7480";
  http::front_limits http_limits;
  std::vector<std::string> advertise; // where gateways reach this node; on SQLite other nodes too
  tls_files tls;
  std::string tokens;
  std::string map; // MBTiles file; empty: none
  std::string map_url;
  std::string map_attribution;
  std::optional<std::chrono::hours> audit_keep; // nothing: for ever
  std::string link; // address for other nodes; empty: this node speaks to none
  link_files link_tls;
  std::vector<std::string> link_peers; // NAME=HOST:PORT
  forward_settings forward;            // no nodes: this node forwards nothing
  bool forward_ends = false;           // --forward none: retention waits for head office no more
  std::string watch_disk;              // a folder; empty: that of an SQLite file
  bool migrate = true;
  bool only_migrate = false; // `furrowd migrate`: see to the schema, and end
  std::chrono::seconds drain{25};
  std::string log_level = "info"; // as log::set_levels takes it
  std::string log_format = "text";
  http::cache_limits cache{.aged = std::chrono::seconds{10}};
  std::optional<http::redis_settings> redis;
  command_line line;
  config::in_force in_force; // every key, with its value and where that comes from
};

/// The settings, or the exit code when the program ends here (--help, --version, `config ...`, an invalid command line or
/// configuration). The text is then printed already.
[[nodiscard]] std::variant<settings, int> parse_settings(int argc, char** argv);
/// The settings once more, as the files are now; or an error line. The command line is that of the start.
[[nodiscard]] std::variant<settings, std::string> reread_settings(const command_line& line);

/// An error line when a listener that other machines can reach lacks TLS.
[[nodiscard]] std::optional<std::string> unsafe_listener(const settings& settings);
[[nodiscard]] bool only_loopback(const settings& settings);
/// An error line when other machines can reach a listener and nobody could get in: known when the database was read.
[[nodiscard]] std::optional<std::string> nobody_has_access(const settings& settings,
                                                           const authority& access);

} // namespace furrow::daemon
