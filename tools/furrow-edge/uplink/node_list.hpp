/// Which node to try next, and after what pause.
///
/// Shape: the nodes that the user named, then those that a node named; tried in turn. A pause of
///   0-250 ms after the first failure, doubling each time round the list up to pause_max; a node
///   that another one pointed to comes first.
/// Threads: a plain value; the seed makes it repeat itself.
/// Limits: proto::nodes_max names.
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

  node_list(std::vector<std::string> named, std::uint64_t seed);

  [[nodiscard]] const std::string& current() const { return nodes_[at_]; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  /// Goes to the next node; the pause before it is to be tried.
  [[nodiscard]] std::chrono::milliseconds after_failure();
  /// Goes to this node, or to the next one when the name is empty; a short pause.
  [[nodiscard]] std::chrono::milliseconds pointed_to(const std::string& node);
  /// The longest pause, at the same node.
  [[nodiscard]] std::chrono::milliseconds long_pause();
  /// The failures are over.
  void succeeded() { failures_ = 0; }
  /// What a node said of its cluster. Names of before that are not the user's are forgotten.
  void learn(const std::vector<std::string>& names);

private:
  [[nodiscard]] std::chrono::milliseconds between(std::chrono::milliseconds low,
                                                  std::chrono::milliseconds high);
  std::size_t index_of(const std::string& node);

  std::vector<std::string> nodes_;
  std::size_t named_; // the first ones are the user's
  std::size_t at_ = 0;
  std::size_t failures_ = 0;
  std::mt19937_64 random_;
};

} // namespace furrow::edge
