/// People who look at the fleet while it sends. Either each asks for the list of all machines again as soon as it has the
/// answer, or each looks at one machine and asks for it once a second.
///
/// Units: milliseconds.
/// Threads: one a viewer; `stop` joins them.
#pragma once

#include "tools/furrow/client.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace furrow::cli::bench {

class viewers {
public:
  /// `url`: of the node's HTTP server, which must not need a token. `machines`: one for each viewer in turn; none: each asks
  /// for the list.
  viewers(std::uint32_t count, const std::string& url, const std::vector<std::string>& machines);
  viewers(const viewers&) = delete;
  viewers& operator=(const viewers&) = delete;
  ~viewers() { stop(); }

  void stop();
  /// {answers, failed, answer_ms: {p50, p99, max}}; after stop().
  [[nodiscard]] json figures();

private:
  void look(const std::string& url, const std::string& machine, std::chrono::milliseconds after);

  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::vector<double> took_ms_;
  std::uint64_t failed_ = 0;
  std::vector<std::thread> threads_;
};

} // namespace furrow::cli::bench
