/// Which node serves the machines of a farm that are not connected here, and which of them wait for their gateway to come
/// back after their node died.
///
/// Shape: read from the database at most once a second for each farm, and only where other nodes are known.
/// Errors: while the database does not answer, what was read last.
/// Threads: any; `of_farm` resumes on the caller's executor, which must be a strand or a single thread.
/// Limits: farms_max farms are kept.
/// Source: docs/cluster.md.
#pragma once

#include "actors/cluster/cluster_board.hpp"
#include "storage/membership.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace furrow::http {

struct machine_place {
  std::string node;      // empty: none has it now
  bool awaiting = false; // its node has gone, and no other has it yet
  std::string pinned_to; // empty: nowhere
};
using place_map = std::map<std::string, machine_place>;

/// `now_us`: a machine awaits its gateway for ten minutes after the end of its node.
[[nodiscard]] place_map places_of(const std::vector<storage::machine_home>& homes,
                                  const actors::cluster_view& view,
                                  std::int64_t now_us);

class home_cache {
public:
  static constexpr std::chrono::seconds kept{1};
  static constexpr std::size_t farms_max = 1'000;

  /// Empty without a cluster, or in a store without members.
  [[nodiscard]] boost::asio::awaitable<place_map> of_farm(const actors::cluster_board* cluster,
                                                          storage::membership_store* members,
                                                          std::string farm,
                                                          std::chrono::milliseconds limit);

private:
  using home_list = std::shared_ptr<const std::vector<storage::machine_home>>;
  struct entry {
    std::chrono::steady_clock::time_point read_at;
    home_list homes;
  };
  [[nodiscard]] entry find(const std::string& farm) const;
  void keep(const std::string& farm, home_list homes);

  mutable std::mutex mutex_;
  std::map<std::string, entry> farms_;
};

} // namespace furrow::http
