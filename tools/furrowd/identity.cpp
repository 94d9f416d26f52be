#include "tools/furrowd/identity.hpp"

#include <algorithm>
#include <cstdint>
#include <random>

namespace furrow::daemon {

std::string application_name(const std::string& node, const can::stream_id& incarnation) {
  auto shown = node.substr(0, 32);
  std::ranges::replace_if(
    shown, [](char letter) { return letter < ' ' || letter > '~'; }, '?');
  return "furrow/" + shown + "/" + can::to_string(incarnation).substr(0, 8);
}

can::stream_id new_incarnation() {
  std::random_device random;
  can::stream_id out{};
  for (auto& byte : out)
    byte = static_cast<std::uint8_t>(random());
  return out;
}

std::string reachable(const std::string& bound, bool certified) {
  const bool everywhere = bound.starts_with("0.0.0.0:") || bound.starts_with("[::]:");
  return everywhere || certified ? std::string{} : bound;
}

actors::peer_directory::list named_peers(const settings& settings) {
  actors::peer_directory::list peers;
  for (const auto& one : settings.link_peers) {
    const auto equals = one.find('=');
    if (one.substr(0, equals) == settings.node.name)
      continue; // all nodes may have the same list
    peers.push_back({one.substr(0, equals), {}, one.substr(equals + 1), true});
  }
  return peers;
}

actors::peer_directory::list leased_peers(const actors::cluster_view& view) {
  actors::peer_directory::list peers;
  for (const auto& one : view.nodes) {
    const bool alive =
      one.status == storage::node_status::alive || one.status == storage::node_status::draining;
    if (one.who.name != view.self.name && !one.card.link.empty())
      peers.push_back({one.who.name, can::to_string(one.who.incarnation), one.card.link, alive});
  }
  return peers;
}

} // namespace furrow::daemon
