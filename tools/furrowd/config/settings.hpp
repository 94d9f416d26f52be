/// The settings of furrowd from the command line and the environment, checked.
///
/// Errors: one line that names the flag, the value and what is expected; the program exits with 2.
#pragma once

#include "actors/node.hpp"
#include "storage/store.hpp"
#include "tools/furrowd/access/tls.hpp"
#include "tools/furrowd/access/tokens.hpp"
#include "tools/furrowd/cache/query_cache.hpp"
#include "tools/furrowd/cache/redis_link.hpp"
#include "tools/furrowd/link/link_tls.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace furrow::daemon {

struct settings {
  actors::node_config node;
  std::string database = "sqlite:furrow.db";
  storage::store_options
    store; // pool and time-outs; the daemon adds URL and name when it opens the store
  std::string listen = "127.0.0.1:7400";
  std::string http = "127.0.0.1:7480";
  std::size_t http_connections = 4'000;
  std::vector<std::string> advertise; // where gateways reach this node; on SQLite other nodes too
  tls_files tls;
  std::string tokens;
  std::string link; // address for other nodes; empty: this node speaks to none
  link_files link_tls;
  std::vector<std::string> link_peers; // NAME=HOST:PORT
  bool migrate = true;
  std::chrono::seconds drain{25};
  std::string log_level = "info"; // as log::set_levels takes it
  std::string log_format = "text";
  http::cache_limits cache;
  std::optional<http::redis_settings> redis;
};

/// The settings, or the exit code when the program ends here (--help, --version, an invalid command line). The text is
/// then printed already.
[[nodiscard]] std::variant<settings, int> parse_settings(int argc, char** argv);

/// An error line when a listener that other machines can reach lacks TLS or tokens.
[[nodiscard]] std::optional<std::string> unsafe_listener(const settings& settings);

} // namespace furrow::daemon
