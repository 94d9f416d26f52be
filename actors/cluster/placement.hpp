/// Where gateways are to go: the nodes that a Welcome names, the node that a machine is sent to, and how many machines
/// a node with too many of them sends away.
///
/// Shape: plain functions over a snapshot of the cluster. Nobody moves a machine without need: a machine stays where
///   its gateway is, unless people have pinned it elsewhere, its node drains, its node is cut off from a database that
///   answers others, or its node has far more than its share.
/// Threads: `balance` belongs to one thread.
/// Source: docs/cluster.md; the order of nodes is that of proto/rendezvous.hpp.
#pragma once

#include "actors/cluster/cluster_board.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::actors {

/// The addresses of a list with commas.
[[nodiscard]] std::vector<std::string> addresses_in(std::string_view list);

/// Addresses of the nodes that take machines, at most `most`; with more, those that the machine would choose first.
/// `own` is the answer where no node is known.
[[nodiscard]] std::vector<std::string> gateways_for(const cluster_view& view,
                                                    std::string_view machine,
                                                    const std::vector<std::string>& own,
                                                    std::size_t most);

/// Whether this node takes no machines now.
[[nodiscard]] bool is_draining(const cluster_view& view);

/// A gateway that could not connect to a node is sent there again after this. Each try costs it some two seconds.
inline constexpr std::chrono::seconds unreachable_for{30};

/// Where a machine that greets here is to go instead; nothing: it may stay. An empty address: anywhere else.
/// `unreachable`: addresses that its gateway could not connect to; it is not sent there.
[[nodiscard]] std::optional<std::string>
other_place(const cluster_view& view,
            const std::string& farm,
            const std::string& machine,
            const std::vector<std::string>& unreachable = {});

/// The node that a machine belongs to by weighted rendezvous, of those that take machines; nullptr without one.
[[nodiscard]] const storage::node_row* home_of(const cluster_view& view, std::string_view machine);

struct balance_limits {
  std::chrono::seconds every{10};
  std::chrono::seconds calm{30}; // without a change of the view
  double over = 1.2;             // of the fair share by weight
  double part = 0.1;             // of the surplus that goes at once
};

/// Sends machines away from a node that has far more than its share, slowly.
class balance {
public:
  using time_point = std::chrono::steady_clock::time_point;
  struct move {
    std::string node;
    std::string address;
    std::size_t machines = 0;
  };

  explicit balance(balance_limits limits = {}) : limits_{limits} {}

  /// `own`: the machines that this node serves now.
  [[nodiscard]] std::vector<move> look(const cluster_view& view, std::size_t own, time_point now);

private:
  balance_limits limits_;
  std::optional<time_point> looked_at_;
};

} // namespace furrow::actors
