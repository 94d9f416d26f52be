#include "tools/furrow-edge/uplink/node_list.hpp"

#include "proto/wire.hpp"

#include <algorithm>
#include <utility>

namespace furrow::edge {

using std::chrono::milliseconds;

node_list::node_list(std::vector<std::string> named, std::uint64_t seed)
  : nodes_{std::move(named)}, named_{nodes_.size()}, random_{seed} {}

milliseconds node_list::between(milliseconds low, milliseconds high) {
  return milliseconds{std::uniform_int_distribution{low.count(), high.count()}(random_)};
}

milliseconds node_list::after_failure() {
  at_ = (at_ + 1) % nodes_.size();
  const auto rounds = failures_++ / nodes_.size();
  if (rounds == 0)
    return between(milliseconds{0}, pause_first);
  const auto longest = rounds >= 6 ? pause_max : std::min(pause_max, pause_first * (1 << rounds));
  return between(longest / 2, longest);
}

milliseconds node_list::pointed_to(const std::string& node) {
  at_ = node.empty() ? (at_ + 1) % nodes_.size() : index_of(node);
  return between(milliseconds{0}, pause_first);
}

milliseconds node_list::long_pause() {
  return between(pause_max / 2, pause_max);
}

std::size_t node_list::index_of(const std::string& node) {
  const auto found = std::find(nodes_.begin(), nodes_.end(), node);
  if (found != nodes_.end())
    return static_cast<std::size_t>(found - nodes_.begin());
  if (nodes_.size() >= proto::nodes_max && nodes_.size() > named_)
    nodes_.pop_back();
  nodes_.push_back(node);
  return nodes_.size() - 1;
}

void node_list::learn(const std::vector<std::string>& names) {
  const auto here = current();
  nodes_.resize(std::min(nodes_.size(), named_));
  for (const auto& name : names)
    if (nodes_.size() < proto::nodes_max)
      index_of(name);
  at_ = index_of(here);
}

} // namespace furrow::edge
