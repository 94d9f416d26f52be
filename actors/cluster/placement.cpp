#include "actors/cluster/placement.hpp"

#include "proto/rendezvous.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace furrow::actors {

namespace {

using node_list = std::vector<const storage::node_row*>;

bool takes_machines(const storage::node_row& node) {
  return node.status == storage::node_status::alive && node.lease_ms >= 0 && !node.drain
         && !node.card.gateway.empty();
}

/// While this node is cut off from the database: whether that one is not. This node itself is never among them.
bool has_database(const cluster_view& view, const storage::node_row& node) {
  return std::binary_search(view.database_at.begin(), view.database_at.end(), node.who.name);
}

node_list takers(const cluster_view& view, bool with_self) {
  node_list out;
  for (const auto& node : view.nodes) {
    const bool own = node.who.name == view.self.name;
    if (takes_machines(node) && (with_self || !own)
        && (!view.cut_off() || has_database(view, node)))
      out.push_back(&node);
  }
  return out;
}

std::string first_address(const storage::node_row& node) {
  return node.card.gateway.substr(0, node.card.gateway.find(','));
}

/// The first address that the gateway has not failed to connect to; empty: there is none.
std::string reachable_address(const storage::node_row& node,
                              const std::vector<std::string>& unreachable) {
  for (auto& address : addresses_in(node.card.gateway))
    if (std::find(unreachable.begin(), unreachable.end(), address) == unreachable.end())
      return std::move(address);
  return {};
}

/// Weighted rendezvous: a node of twice the weight wins twice as often.
double weighted(std::string_view machine, const storage::node_row& node) {
  if (node.weight == 0)
    return -1;
  constexpr double range = 18'446'744'073'709'551'616.0;
  const auto score =
    static_cast<double>(proto::rendezvous_score(machine, first_address(node))) / range;
  return -static_cast<double>(node.weight) / std::log(std::clamp(score, 1e-18, 1.0 - 1e-16));
}

const storage::node_row* chosen_node(const node_list& among, std::string_view machine) {
  const storage::node_row* best = nullptr;
  double most = -1;
  for (const auto* node : among)
    if (const auto score = weighted(machine, *node); best == nullptr || score > most) {
      best = node;
      most = score;
    }
  return best;
}

} // namespace

std::vector<std::string> addresses_in(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (comma > 0)
      out.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return out;
}

std::vector<std::string> gateways_for(const cluster_view& view,
                                      std::string_view machine,
                                      const std::vector<std::string>& own,
                                      std::size_t most) {
  std::vector<std::string> out;
  for (const auto* node : takers(view, true))
    for (auto& address : addresses_in(node->card.gateway))
      if (std::find(out.begin(), out.end(), address) == out.end())
        out.push_back(std::move(address));
  if (view.cut_off()) // for gateways that reach no other
    out.insert(out.end(), own.begin(), own.end());
  else if (out.empty() && !is_draining(view))
    out = own;
  if (out.size() > most) {
    const auto before = [machine](const std::string& one, const std::string& other) {
      return proto::rendezvous_score(machine, one) > proto::rendezvous_score(machine, other);
    };
    std::partial_sort(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(most), out.end(),
                      before);
    out.resize(most);
  }
  return out;
}

bool is_draining(const cluster_view& view) {
  return !view.nodes.empty() && view.nodes.front().who == view.self && view.nodes.front().drain;
}

const storage::node_row* home_of(const cluster_view& view, std::string_view machine) {
  return chosen_node(takers(view, true), machine);
}

std::optional<std::string> other_place(const cluster_view& view,
                                       const std::string& farm,
                                       const std::string& machine,
                                       const std::vector<std::string>& unreachable) {
  auto others = takers(view, false);
  std::erase_if(others,
                [&](const auto* node) { return reachable_address(*node, unreachable).empty(); });
  if (view.pins) {
    const auto pin = view.pins->find({farm, machine});
    if (pin != view.pins->end() && pin->second != view.self.name)
      for (const auto* node : others)
        if (node->who.name == pin->second)
          return reachable_address(*node, unreachable);
  }
  const bool drains = is_draining(view);
  if (!drains && !view.cut_off())
    return std::nullopt;
  if (const auto* node = chosen_node(others, machine))
    return reachable_address(*node, unreachable);
  return drains ? std::optional<std::string>{std::in_place} : std::nullopt;
}

std::vector<balance::move>
balance::look(const cluster_view& view, std::size_t own, time_point now) {
  if (looked_at_ && now - *looked_at_ < limits_.every)
    return {};
  looked_at_ = now;
  if (view.state != node_state::alive || now - view.changed_at < limits_.calm)
    return {};
  const auto nodes = takers(view, true);
  double machines = 0;
  double weights = 0;
  const auto load_of = [&](const storage::node_row& node) {
    return static_cast<double>(node.who == view.self ? own : node.load.sessions);
  };
  for (const auto* node : nodes) {
    machines += load_of(*node);
    weights += node->weight;
  }
  const auto share = [&](const storage::node_row& node) {
    return weights > 0 ? machines * node.weight / weights : 0;
  };
  const auto self = std::find_if(nodes.begin(), nodes.end(),
                                 [&](const auto* node) { return node->who == view.self; });
  if (self == nodes.end())
    return {};
  const auto surplus = static_cast<double>(own) - share(**self);
  if (surplus < 1 || static_cast<double>(own) <= limits_.over * share(**self))
    return {};
  auto left = std::max<std::size_t>(1, static_cast<std::size_t>(surplus * limits_.part));
  std::vector<move> out;
  auto rest = nodes;
  std::sort(rest.begin(), rest.end(), [&](const auto* one, const auto* other) {
    return share(*one) - load_of(*one) > share(*other) - load_of(*other);
  });
  for (const auto* node : rest) {
    const auto room = share(*node) - load_of(*node);
    if (left == 0 || node->who == view.self || room < 1)
      continue;
    const auto count = std::min(left, static_cast<std::size_t>(room));
    out.push_back({node->who.name, first_address(*node), count});
    left -= count;
  }
  return out;
}

} // namespace furrow::actors
