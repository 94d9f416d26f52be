// `furrow bench failover`: several nodes on one database, one of which fails again and again.
#include "tools/furrow/bench/benches.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

namespace furrow::cli::bench {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

/// One way to fail, and how long the machines get to settle before and after.
struct kind {
  const char* name;
  milliseconds down; // until the node is started again, or wakes
  milliseconds settle;
};
/// Blocks that may wait for seconds have acks that far apart, without any failure.
constexpr std::uint32_t steady_flush_ms = 150;
constexpr std::array kinds{kind{"kill", 1'500ms, 1'500ms}, kind{"freeze", 6'000ms, 2'000ms},
                           kind{"drain", 1'500ms, 1'500ms}};

class cluster {
public:
  cluster(std::string database, const failover_plan& plan)
    : database_{std::move(database)}, plan_{plan} {}

  result<done> start() {
    for (std::uint32_t i = 0; i < plan_.nodes; ++i) {
      folders_.push_back(std::make_unique<scratch>());
      nodes_.emplace_back();
      settings_.push_back({});
      settings_.back().name = fmt::format("n{}", i + 1);
      settings_.back().flush_ms = steady_flush_ms;
      if (auto ok = start_node(i); !ok)
        return ok;
      settings_.back().listen = nodes_[i]->address(); // gateways find it again after a restart
    }
    return done{};
  }

  [[nodiscard]] std::string addresses() const {
    std::string all;
    for (const auto& one : nodes_)
      all += (all.empty() ? "" : ",") + one->address();
    return all;
  }

  /// Lets one node fail, and brings it back.
  result<done> round(const kind& what, std::size_t node) {
    auto& process = nodes_[node]->process();
    const std::string name = what.name;
    ::kill(process.pid(), name == "kill" ? SIGKILL : name == "freeze" ? SIGSTOP : SIGTERM);
    std::this_thread::sleep_for(what.down);
    if (name == "freeze") {
      ::kill(process.pid(), SIGCONT);
      std::this_thread::sleep_for(500ms);
    }
    // A node that has learned that others hold its machines ends by itself; its service starts it again.
    if (name != "freeze" || process.ended()) {
      (void)process.end(10s);
      if (auto ok = start_node(node); !ok)
        return ok;
    }
    std::this_thread::sleep_for(what.settle);
    return done{};
  }

private:
  result<done> start_node(std::size_t node) {
    auto made = running_node::start(database_, settings_[node], *folders_[node]);
    if (!made)
      return made.error();
    nodes_[node] = std::make_unique<running_node>(std::move(*made));
    return done{};
  }

  std::string database_;
  const failover_plan& plan_;
  std::vector<std::unique_ptr<scratch>> folders_;
  std::vector<node_settings> settings_;
  std::vector<std::unique_ptr<running_node>> nodes_;
};

/// A fleet that sends until it is told to end.
result<child> start_fleet(const cluster& nodes,
                          const failover_plan& plan,
                          const kind& what,
                          const scratch& folder) {
  const auto program = program_beside("furrow-sim");
  if (!program)
    return program.error();
  const auto log = folder.file(fmt::format("{}.log", what.name));
  auto fleet = child::start({*program, "run", "-q", "-o", "json", "--when-connected", "--node",
                             nodes.addresses(), "--machines", std::to_string(plan.machines),
                             "--rate", fmt::format("{}", plan.rate), "--flush-ms", "100",
                             "--seconds", "86400", "--prefix", fmt::format("{}-", what.name)},
                            log);
  if (!fleet)
    return fleet;
  for (auto waited = 0ms; fleet->output().find("connected\n") == std::string::npos;
       waited += 10ms) {
    if (waited > 30s || fleet->ended())
      return failure{errc::failed, "the fleet does not connect: " + fleet->last_line()};
    std::this_thread::sleep_for(10ms);
  }
  return fleet;
}

result<json> measure(cluster& nodes,
                     const failover_plan& plan,
                     const kind& what,
                     progress& progress,
                     const scratch& folder) {
  auto fleet = start_fleet(nodes, plan, what, folder);
  if (!fleet)
    return fleet.error();
  std::this_thread::sleep_for(what.settle);
  for (std::uint32_t round = 0; round < plan.rounds; ++round) {
    progress.say(fmt::format("failover: {} {} of {}", what.name, round + 1, plan.rounds));
    if (auto ok = nodes.round(what, round % plan.nodes); !ok)
      return ok.error();
  }
  if (const auto code = fleet->end(10s); code != 0)
    return failure{errc::failed,
                   fmt::format("furrow-sim ended with {}: {}", code, fleet->last_line())};
  const auto report = json::parse(fleet->last_line(), nullptr, false);
  if (report.is_discarded())
    return failure{errc::failed, "furrow-sim did not report: " + fleet->last_line()};
  const auto& gap = report.at("ack_gap_us");
  if (gap.at("sessions").get<std::uint64_t>() == 0)
    return failure{errc::failed, fmt::format("{}: no machine lost its node", what.name)};
  json out{{"machines_moved", gap.at("sessions")}};
  for (const auto* which : {"p50", "p99", "max"})
    out[which] = std::round(gap.at(which).get<double>() / 1e3);
  return out;
}

} // namespace

result<json>
bench_failover(storage::bench_database& database, const failover_plan& plan, progress& progress) {
  const scratch folder;
  cluster nodes{database.url(), plan};
  if (auto ok = nodes.start(); !ok)
    return ok.error();
  json out{{"benchmark", "failover"},
           {"nodes", plan.nodes},
           {"machines", plan.machines},
           {"rate", plan.rate},
           {"rounds", plan.rounds}};
  for (const auto& what : kinds) {
    auto figures = measure(nodes, plan, what, progress, folder);
    if (!figures)
      return figures;
    out[fmt::format("{}_ms_without_ack", what.name)] = *figures;
  }
  const auto tables = database.tables();
  if (!tables)
    return as_failure(tables.error());
  if (tables->lost != 0 || tables->doubled != 0)
    return failure{
      errc::failed,
      fmt::format("the ledger is not clean: {} lost, {} doubled; please report the fault",
                  tables->lost, tables->doubled)};
  out["frames"] = tables->frames;
  out["lost"] = tables->lost;
  out["doubled"] = tables->doubled;
  return out;
}

} // namespace furrow::cli::bench
