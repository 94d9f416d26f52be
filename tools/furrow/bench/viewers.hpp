/// People who look at the fleet list while a fleet sends: each asks again as soon as it has the answer.
///
/// Units: milliseconds.
/// Threads: one a viewer; `stop` joins them.
#pragma once

#include "tools/furrow/client.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace furrow::cli::bench {

class viewers {
public:
  /// `url`: of the node's HTTP server, which must not need a token.
  viewers(std::uint32_t count, const std::string& url);
  viewers(const viewers&) = delete;
  viewers& operator=(const viewers&) = delete;
  ~viewers() { stop(); }

  void stop();
  /// {lists, failed, list_ms: {p50, p99, max}}; after stop().
  [[nodiscard]] json figures();

private:
  void look(const std::string& url);

  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<double> took_ms_;
  std::uint64_t failed_ = 0;
  std::vector<std::thread> threads_;
};

} // namespace furrow::cli::bench
