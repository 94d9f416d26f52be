/// The decisions of the fleet about a machine: whether to admit a gateway that greets, and what to do
/// when the machine's actor ends.
///
/// Shape: the next greeting starts a machine that died. A machine that died more often than its
///   policy allows is quarantined for the policy's window. Then its account starts anew.
/// Threads: owned by one actor. The caller passes the time.
/// Limits: `machines_max` machines.
#pragma once

#include "actors/supervision/restart_policy.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace furrow::actors {

class fleet_account {
public:
  using time_point = restart_account::time_point;

  fleet_account() = default;
  fleet_account(std::size_t machines_max, const restart_policy& policy)
    : machines_max_{machines_max}, policy_{policy} {}

  enum class admission : std::uint8_t {
    running,    // hand the session to the machine's actor
    start,      // the caller starts the machine's actor first
    full,       // reject: this node has machines_max machines
    quarantined // reject: the machine died too often
  };
  /// A gateway greets for the machine with that key. After `start` the machine counts as running.
  [[nodiscard]] admission greet(const std::string& key, time_point now);

  /// The machine's actor stopped because it was idle: the machine is forgotten.
  void stopped(const std::string& key) { machines_.erase(key); }

  /// An operator ended the machine's actor: its account starts anew, and its next greeting starts it.
  void released(const std::string& key);

  enum class verdict : std::uint8_t { awaits_gateway, quarantined };
  /// The machine's actor died.
  [[nodiscard]] verdict died(const std::string& key, time_point now);

  [[nodiscard]] std::size_t size() const { return machines_.size(); }

private:
  struct entry {
    restart_account deaths;
    std::optional<time_point> quarantined_until;
    bool running = false;
  };
  std::size_t machines_max_ = 0;
  restart_policy policy_;
  std::unordered_map<std::string, entry> machines_;
};

} // namespace furrow::actors
