#include "tools/furrow-edge/uplink/node_list.hpp"

#include "proto/rendezvous.hpp"
#include "proto/wire.hpp"

#include <algorithm>
#include <utility>

namespace furrow::edge {

using std::chrono::milliseconds;

node_list::node_list(std::string machine, std::vector<std::string> named, std::uint64_t seed)
  : machine_{std::move(machine)}, named_{std::move(named)}, nodes_{named_}, random_{seed} {
  sort();
}

void node_list::sort() {
  std::ranges::sort(nodes_, std::ranges::greater{}, [this](const std::string& node) {
    return std::pair{proto::rendezvous_score(machine_, node), node};
  });
  const auto twins = std::ranges::unique(nodes_);
  nodes_.erase(twins.begin(), twins.end());
}

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

void node_list::succeeded() {
  failures_ = 0;
  forget_unreachable(current());
}

void node_list::forget_unreachable(const std::string& node) {
  std::erase_if(unreachable_, [&](const lost_node& one) { return one.name == node; });
}

void node_list::note_unreachable(time_point now) {
  forget_unreachable(current());
  if (unreachable_.size() == proto::unreachable_max)
    unreachable_.erase(unreachable_.begin());
  unreachable_.push_back({current(), now});
}

std::vector<std::string> node_list::unreachable(time_point now) const {
  std::vector<std::string> out;
  for (const auto& one : unreachable_)
    if (now - one.at < unreachable_for)
      out.push_back(one.name);
  return out;
}

std::size_t node_list::index_of(const std::string& node) {
  const auto found = std::find(nodes_.begin(), nodes_.end(), node);
  if (found != nodes_.end())
    return static_cast<std::size_t>(found - nodes_.begin());
  if (nodes_.size() >= named_.size() + proto::nodes_max)
    nodes_.pop_back();
  nodes_.push_back(node);
  return nodes_.size() - 1;
}

void node_list::learn(const std::vector<std::string>& names) {
  const auto here = current();
  nodes_ = named_;
  nodes_.insert(nodes_.end(), names.begin(), names.end());
  sort();
  at_ = index_of(here);
}

} // namespace furrow::edge
