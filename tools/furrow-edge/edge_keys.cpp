#include "tools/furrow-edge/edge_keys.hpp"

#include <array>

namespace furrow::edge {

namespace {

using enum config::change;

/// One line per flag of `run`; a test compares it with the flags. `at_reload`: the gateway applies a new value.
constexpr std::array keys{
  config::key{"node"},
  config::key{"equipment"},
  config::key{"spool", at_restart, nullptr, "\"/var/lib/furrow-edge/edge.spool\""},
  config::key{"from"},
  config::key{"records"},
  config::key{"kind"},
  config::key{"rate"},
  config::key{"start"},
  config::key{"time_zone"},
  config::key{"again"},
  config::key{"until_durable"},
  config::key{"timeout"},
  config::key{"name"},
  config::key{"token", at_reload, config::hidden},
  config::key{"token_file", at_reload},
  config::key{"tls"},
  config::key{"ca", at_reload},
  config::key{"cert", at_reload},
  config::key{"key", at_reload},
  config::key{"spool_max"},
  config::key{"retain_minutes"},
  config::key{"retain"},
  config::key{"delay_ms"},
  config::key{"pace_ms"},
  config::key{"accept_loss"},
  config::key{"verbose", at_reload},
  config::key{"quiet", at_reload},
  config::key{"log_format"},
};

} // namespace

const config::program& edge_program() {
  static constexpr config::program program{"furrow-edge", "/etc/furrow/furrow-edge.toml", keys};
  return program;
}

} // namespace furrow::edge
