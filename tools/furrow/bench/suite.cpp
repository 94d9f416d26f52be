// `furrow bench all`: the figures in docs/performance.md.
#include "tools/furrow/bench/benches.hpp"

#include <fmt/format.h>

#include <functional>
#include <utility>
#include <vector>

namespace furrow::cli::bench {

namespace {

struct step {
  std::string name;
  std::function<result<json>(storage::bench_database&, progress&)> run;
};

step ingest(std::string name, const ingest_plan& plan) {
  return {std::move(name), [plan](storage::bench_database& database, progress& progress) {
            return run_ingest(database, plan, progress);
          }};
}

std::vector<step> flat_out(std::uint64_t frames) {
  std::vector<step> steps;
  ingest_plan plan;
  plan.frames = frames;
  steps.push_back(ingest("flat out", plan));
  plan.node.tls = true;
  steps.push_back(ingest("flat out, TLS", plan));
  plan = {};
  plan.frames = frames;
  plan.baseline_rows = 0;
  for (const std::uint32_t machines : {1U, 10U, 100U, 1'000U}) {
    plan.machines = machines;
    steps.push_back(ingest("growth: machines", plan));
  }
  plan.machines = 100;
  for (const std::uint32_t ids : {1U, 10U, 100U}) {
    plan.ids = ids;
    steps.push_back(ingest("growth: ids", plan));
  }
  plan.ids = 10;
  for (const std::uint32_t block : {20U, 100U, 500U, 4'096U}) {
    plan.block_frames = block;
    steps.push_back(ingest("growth: block", plan));
  }
  return steps;
}

std::vector<step> at_a_rate(double seconds) {
  std::vector<step> steps;
  ingest_plan plan;
  plan.frames = 0;
  plan.seconds = seconds;
  plan.machines = 1'000;
  plan.baseline_rows = 0;
  for (const double rate : {10.0, 30.0, 100.0, 300.0}) {
    plan.rate = rate;
    steps.push_back(ingest("growth: rate", plan));
  }
  plan.rate = 100;
  for (const std::uint32_t flush_ms : {50U, 200U, 1'000U}) {
    plan.node.flush_ms = flush_ms;
    steps.push_back(ingest("growth: flush", plan));
  }
  plan.node = {};
  plan.node.tls = true;
  steps.push_back(ingest("100 k frames/s, TLS", plan));
  return steps;
}

} // namespace

result<json> bench_all(const target& target, bool quick, progress& progress) {
  const bool postgres = !target.url.starts_with("sqlite:");
  auto steps = flat_out(quick ? 2'000'000 : 8'000'000);
  for (auto& one : at_a_rate(quick ? 3 : 10))
    steps.push_back(std::move(one));
  ingest_plan asked;
  asked.machines = 10;
  asked.frames = 1'000'000;
  if (postgres)
    steps.push_back({"query", [asked](storage::bench_database& database, bench::progress& told) {
                       return bench_query(database, asked, told);
                     }});
  steps.push_back(
    {"connections", [quick](storage::bench_database& database, bench::progress& told) {
       return bench_connections(database, {quick ? 500U : 2'000U, 5}, told);
     }});
  steps.push_back({"live", [quick](storage::bench_database& database, bench::progress& told) {
                     return bench_live(database, {1'000, quick ? 3.0 : 10.0}, told);
                   }});
  json runs = json::array();
  json around;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    progress.say(fmt::format("{} of {}: {}", i + 1, steps.size(), steps[i].name));
    auto database = make_database(target); // a new one: blocks of an earlier run cost nothing
    if (!database)
      return database.error();
    if (around.is_null())
      around = surroundings(database->get());
    auto figures = steps[i].run(**database, progress);
    if (!figures)
      return failure{figures.error().code,
                     fmt::format("{}: {}", steps[i].name, figures.error().detail)};
    json named{{"name", steps[i].name}};
    named.update(*figures);
    runs.push_back(std::move(named));
  }
  auto decoded = bench_decode(quick ? 0.3 : 1, progress);
  if (!decoded)
    return decoded;
  runs.push_back(*decoded);
  json whole{{"benchmark", "all"}};
  whole.update(around);
  whole["runs"] = std::move(runs);
  return whole;
}

} // namespace furrow::cli::bench
