/// What furrowd is told on its command line and by the environment, checked.
///
/// Errors: one line that names the flag, the value and what is expected; the program exits with 2.
#pragma once

#include "actors/node.hpp"
#include "storage/store.hpp"
#include "tools/furrowd/access/tls.hpp"
#include "tools/furrowd/access/tokens.hpp"
#include "tools/furrowd/cache/query_cache.hpp"
#include "tools/furrowd/cache/redis_link.hpp"

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
  storage::store_options store; // pool and time-outs; URL and name are put in when it is opened
  std::string listen = "127.0.0.1:7400";
  std::string http = "127.0.0.1:7480";
  std::vector<std::string> advertise; // nodes that gateways are told of
  tls_files tls;
  std::string tokens;
  bool migrate = true;
  std::chrono::seconds drain{25};
  std::string log_level = "info";
  http::cache_limits cache;
  std::optional<http::redis_settings> redis;
};

/// The settings, or the exit code when there is nothing to run (--help, --version, a usage error; already printed).
[[nodiscard]] std::variant<settings, int> parse_settings(int argc, char** argv);

/// A listener that others than this machine can reach needs TLS and tokens; says which flag is missing.
[[nodiscard]] std::optional<std::string> unsafe_listener(const settings& settings);

} // namespace furrow::daemon
