/// Which node serves the machines of a farm that are not connected here, and which of them wait for their gateway to come
/// back after their node died.
///
/// Shape: read from the database at most once a second for each farm, and only where other nodes are known. Who asks gets
///   the same immutable map as others. While one read is under way nobody starts another: the others get the homes read
///   before, or wait for its answer.
/// Errors: while the database does not answer, what was read last.
/// Threads: any; `of_farm` resumes on the caller's executor, which must be a strand or a single thread.
/// Limits: farms_max farms are kept.
/// Source: docs/cluster.md.
#pragma once

#include "actors/cluster/cluster_board.hpp"
#include "storage/membership.hpp"
#include "tools/furrowd/cache/shared_reads.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
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
  static constexpr std::chrono::seconds soon_max{15}; // older ones are not given at all
  static constexpr std::size_t farms_max = 1'000;
  using clock = std::chrono::steady_clock;

  explicit home_cache(std::function<clock::time_point()> now = &clock::now)
    : now_{std::move(now)} {}

  using shared_places = std::shared_ptr<const place_map>; // never nullptr

  /// Empty without a cluster, or in a store without members.
  [[nodiscard]] boost::asio::awaitable<shared_places> of_farm(const actors::cluster_board* cluster,
                                                              storage::membership_store* members,
                                                              std::string farm,
                                                              std::chrono::milliseconds limit);
  /// Without waiting for the database once it was read: what is older than kept_soon is read again for the next caller,
  /// and what is older than soon_max for this one.
  [[nodiscard]] boost::asio::awaitable<shared_places>
  of_farm_soon(const actors::cluster_board* cluster,
               storage::membership_store* members,
               std::string farm,
               std::chrono::milliseconds limit);

  /// The homes or pins of the farm have changed.
  void forget(const std::string& farm);

private:
  using home_list = std::shared_ptr<const std::vector<storage::machine_home>>;
  struct entry {
    clock::time_point read_at;
    clock::time_point
      asked_at; // again, so that a database that is away is not asked by each caller
    home_list homes;
    shared_places places;   // of `homes` and `view`
    std::uint64_t view = 0; // counts the changes of status
    std::uint64_t timeline = 0;
    clock::time_point placed_at;
  };
  /// The answer is nullptr when the database gave none.
  using read_list = shared_reads<std::string, home_list>;
  /// Lives on while the database is asked.
  struct farm_list {
    std::mutex mutex;
    std::map<std::string, entry> farms;
    read_list reads;
  };

  static void keep(farm_list& in, const std::string& farm, home_list homes, clock::time_point at);
  [[nodiscard]] entry find(const std::string& farm) const;
  [[nodiscard]] shared_places places_in(const std::string& farm, const actors::cluster_view& view);
  /// Reads the homes, unless another does; `done`, where there is one, hears of it.
  void read(storage::membership_store& members, const std::string& farm, read_list::heard done);

  const std::function<clock::time_point()> now_;
  const std::shared_ptr<farm_list> kept_ = std::make_shared<farm_list>();
};

} // namespace furrow::http
