/// The limits of the HTTP server that a configuration sets.
///
/// Threads: plain values.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace furrow::http {

struct front_limits {
  std::size_t connections_max = 4'000;
  std::size_t address_connections_max = 0;   // of one address; 0: three quarters of connections_max
  std::size_t token_requests_max = 1'000;    // in progress, of one token
  std::chrono::seconds request_timeout{900}; // longer than any handler works; a reload keeps it

  [[nodiscard]] std::size_t of_one_address() const {
    return address_connections_max > 0 ? address_connections_max
                                       : std::max<std::size_t>(1, connections_max * 3 / 4);
  }
};

} // namespace furrow::http
