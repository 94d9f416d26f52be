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
  const std::lock_guard lock{kept_->mutex};
  const auto found = kept_->farms.find(farm);
  return found == kept_->farms.end() ? entry{} : found->second;
}

void home_cache::keep(farm_list& in, const std::string& farm, home_list homes) {
  const std::lock_guard lock{in.mutex};
  if (in.farms.size() >= farms_max && !in.farms.contains(farm))
    in.farms.clear();
  auto& known = in.farms[farm];
  known = {};
  known.read_at = clock::now();
  known.homes = std::move(homes);
}

/// Made once for all who ask while neither the homes nor the nodes change, and a second at most.
home_cache::shared_places home_cache::places_in(const std::string& farm,
                                                std::shared_ptr<const actors::cluster_view> view) {
  const auto known = find(farm);
  if (known.homes == nullptr)
    return std::make_shared<const place_map>();
  const auto now = clock::now();
  if (known.places != nullptr && known.view == view && now - known.placed_at < kept)
    return known.places;
  auto made =
    std::make_shared<const place_map>(places_of(*known.homes, *view, actors::wall_clock_us()));
  const std::lock_guard lock{kept_->mutex};
  const auto found = kept_->farms.find(farm);
  if (found != kept_->farms.end() && found->second.homes == known.homes) {
    found->second.places = made;
    found->second.view = std::move(view);
    found->second.placed_at = now;
  }
  return made;
}

void home_cache::read_anew(storage::membership_store& members, const std::string& farm) {
  {
    const std::lock_guard lock{kept_->mutex};
    const auto known = kept_->farms.find(farm);
    const auto now = clock::now();
    if (known == kept_->farms.end() || now - known->second.asked_at < kept_soon)
      return;
    known->second.asked_at = now;
  }
  members.homes(farm, [to = kept_, farm](storage::result<std::vector<storage::machine_home>> said) {
    if (said)
      keep(*to, farm, std::make_shared<const std::vector<storage::machine_home>>(std::move(*said)));
  });
}

boost::asio::awaitable<home_cache::shared_places>
home_cache::of_farm(const actors::cluster_board* cluster,
                    storage::membership_store* members,
                    std::string farm,
                    std::chrono::milliseconds limit) {
  if (cluster == nullptr || members == nullptr)
    co_return std::make_shared<const place_map>();
  const auto known = find(farm);
  if (!known.homes || clock::now() - known.read_at >= kept) {
    using homes = storage::result<std::vector<storage::machine_home>>;
    const auto start = [&](auto done) { members->homes(farm, std::move(done)); };
    auto said = co_await ask<homes>(start, limit);
    if (said && *said)
      keep(*kept_, farm,
           std::make_shared<const std::vector<storage::machine_home>>(std::move(**said)));
  }
  co_return places_in(farm, cluster->latest());
}

boost::asio::awaitable<home_cache::shared_places>
home_cache::of_farm_soon(const actors::cluster_board* cluster,
                         storage::membership_store* members,
                         std::string farm,
                         std::chrono::milliseconds limit) {
  const auto known = find(farm);
  if (cluster == nullptr || members == nullptr || !known.homes)
    co_return co_await of_farm(cluster, members, std::move(farm), limit);
  if (clock::now() - known.read_at >= kept_soon)
    read_anew(*members, farm);
  co_return places_in(farm, cluster->latest());
}

} // namespace furrow::http
