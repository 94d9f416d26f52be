/// Lists of other nodes, kept for a moment: many viewers who look at once cost the nodes one ask.
///
/// Shape: the lists of actors and machines of all peers are kept for `kept`, for each scope. An ask that finds one under way
///   waits for its answer. Everything else goes through; a wish to end an actor drops all.
/// Threads: safe from any.
/// Limits: entries_max lists, among them those of one machine each; with more of them all are dropped. Older ones go
///   with the first ask after `kept`.
#pragma once

#include "actors/cluster/peer_nodes.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace furrow::actors {

class cached_peers final : public peer_nodes {
public:
  using clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kept{500};
  static constexpr std::size_t entries_max = 4'096;

  explicit cached_peers(std::unique_ptr<peer_nodes> of,
                        std::function<clock::time_point()> now = &clock::now)
    : of_{std::move(of)}, now_{std::move(now)}, lists_{std::make_shared<lists>()} {}

  void ask_peers(proto::link::wish what, heard done) override;
  void ask_peer(const std::string& node, proto::link::wish what, heard done) override;
  void answer(const proto::link::wish& what, link_port::handler done) override {
    of_->answer(what, std::move(done));
  }

private:
  struct entry {
    clock::time_point asked_at;
    bool known = false;
    peers_said said;
    std::vector<heard> waiting;
  };
  /// Outlives an ask that is under way.
  struct lists {
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<entry>> by_key;
    clock::time_point swept_at;
  };

  std::unique_ptr<peer_nodes> of_;
  std::function<clock::time_point()> now_;
  std::shared_ptr<lists> lists_;
};

} // namespace furrow::actors
