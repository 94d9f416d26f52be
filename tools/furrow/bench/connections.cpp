#include "tools/furrow/bench/benches.hpp"

#include <fmt/format.h>

#include <sys/resource.h>

#include <algorithm>
#include <cmath>

namespace furrow::cli::bench {

namespace {

/// Each end of a connection is an open file in one process.
result<done> raise_file_limit(std::uint32_t wanted) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur >= wanted)
    return done{};
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, wanted);
  if (limit.rlim_max < wanted || ::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return failure{
      errc::failed,
      fmt::format(
        "{} open files are needed, but {} are allowed (raise the limit with ulimit -n {})", wanted,
        limit.rlim_max, wanted)};
  return done{};
}

} // namespace

result<json> bench_connections(storage::bench_database& database,
                               const connections_plan& plan,
                               progress& progress) {
  constexpr std::uint32_t other_files = 200;
  constexpr double idle_rate = 0.1; // idle means one frame in ten seconds
  if (auto ok = raise_file_limit(plan.machines + other_files); !ok)
    return ok.error();
  const scratch folder;
  auto node = running_node::start(database.url(), {}, folder);
  if (!node)
    return node.error();
  const auto empty = node->process().held();
  const auto cpu_before = node->process().cpu_s();
  ingest_plan idle;
  idle.machines = plan.machines;
  idle.frames = 0;
  idle.seconds = plan.seconds;
  idle.rate = idle_rate;
  idle.ids = 0;
  std::uint64_t held_most = empty.resident_bytes;
  double generator_cpu_s = 0;
  double connected_cpu_s = 0;
  const auto server = database.server_process();
  const auto server_before = family_cpu_s(server);
  std::optional<double> server_connected;
  const auto begun = [&] {
    connected_cpu_s = node->process().cpu_s();
    server_connected = family_cpu_s(server);
  };
  auto fleet = run_fleet(*node, idle, folder, {}, generator_cpu_s, begun, [&] {
    held_most = std::max(held_most, node->process().held().resident_bytes);
    progress.say(fmt::format("connections: the node holds {} MiB", held_most >> 20U));
  });
  if (!fleet)
    return fleet.error();
  const auto more = static_cast<double>(held_most - empty.resident_bytes);
  return json{{"benchmark", "connections"},
              {"machines", plan.machines},
              {"seconds", fleet->at("seconds")},
              {"node_rss_empty_bytes", empty.resident_bytes},
              {"node_rss_bytes", held_most},
              {"bytes_per_session", std::round(more / plan.machines)},
              {"connect_seconds", fleet->at("connect_seconds")},
              {"connect_cpu_seconds",
               {{"node", std::round((connected_cpu_s - cpu_before) * 1e3) / 1e3},
                {"server", server_before && server_connected
                             ? json(std::round((*server_connected - *server_before) * 1e3) / 1e3)
                             : json(nullptr)}}},
              {"idle_cpu_seconds",
               {{"node", std::round((node->process().cpu_s() - connected_cpu_s) * 1e3) / 1e3}}},
              {"generator_cpu_seconds", std::round(generator_cpu_s * 1e3) / 1e3},
              {"node_threads", node->process().threads()},
              {"node_start_ms", std::round(node->start_ms() * 10) / 10}};
}

} // namespace furrow::cli::bench
