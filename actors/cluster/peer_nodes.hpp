/// What all nodes together know: any node can answer for all of them.
///
/// Shape: an ask goes to all other living nodes, or to a named one. The asking side knows its own node already, and merges
///   (peer_rows.hpp). `answer` is the other side: what this node tells another one.
/// Threads: safe from any; `done` is called once, on any thread.
/// Limits: a node that has not answered after `peer_limit` is named as missing.
#pragma once

#include "actors/cluster/link_port.hpp"
#include "proto/link.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::actors {

inline constexpr std::chrono::milliseconds peer_limit{1'000};

struct peers_said {
  std::vector<std::pair<std::string, std::shared_ptr<const proto::link::reply>>> answers; // by node
  std::vector<std::string> incomplete; // who did not answer, sorted
  bool unknown = false;                // there is no living node of the name that was asked for
};

class peer_nodes {
public:
  using heard = std::function<void(peers_said)>;

  peer_nodes() = default;
  peer_nodes(const peer_nodes&) = delete;
  peer_nodes& operator=(const peer_nodes&) = delete;
  virtual ~peer_nodes() = default;

  virtual void ask_peers(proto::link::wish what, heard done) = 0;
  virtual void ask_peer(const std::string& node, proto::link::wish what, heard done) = 0;
  virtual void answer(const proto::link::wish& what, link_port::handler done) = 0;
};

} // namespace furrow::actors
