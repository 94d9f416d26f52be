/// Which node serves the machines of a farm that are not connected here, and which of them wait for their gateway to come
/// back after their node died.
///
/// Shape: read from the database at most once a second for each farm, and only where other nodes are known. Who asks gets
///   the same immutable map as others.
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
  static constexpr std::chrono::seconds kept_soon{5};
  static constexpr std::size_t farms_max = 1'000;

  using shared_places = std::shared_ptr<const place_map>; // never nullptr

  /// Empty without a cluster, or in a store without members.
  [[nodiscard]] boost::asio::awaitable<shared_places> of_farm(const actors::cluster_board* cluster,
                                                              storage::membership_store* members,
                                                              std::string farm,
                                                              std::chrono::milliseconds limit);
  /// Without waiting for the database once it was read: what is older than kept_soon is read again for the next caller.
  [[nodiscard]] boost::asio::awaitable<shared_places>
  of_farm_soon(const actors::cluster_board* cluster,
               storage::membership_store* members,
               std::string farm,
               std::chrono::milliseconds limit);

private:
  using clock = std::chrono::steady_clock;
  using home_list = std::shared_ptr<const std::vector<storage::machine_home>>;
  struct entry {
    clock::time_point read_at;
    clock::time_point asked_at; // in the background
    home_list homes;
    shared_places places; // of `homes` and `view`
    std::shared_ptr<const actors::cluster_view> view;
    clock::time_point placed_at;
  };
  /// Lives on while the database is asked in the background.
  struct farm_list {
    std::mutex mutex;
    std::map<std::string, entry> farms;
  };

  static void keep(farm_list& in, const std::string& farm, home_list homes);
  [[nodiscard]] entry find(const std::string& farm) const;
  [[nodiscard]] shared_places places_in(const std::string& farm,
                                        std::shared_ptr<const actors::cluster_view> view);
  void read_anew(storage::membership_store& members, const std::string& farm);

  const std::shared_ptr<farm_list> kept_ = std::make_shared<farm_list>();
};

} // namespace furrow::http
