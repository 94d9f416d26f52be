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

void home_cache::keep(farm_list& in,
                      const std::string& farm,
                      home_list homes,
                      clock::time_point at) {
  const std::lock_guard lock{in.mutex};
  if (in.farms.size() >= farms_max && !in.farms.contains(farm))
    in.farms.clear();
  auto& known = in.farms[farm];
  known = {};
  known.read_at = at;
  known.homes = std::move(homes);
}

/// Made once for all who ask while neither the homes nor the status of a node changes, and a second at most. Each beat
/// publishes a view of its own, so it is its numbers that tell.
home_cache::shared_places home_cache::places_in(const std::string& farm,
                                                const actors::cluster_view& view) {
  const auto known = find(farm);
  if (known.homes == nullptr)
    return std::make_shared<const place_map>();
  const auto now = now_();
  if (known.places != nullptr && known.view == view.view && known.timeline == view.timeline
      && now - known.placed_at < kept)
    return known.places;
  auto made =
    std::make_shared<const place_map>(places_of(*known.homes, view, actors::wall_clock_us()));
  const std::lock_guard lock{kept_->mutex};
  const auto found = kept_->farms.find(farm);
  if (found != kept_->farms.end() && found->second.homes == known.homes) {
    found->second.places = made;
    found->second.view = view.view;
    found->second.timeline = view.timeline;
    found->second.placed_at = now;
  }
  return made;
}

void home_cache::forget(const std::string& farm) {
  kept_->reads.forget([&farm](const std::string& one) { return one == farm; });
  const std::lock_guard lock{kept_->mutex};
  kept_->farms.erase(farm);
}

void home_cache::read(storage::membership_store& members,
                      const std::string& farm,
                      read_list::heard done) {
  const auto lead = kept_->reads.join(farm, 0, std::move(done), now_());
  if (lead == nullptr)
    return;
  {
    const std::lock_guard lock{kept_->mutex};
    if (const auto known = kept_->farms.find(farm); known != kept_->farms.end())
      known->second.asked_at = now_();
  }
  members.homes(
    farm, [to = kept_, lead, now = now_](storage::result<std::vector<storage::machine_home>> said) {
      home_list homes;
      if (said)
        homes = std::make_shared<const std::vector<storage::machine_home>>(std::move(*said));
      if (homes && to->reads.is_newest(lead))
        keep(*to, lead->key, homes, now());
      to->reads.land(lead, homes);
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
  home_list heard;
  if (!known.homes || now_() - known.read_at >= kept) {
    const auto began = kept_->reads.began(farm, 0, now_());
    const bool served_before = known.homes && began && *began - known.read_at < 2 * kept;
    if (!served_before) {
      const auto start = [&](auto done) { read(*members, farm, std::move(done)); };
      auto said = co_await ask<home_list>(start, limit);
      if (said)
        heard = std::move(*said);
    }
  }
  const auto view = cluster->latest();
  // A change came meanwhile: only those who asked before it get this answer.
  if (heard && !find(farm).homes)
    co_return std::make_shared<const place_map>(places_of(*heard, *view, actors::wall_clock_us()));
  co_return places_in(farm, *view);
}

boost::asio::awaitable<home_cache::shared_places>
home_cache::of_farm_soon(const actors::cluster_board* cluster,
                         storage::membership_store* members,
                         std::string farm,
                         std::chrono::milliseconds limit) {
  const auto known = find(farm);
  const auto now = now_();
  const auto age = now - known.read_at;
  if (cluster == nullptr || members == nullptr || !known.homes || age >= soon_max)
    co_return co_await of_farm(cluster, members, std::move(farm), limit);
  if (age >= kept_soon && now - known.asked_at >= kept_soon)
    read(*members, farm, {});
  const auto view = cluster->latest();
  co_return places_in(farm, *view);
}

} // namespace furrow::http
