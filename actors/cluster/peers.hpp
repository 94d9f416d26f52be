/// The supervisor of the peers: starts one for each living node of the directory, ends it when that node's process has
/// ended or was replaced, and starts one again that died by a fault of its own.
///
/// Limits: one peer a node; a peer that died is started again after `restart_wait`.
#pragma once

#include "actors/cluster/link_port.hpp"
#include "actors/cluster/messages.hpp"
#include "actors/live/census.hpp"
#include "actors/live/metered_actor.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace furrow::actors {

/// The peers that run now, for those who ask them.
///
/// Threads: safe from any.
class peer_roster {
public:
  using list = std::vector<std::pair<std::string, peer_actor>>;

  void set(list running) {
    const std::lock_guard lock{mutex_};
    running_ = std::move(running);
  }
  void clear() { set({}); }
  [[nodiscard]] list all() const {
    const std::lock_guard lock{mutex_};
    return running_;
  }

private:
  mutable std::mutex mutex_;
  list running_;
};

struct peers_parts {
  std::shared_ptr<link_port> port;
  std::shared_ptr<peer_roster> roster;
  std::shared_ptr<census> people;
  std::uint64_t census_id = 0;
};

struct peers_state {
  static constexpr const char* name = "peers";
  static constexpr std::chrono::seconds restart_wait{1};
  struct running {
    peer_info node;
    peer_actor actor; // null: it died
    std::uint64_t census_id = 0;
  };
  peers_parts parts;
  std::map<std::string, running> peers; // by name
  ~peers_state();
};

peers_actor::behavior_type peers(metered_pointer<peers_actor, peers_state> self, peers_parts parts);

} // namespace furrow::actors
