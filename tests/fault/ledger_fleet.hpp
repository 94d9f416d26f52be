/// Gateways in the test's process, with the uplink of furrow-edge. Each item is written into the gateway's own ledger
/// before it is sent: what the database holds afterwards is compared with that, and not with what a node says.
///
/// Shape: a machine makes a few frames every few milliseconds. Frame number n has the payload n.
/// Threads: one of its own runs the gateways; `look` may be called from any thread.
/// Limits: the ledgers are in memory, and everything is kept.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace furrow::tests {

class pg_cluster;

struct fleet_plan {
  std::vector<std::string> nodes; // HOST:PORT
  std::size_t machines = 6;
  std::uint32_t frames = 10;           // of a block
  std::chrono::milliseconds every{20}; // a block
};

/// One gateway, as its ledger has it.
struct machine_look {
  std::string name;
  std::string stream; // as text
  std::string node;   // that it is at, or tries
  bool streaming = false;
  bool acked_here = false; // an ack came in this session
  std::uint64_t made = 0;
  std::uint64_t acked = 0;
  // Since the last `mark`:
  std::uint64_t sent_again = 0; // items that were sent a second time
  std::uint64_t sessions = 0;   // new ones
  /// The longest time without an ack, with items to ack all the while; the current one counts.
  std::chrono::milliseconds longest_gap{0};
};

class ledger_fleet {
public:
  explicit ledger_fleet(fleet_plan plan);
  ledger_fleet(const ledger_fleet&) = delete;
  ledger_fleet& operator=(const ledger_fleet&) = delete;
  ~ledger_fleet();

  [[nodiscard]] std::vector<machine_look> look() const;
  /// Counts anew.
  void mark();
  /// No further item is made.
  void stop_making();
  /// Whether every machine has a session and an ack.
  [[nodiscard]] bool all_served() const;
  /// Whether every item that was made is acked.
  [[nodiscard]] bool all_acked() const;

  /// The differences between the ledgers and the tables of the database; empty when nothing is lost, doubled, changed or
  /// out of order, and nothing acked is missing.
  [[nodiscard]] std::string difference(const pg_cluster& server, const std::string& database) const;

private:
  class gateways;
  std::unique_ptr<gateways> gateways_;
};

/// "p50 170 p99 420 max 431 ms of 20" for the given times.
[[nodiscard]] std::string distribution(std::vector<std::chrono::milliseconds> times);
[[nodiscard]] std::chrono::milliseconds quantile(std::vector<std::chrono::milliseconds> times,
                                                 double part);
[[nodiscard]] std::vector<std::chrono::milliseconds> gaps(const std::vector<machine_look>& of);

} // namespace furrow::tests
