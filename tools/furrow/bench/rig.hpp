/// One measured run: a node with its own database, a simulated fleet that sends to it, and what the node, the fleet and
///   the database cost.
///
/// Shape: `ingest_plan` in, JSON out. The names of the JSON fields explain them; docs/performance.md shows them.
/// Units: in the names.
/// Errors: a run that lost or doubled anything, or whose programs failed, gives an error and no figures.
/// Threads: one.
#pragma once

#include "storage/bench/database.hpp"
#include "tools/furrow/bench/child.hpp"
#include "tools/furrow/globals.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::cli::bench {

using json = nlohmann::ordered_json;

struct target {
  std::string url;
  bool forced = false;
};

struct node_settings {
  std::string name;                   // empty: furrowd's default
  std::string listen = "127.0.0.1:0"; // for gateways
  std::vector<std::string> others;    // flags of furrowd
  std::uint32_t flush_ms = 0;         // 0: furrowd's default
  std::uint32_t lanes = 0;
  std::uint32_t budget_mib = 0;
  bool tls = false;
};

struct ingest_plan {
  std::uint32_t machines = 100;
  std::uint64_t frames = 4'000'000; // in total; 0: as many as are made in `seconds`
  std::uint32_t ids = 10;           // of each machine
  double rate = 0;                  // frames per second and machine; 0: as fast as possible
  double seconds = 0;
  std::uint32_t block_frames = 0; // most frames in a gateway's block; 0: furrow-sim's default
  std::uint32_t send_ms = 0; // interval between two blocks of a gateway; 0: furrow-sim's default
  std::uint64_t baseline_rows = 1'000'000;
  std::uint32_t viewers = 0;        // clients of HTTP; not with TLS
  std::uint32_t stream_clients = 0; // of the live stream; not with TLS
  bool one_machine_each =
    false; // both look at one machine once a second; else at all as fast as they can
  node_settings node;
};

/// Shows the progress on a terminal; does nothing elsewhere.
class progress {
public:
  progress();
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;
  void say(const std::string& text);

private:
  bool terminal_;
  std::chrono::steady_clock::time_point last_{};
};

/// A node that runs as long as the object lives.
class running_node {
public:
  [[nodiscard]] static result<running_node>
  start(const std::string& database, const node_settings& settings, const scratch& folder);

  [[nodiscard]] child& process() { return process_; }
  [[nodiscard]] const child& process() const { return process_; }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] const std::string& http_url() const { return http_url_; }
  [[nodiscard]] double start_ms() const { return start_ms_; }
  /// Returns the options that furrow-sim needs to reach the node.
  [[nodiscard]] std::vector<std::string> sim_flags() const;

private:
  running_node(child process,
               std::string address,
               std::string http_url,
               double start_ms,
               std::string authority)
    : process_{std::move(process)}, address_{std::move(address)}, http_url_{std::move(http_url)},
      start_ms_{start_ms}, authority_{std::move(authority)} {}
  child process_;
  std::string address_;
  std::string http_url_;
  double start_ms_;
  std::string authority_; // empty: no TLS
};

[[nodiscard]] result<std::unique_ptr<storage::bench_database>> make_database(const target& target);

/// Runs the plan on this database, with the baseline if the plan asks for it.
[[nodiscard]] result<json>
run_ingest(storage::bench_database& database, const ingest_plan& plan, progress& progress);

/// Starts a simulated fleet, calls `begun` once it is connected and `meanwhile` while it sends. Returns its report.
[[nodiscard]] result<json> run_fleet(running_node& node,
                                     const ingest_plan& plan,
                                     const scratch& folder,
                                     const child::environment& more,
                                     double& cpu_s,
                                     const std::function<void()>& begun,
                                     const std::function<void()>& meanwhile);

/// Machine, versions and settings that the figures depend on.
[[nodiscard]] json surroundings(storage::bench_database* database);

/// Rounds to three decimals, which is more than these figures need.
[[nodiscard]] double rounded(double value);
/// The difference, or null where one of the two is unknown.
[[nodiscard]] json or_null(const std::optional<double>& before, const std::optional<double>& after);

[[nodiscard]] failure as_failure(const storage::failure& why);

} // namespace furrow::cli::bench
