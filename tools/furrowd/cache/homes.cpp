#include "tools/furrowd/cache/homes.hpp"

#include "actors/live/wall_clock.hpp"
#include "tools/furrowd/http/ask.hpp"

#include <algorithm>
#include <utility>

namespace furrow::http {

namespace {

constexpr std::int64_t awaited_us = 600'000'000;

} // namespace

place_map places_of(const std::vector<storage::machine_home>& homes,
                    const actors::cluster_view& view,
                    std::int64_t now_us) {
  using storage::node_status;
  place_map out;
  for (const auto& home : homes) {
    auto& place = out[home.name];
    place.pinned_to = home.pinned_to;
    const auto node = std::find_if(view.nodes.begin(), view.nodes.end(),
                                   [&](const auto& one) { return one.who.name == home.node; });
    if (node == view.nodes.end())
      continue;
    const bool same = node->who.incarnation == home.incarnation;
    const bool runs = node->status == node_status::alive || node->status == node_status::draining;
    // A new process of the name began where the old one ended.
    if (same && runs)
      place.node = home.node;
    else
      place.awaiting = now_us - node->since_us < awaited_us;
  }
  return out;
}

home_cache::entry home_cache::find(const std::string& farm) const {
  const std::lock_guard lock{mutex_};
  const auto found = farms_.find(farm);
  return found == farms_.end() ? entry{} : found->second;
}

void home_cache::keep(const std::string& farm, home_list homes) {
  const std::lock_guard lock{mutex_};
  if (farms_.size() >= farms_max && !farms_.contains(farm))
    farms_.clear();
  farms_[farm] = {std::chrono::steady_clock::now(), std::move(homes)};
}

boost::asio::awaitable<place_map> home_cache::of_farm(const actors::cluster_board* cluster,
                                                      storage::membership_store* members,
                                                      std::string farm,
                                                      std::chrono::milliseconds limit) {
  if (cluster == nullptr || members == nullptr)
    co_return place_map{};
  auto known = find(farm);
  if (!known.homes || std::chrono::steady_clock::now() - known.read_at >= kept) {
    using homes = storage::result<std::vector<storage::machine_home>>;
    const auto start = [&](auto done) { members->homes(farm, std::move(done)); };
    auto said = co_await ask<homes>(start, limit);
    if (said && *said) {
      known.homes = std::make_shared<const std::vector<storage::machine_home>>(std::move(**said));
      keep(farm, known.homes);
    }
  }
  co_return known.homes ? places_of(*known.homes, *cluster->latest(), actors::wall_clock_us())
                        : place_map{};
}

} // namespace furrow::http
