#include "tools/furrowd/config/furrowd_keys.hpp"

#include "storage/store.hpp"

#include <array>

namespace furrow::daemon {

namespace {

using enum config::change;

/// One line per flag; a test compares it with the flags. `at_reload`: reload.cpp applies a new value.
constexpr std::array keys{
  config::key{"node"},
  config::key{"database", at_restart, storage::redacted, "\"sqlite:/var/lib/furrow/furrow.db\""},
  config::key{"database_file"},
  config::key{"database_password_file"},
  config::key{"listen"},
  config::key{"http"},
  config::key{"http_connections", at_reload},
  config::key{"http_connections_per_address", at_reload},
  config::key{"http_requests_per_token", at_reload},
  config::key{"http_request_timeout"},
  config::key{"advertise"},
  config::key{"tls_cert", at_reload},
  config::key{"tls_key", at_reload},
  config::key{"tls_client_ca", at_reload},
  config::key{"tokens", at_reload},
  config::key{"audit_days"},
  config::key{"map"},
  config::key{"map_url"},
  config::key{"map_attribution"},
  config::key{"log_level", at_reload},
  config::key{"log_format"},
  config::key{"no_migrate"},
  config::key{"lanes"},
  config::key{"budget"},
  config::key{"flush_ms"},
  config::key{"flush_max_ms"},
  config::key{"seal_after"},
  config::key{"care_interval"},
  config::key{"watch_disk"},
  config::key{"drain"},
  config::key{"digest"},
  config::key{"digest_interval"},
  config::key{"digest_max_interval"},
  config::key{"digest_duty"},
  config::key{"telemetry_ms"},
  config::key{"cache_ms", at_reload},
  config::key{"redis", at_restart, config::hidden},
  config::key{"redis_file"},
  config::key{"link"},
  config::key{"link_ca", at_reload},
  config::key{"link_cert", at_reload},
  config::key{"link_key", at_reload},
  config::key{"link_peer"},
  config::key{"forward"},
  config::key{"forward_token_file"},
  config::key{"forward_tls"},
  config::key{"forward_ca"},
  config::key{"forward_cert"},
  config::key{"forward_key"},
  config::key{"forward_rate"},
  config::key{"profile"},
  config::key{"pool_min"},
  config::key{"pool_max"},
  config::key{"pool_overflow"},
  config::key{"pool_attempts"},
  config::key{"pool_overflow_after"},
  config::key{"pool_acquire_timeout"},
  config::key{"pool_recycle"},
  config::key{"pool_ping_after"},
  config::key{"pool_check_interval"},
  config::key{"pool_idle"},
  config::key{"pool_backoff_min"},
  config::key{"pool_backoff_max"},
  config::key{"connect_timeout"},
  config::key{"lock_timeout"},
  config::key{"statement_timeout"},
  config::key{"append_timeout"},
  config::key{"slow_statement"},
};

} // namespace

const config::program& furrowd_program() {
  static constexpr config::program program{"furrowd", "/etc/furrow/furrowd.toml", keys};
  return program;
}

} // namespace furrow::daemon
