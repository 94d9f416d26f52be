/// Decides which node to try next, and after what pause.
///
/// Shape: the nodes that the user or a node named, tried in turn. Their order differs from machine to machine
///   (proto/rendezvous.hpp), so that the gateways of one list spread over its nodes, and those of a dead node over the
///   others. The pause is 0-250 ms after the first failure and doubles each time round the list, up to pause_max. A node
///   that another node pointed to comes first. A node that could not be connected to, or did not answer, is remembered for
///   a while, so that other nodes do not point to it again.
/// Threads: a plain value; the same seed gives the same pauses.
/// Limits: proto::nodes_max names beside those of the user; proto::unreachable_max nodes that could not be reached.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace furrow::edge {

class node_list {
public:
  static constexpr std::chrono::milliseconds pause_first{250};
  static constexpr std::chrono::milliseconds pause_max{10'000};
  static constexpr std::chrono::seconds unreachable_for{30};
  using time_point = std::chrono::steady_clock::time_point;

  node_list(std::string machine, std::vector<std::string> named, std::uint64_t seed);

  [[nodiscard]] const std::string& current() const { return nodes_[at_]; }
  /// How often the whole list has failed since the last success.
  [[nodiscard]] std::size_t rounds() const { return failures_ / nodes_.size(); }
  /// Goes to the next node; returns the pause before the attempt.
  [[nodiscard]] std::chrono::milliseconds after_failure();
  /// Goes to this node, or to the next one if the name is empty; returns a short pause.
  [[nodiscard]] std::chrono::milliseconds pointed_to(const std::string& node);
  /// Stays at the same node; returns the longest pause.
  [[nodiscard]] std::chrono::milliseconds long_pause();
  /// Ends the series of failures.
  void succeeded();
  /// The current node could not be connected to, or did not answer.
  void note_unreachable(time_point now);
  /// Nodes that could not be connected to within unreachable_for, and have not welcomed this gateway since.
  [[nodiscard]] std::vector<std::string> unreachable(time_point now) const;
  /// Takes the nodes of the cluster from a node. Earlier names are removed, except the user's.
  void learn(const std::vector<std::string>& names);

private:
  [[nodiscard]] std::chrono::milliseconds between(std::chrono::milliseconds low,
                                                  std::chrono::milliseconds high);
  std::size_t index_of(const std::string& node);
  void forget_unreachable(const std::string& node);
  void sort();

  std::string machine_;
  std::vector<std::string> named_; // by the user: never removed
  std::vector<std::string> nodes_; // all, in the order of the attempts
  std::size_t at_ = 0;
  std::size_t failures_ = 0;
  struct lost_node {
    std::string name;
    time_point at;
  };
  std::vector<lost_node> unreachable_; // the oldest first
  std::mt19937_64 random_;
};

} // namespace furrow::edge
