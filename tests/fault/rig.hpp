/// Real processes on a real log for fault tests: a node, a gateway, a database. An independent check: the stored frames
/// must equal the log, byte for byte.
///
/// Shape: ports are picked once and kept, so that gateways find a restarted node.
/// Errors: a step that does not end in time fails the test.
#pragma once

#include "tests/support/eventually.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::tests {

class child_process;

struct ledger_line {
  std::uint64_t sent = 0;
  std::uint64_t durable = 0;
  std::uint64_t stored = 0;
  std::uint64_t lost = 0;
  std::uint64_t doubled = 0;
  std::size_t streams = 0;
};

/// The credentials of gateways and people, for a node that needs them.
struct way_in {
  std::vector<std::string> edge; // flags of furrow-edge
  std::string scheme = "http";
  std::vector<std::string> furrow; // flags of furrow
};

class rig {
public:
  explicit rig(std::string database, way_in how = {});
  rig(const rig&) = delete;
  rig& operator=(const rig&) = delete;
  ~rig();

  /// Flags that the node gets at every start.
  void always(std::vector<std::string> flags) { node_flags_ = std::move(flags); }
  void start_node(const std::vector<std::string>& environment = {},
                  const std::vector<std::string>& flags = {});
  /// SIGTERM must end the node with 0.
  void kill_node(int signal = 9);
  void signal_node(int signal) const;
  /// The exit code of the node, when it ends by itself within the limit.
  std::optional<int> node_end(std::chrono::milliseconds limit);
  [[nodiscard]] bool node_runs() const { return node_ != nullptr; }
  [[nodiscard]] std::string node_output() const;
  [[nodiscard]] std::uint64_t node_rss_bytes() const;

  /// Replays a log until it is durable, from the spool of that machine.
  void start_edge(const std::string& equipment,
                  const std::filesystem::path& log,
                  const std::string& rate = "max");
  void kill_edge(int signal = 9);
  std::optional<int> edge_end(std::chrono::milliseconds limit);
  [[nodiscard]] std::string edge_output() const;
  [[nodiscard]] std::filesystem::path spool(const std::string& equipment) const;

  /// Runs `furrow` against the node. Returns the output; `code` gets the exit code.
  std::string furrow(const std::vector<std::string>& arguments, int& code);
  ledger_line ledger(const std::string& equipment);
  /// Exports the machine and compares with the log. Returns the first difference; empty if equal.
  std::string difference(const std::string& equipment, const std::filesystem::path& log);

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] const std::string& gateway() const { return gateway_; }
  [[nodiscard]] const std::string& http() const { return http_; }

private:
  std::string database_;
  way_in how_;
  std::vector<std::string> node_flags_;
  std::filesystem::path folder_;
  std::string gateway_ = "127.0.0.1:0";
  std::string http_ = "127.0.0.1:0";
  std::unique_ptr<child_process> node_;
  std::unique_ptr<child_process> edge_;
  std::string node_log_;
  std::string edge_log_;
  int starts_ = 0;
};

/// At least `frames` lines of the real tractor's three logs, repeated in turn. The clock steps back between logs.
/// Nothing without the captures.
std::optional<std::filesystem::path> long_log(const std::filesystem::path& folder,
                                              std::size_t frames);
std::size_t lines_of(const std::filesystem::path& file);

} // namespace furrow::tests
