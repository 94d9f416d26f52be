/// Clients of the live stream while a fleet sends: one measures when the items of a machine show, the others only read.
///
/// Shape: the first client subscribes to the ledger of one machine at the highest rate. Its times are compared with the send
///   times that furrow-sim writes to a file, as visible.hpp does with the database. The others watch the whole fleet, or one
///   machine each once a second.
/// Units: the monotonic clock; milliseconds.
/// Threads: two: one reads all the others, one the measuring client. `stop` joins them.
/// Limits: a node on this computer, without TLS.
#pragma once

#include "tools/furrow/globals.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::cli::bench {

class stream_viewers {
public:
  /// `machines`: one for each of the others in turn; none: each watches the fleet.
  stream_viewers(std::uint32_t count,
                 const std::string& url,
                 std::string machine,
                 std::vector<std::string> machines = {});
  stream_viewers(const stream_viewers&) = delete;
  stream_viewers& operator=(const stream_viewers&) = delete;
  ~stream_viewers() { stop(); }

  void stop();
  /// {clients, refused, bytes, shown_ms: {p50, p99, max}}; after stop().
  [[nodiscard]] nlohmann::ordered_json figures(const std::string& sent_file) const;

private:
  void measure();
  void read_others();

  std::uint32_t count_;
  std::uint16_t port_ = 0;
  std::string machine_;
  std::vector<std::string> machines_;
  std::atomic<bool> stopping_{false};
  std::uint64_t refused_ = 0;
  std::uint64_t bytes_ = 0;
  std::vector<std::pair<std::int64_t, std::uint64_t>> seen_; // microseconds, received_seq
  std::thread measuring_;
  std::thread reading_;
};

} // namespace furrow::cli::bench
