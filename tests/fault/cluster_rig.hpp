/// Several real nodes on one PostgreSQL, for tests that kill, stop or drain some of them.
///
/// Shape: nodes are n1, n2 ...; their ports are picked once and kept, so that gateways find a restarted node.
/// Errors: a step that does not end in time fails the test.
#pragma once

#include "tests/support/eventually.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace furrow::tests {

class child_process;

class cluster_rig {
public:
  cluster_rig(std::string database, std::size_t nodes, std::vector<std::string> flags = {});
  cluster_rig(const cluster_rig&) = delete;
  cluster_rig& operator=(const cluster_rig&) = delete;
  ~cluster_rig();

  /// Returns when the node is ready. `database`: another URL than that of the rig, for example through a proxy.
  void start(std::size_t node, const std::string& database = {});
  /// What the node tells gateways of itself from its next start on, instead of its own address.
  void advertise(std::size_t node, const std::string& address) {
    nodes_[node].advertised = address;
  }
  /// Flags that only this node gets, and its environment, from its next start on.
  void always(std::size_t node,
              std::vector<std::string> flags,
              std::vector<std::string> environment = {}) {
    nodes_[node].flags = std::move(flags);
    nodes_[node].environment = std::move(environment);
  }
  /// Another program than the furrowd of the build, from the node's next start on.
  void run_from_now_on(std::size_t node, std::string program) {
    nodes_[node].program = std::move(program);
  }
  void signal(std::size_t node, int number) const;
  /// SIGSTOP; returns when the process stands still.
  void freeze(std::size_t node) const;
  void wake(std::size_t node) const;
  [[nodiscard]] bool stands_still(std::size_t node) const;
  void kill(std::size_t node);
  /// The exit code, when the node ends within the limit.
  std::optional<int> end(std::size_t node, std::chrono::milliseconds limit);
  [[nodiscard]] bool runs(std::size_t node) const { return nodes_[node].process != nullptr; }
  /// Whether /health answers with 200.
  [[nodiscard]] bool answers(std::size_t node) const;
  /// What the node answers over HTTP, with its head; empty when it does not answer.
  [[nodiscard]] std::string get(std::size_t node, const std::string& target) const;

  [[nodiscard]] const std::string& gateway(std::size_t node) const { return nodes_[node].gateway; }
  [[nodiscard]] const std::string& http(std::size_t node) const { return nodes_[node].http; }
  [[nodiscard]] std::vector<std::string> gateways() const;
  [[nodiscard]] std::string output(std::size_t node) const;
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

private:
  struct one_node {
    std::string gateway = "127.0.0.1:0";
    std::string http = "127.0.0.1:0";
    std::string program;    // empty: the furrowd of the build
    std::string advertised; // empty: as furrowd does it
    std::vector<std::string> flags;
    std::vector<std::string> environment;
    std::string log;
    std::unique_ptr<child_process> process;
  };

  std::string database_;
  std::vector<std::string> flags_;
  std::filesystem::path folder_;
  std::vector<one_node> nodes_;
  int starts_ = 0;
};

} // namespace furrow::tests
