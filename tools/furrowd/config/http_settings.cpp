#include "tools/furrowd/config/http_settings.hpp"

#include <cstdint>
#include <string>

#include <CLI/CLI.hpp>

namespace furrow::daemon {

void add_http_flags(CLI::App& app, http::front_limits& out) {
  app
    .add_option(
      "--http-connections", out.connections_max,
      "most HTTP connections at once; at the limit the one that is idle longest is closed")
    ->capture_default_str()
    ->check(CLI::Range(16, 100'000));
  app
    .add_option("--http-connections-per-address", out.address_connections_max,
                "most of them of one address; 0: three quarters of --http-connections. Behind a "
                "proxy every client has the address of the proxy")
    ->capture_default_str()
    ->check(CLI::Range(0, 100'000));
  app
    .add_option("--http-requests-per-token", out.token_requests_max,
                "most HTTP requests of one token or login in progress at once")
    ->capture_default_str()
    ->check(CLI::Range(1, 100'000));
  app
    .add_option_function<std::int64_t>(
      "--http-request-timeout",
      [&out](std::int64_t seconds) { out.request_timeout = std::chrono::seconds{seconds}; },
      "longest time from the first byte of an HTTP request to its answer, in seconds")
    ->default_str(std::to_string(out.request_timeout.count()))
    ->check(CLI::Range(30, 86'400));
}

} // namespace furrow::daemon
