// The command `furrow bench`: flags, and figures as a table for people.
#include "tools/furrow/bench/benches.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/output.hpp"

#include <fmt/format.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>

#include <CLI/Validators.hpp>

namespace furrow::cli {

namespace {

using bench::ingest_plan;

struct options {
  bench::target target;
  ingest_plan plan;
  std::string rate = "max";
  std::string look_at = "fleet";
  bench::connections_plan connections;
  bench::failover_plan failover;
  bench::live_plan live;
  double decode_s = 1;
  bool quick = false;
};

/// One row per figure; nested figures have names with dots.
void add_rows(table& shown, const std::string& prefix, const json& value) {
  if (value.is_object()) {
    for (const auto& [name, inner] : value.items())
      add_rows(shown, prefix.empty() ? name : fmt::format("{}.{}", prefix, name), inner);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      add_rows(shown, fmt::format("{}.{}", prefix, i + 1), value[i]);
  } else {
    auto cell = value_cell(value);
    if (value.is_number_float() && std::abs(value.get<double>()) >= 1e4)
      cell.text = fmt::format("{:.0f}", value.get<double>());
    shown.rows.push_back({{prefix}, std::move(cell)});
  }
}

result<int> show(const result<json>& figures, const globals& globals) {
  if (!figures)
    return figures.error();
  table shown{{"FIGURE", "VALUE"}, {}};
  add_rows(shown, "", *figures);
  const auto printed = print(*figures, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

using on_database = std::function<result<json>(storage::bench_database&, bench::progress&)>;

result<int> with_database(const globals& globals, const options& given, const on_database& run) {
  bench::progress progress;
  auto database = bench::make_database(given.target);
  if (!database)
    return database.error();
  auto figures = run(**database, progress);
  if (!figures)
    return figures.error();
  figures->update(bench::surroundings(database->get()));
  return show(figures, globals);
}

/// Completes the plan, or says what is wrong with it.
result<done> complete(options& given) {
  auto& plan = given.plan;
  char* end = nullptr;
  plan.rate = given.rate == "max" ? 0 : std::strtod(given.rate.c_str(), &end);
  if (end != nullptr && (*end != '\0' || !(plan.rate >= 0.1 && plan.rate <= 1e6)))
    return failure{errc::usage,
                   fmt::format("--rate {}: must be max, or frames per second and machine from "
                               "0.1 to 1e6",
                               given.rate)};
  plan.one_machine_each = given.look_at == "machine";
  if (plan.seconds > 0)
    plan.frames = 0; // until the time is over
  if (plan.frames == 0 && plan.seconds == 0)
    return failure{errc::usage, "give --frames or --seconds"};
  return done{};
}

void add_target(CLI::App& command, options& given) {
  command
    .add_option("--database", given.target.url,
                "where the benchmark creates its own database: postgresql://... (the role "
                "needs CREATEDB) or sqlite:PATH")
    ->envname("FURROW_DATABASE")
    ->required();
  command.add_flag("--force", given.target.forced,
                   "run even if the database of the URL holds a fleet's data (it is not touched)");
}

void add_plan(CLI::App& command, options& given) {
  auto& plan = given.plan;
  command.add_option("--machines", plan.machines, "number of simulated gateways")
    ->check(CLI::Range(1, 100'000))
    ->capture_default_str();
  command.add_option("--frames", plan.frames, "number of frames in total")
    ->check(CLI::Range(1ULL, 1ULL << 40U))
    ->capture_default_str();
  command.add_option("--seconds", plan.seconds, "duration in seconds, instead of --frames")
    ->check(CLI::Range(0.1, 3'600.0));
  command.add_option("--ids", plan.ids, "number of identifiers on each machine's bus")
    ->check(CLI::Range(1, 200))
    ->capture_default_str();
  command.add_option("--rate", given.rate, "frames per second and machine, or max")
    ->capture_default_str();
  command.add_option("--block-frames", plan.block_frames, "most frames in a gateway's block")
    ->check(CLI::Range(1, 4'096));
  command
    .add_option("--send-ms", plan.send_ms,
                "interval between two blocks of a gateway, in milliseconds, at a --rate")
    ->check(CLI::Range(1, 60'000));
  command
    .add_option("--baseline", plan.baseline_rows,
                "rows to COPY for the comparison, at most the number of frames; 0: no comparison, "
                "also not with rows at the same --rate")
    ->check(CLI::Range(0ULL, 100'000'000ULL))
    ->capture_default_str();
  command.add_option("--flush-ms", plan.node.flush_ms, "as --flush-ms of furrowd")
    ->check(CLI::Range(1, 10'000));
  command.add_option("--lanes", plan.node.lanes, "as --lanes of furrowd")->check(CLI::Range(1, 16));
  command.add_option("--budget", plan.node.budget_mib, "as --budget of furrowd")
    ->check(CLI::Range(16, 65'536));
  auto* tls = command.add_flag("--tls", plan.node.tls, "use TLS (needs the openssl program)");
  command.add_option("--viewers", plan.viewers, "clients of HTTP; shows what they cost gateways")
    ->check(CLI::Range(0, 1'000))
    ->excludes(tls);
  command
    .add_option(
      "--stream-clients", plan.stream_clients,
      "clients of the live stream; shows after how long it shows an item, and what they cost")
    ->check(CLI::Range(0, 1'000))
    ->excludes(tls);
  command
    .add_option("--look-at", given.look_at,
                "what these clients look at. fleet: all machines, as fast as they can. machine: "
                "each at one machine, once a second")
    ->check(CLI::IsMember({"fleet", "machine"}))
    ->capture_default_str();
}

using shared_options = std::shared_ptr<options>;

void add_ingest(CLI::App& bench, const globals& globals, int& exit_code) {
  auto* command = bench.add_subcommand(
    "ingest", "measure frames per second from gateways' sockets to durable, and "
              "a COPY of the same frames as rows; with --rate also what a machine costs a "
              "second, and what rows of the same frames cost");
  auto given = std::make_shared<options>();
  add_target(*command, *given);
  add_plan(*command, *given);
  command->footer(
    "Starts furrowd and furrow-sim from the folder of furrow. Exit code 1 if the ledger is not "
    "clean.\nExamples:\n"
    "  furrow bench ingest --database postgresql://furrow@localhost/furrow\n"
    "  furrow bench ingest --database postgresql://furrow@localhost/furrow --machines 1000 "
    "--rate 100 --seconds 10 -o json\n"
    "  furrow bench ingest --database sqlite:bench.db --frames 2000000");
  command->callback([&globals, &exit_code, given] {
    const auto ok = complete(*given);
    exit_code =
      ok ? code_of(with_database(globals, *given,
                                 [&](auto& database, auto& progress) {
                                   return bench::run_ingest(database, given->plan, progress);
                                 }))
         : report(ok.error());
  });
}

void add_query(CLI::App& bench, const globals& globals, int& exit_code) {
  auto* command = bench.add_subcommand("query", "compare SQL over blocks with SQL over rows");
  auto given = std::make_shared<options>();
  given->plan.machines = 10;
  given->plan.frames = 1'000'000;
  add_target(*command, *given);
  add_plan(*command, *given);
  command->footer("Examples:\n"
                  "  furrow bench query --database postgresql://furrow@localhost/furrow");
  command->callback([&globals, &exit_code, given] {
    const auto ok = complete(*given);
    exit_code =
      ok ? code_of(with_database(globals, *given,
                                 [&](auto& database, auto& progress) {
                                   return bench::bench_query(database, given->plan, progress);
                                 }))
         : report(ok.error());
  });
}

void add_connections(CLI::App& bench, const globals& globals, int& exit_code) {
  auto* command = bench.add_subcommand("connections", "measure the cost of idle sessions");
  auto given = std::make_shared<options>();
  add_target(*command, *given);
  command->add_option("--machines", given->connections.machines, "number of simulated gateways")
    ->check(CLI::Range(1, 12'000))
    ->capture_default_str();
  command
    ->add_option("--seconds", given->connections.seconds, "how long the sessions stay, in seconds")
    ->check(CLI::Range(1.0, 3'600.0))
    ->capture_default_str();
  command->footer("Examples:\n"
                  "  furrow bench connections --database sqlite:bench.db --machines 10000 "
                  "--seconds 20");
  command->callback([&globals, &exit_code, given] {
    exit_code = code_of(with_database(globals, *given, [&](auto& database, auto& progress) {
      return bench::bench_connections(database, given->connections, progress);
    }));
  });
}

void add_live(CLI::App& bench, const globals& globals, int& exit_code) {
  auto* command = bench.add_subcommand(
    "live", "measure how long after a frame came in at a gateway's standard input a client of the "
            "live stream has it, and HTTP shows it");
  auto given = std::make_shared<options>();
  add_target(*command, *given);
  command->add_option("--rate", given->live.rate, "frames per second")
    ->check(CLI::Range(1.0, 1e5))
    ->capture_default_str();
  command->add_option("--seconds", given->live.seconds, "duration in seconds, of each way")
    ->check(CLI::Range(0.1, 3'600.0))
    ->capture_default_str();
  command
    ->add_option("--others", given->live.others,
                 "further machines that nobody watches, with 100 frames per second each")
    ->check(CLI::Range(0, 20'000))
    ->capture_default_str();
  command->footer("Node and gateways run with their default settings. stream_ms is the time from "
                  "the write of a frame to the client of the live stream; shown_ms is that to the "
                  "end of the first answer over HTTP that counts it; look_ms is that of one "
                  "answer.\nExamples:\n"
                  "  furrow bench live --database sqlite:live.db --others 1000 -o json");
  command->callback([&globals, &exit_code, given] {
    exit_code = code_of(with_database(globals, *given, [&](auto& database, auto& progress) {
      return bench::bench_live(database, given->live, progress);
    }));
  });
}

void add_failover(CLI::App& bench, const globals& globals, int& exit_code) {
  auto* command = bench.add_subcommand(
    "failover", "measure how long machines wait for acks when their node is killed, stands still "
                "or drains");
  auto given = std::make_shared<options>();
  auto& plan = given->failover;
  add_target(*command, *given);
  command->add_option("--nodes", plan.nodes, "number of nodes")
    ->check(CLI::Range(2, 16))
    ->capture_default_str();
  command->add_option("--machines", plan.machines, "number of simulated gateways")
    ->check(CLI::Range(1, 10'000))
    ->capture_default_str();
  command->add_option("--rate", plan.rate, "frames per second and machine")
    ->check(CLI::Range(1.0, 1e5))
    ->capture_default_str();
  command->add_option("--rounds", plan.rounds, "how often a node fails in each of the three ways")
    ->check(CLI::Range(1, 1'000))
    ->capture_default_str();
  command->footer("A round takes 3 s (kill, drain) or 8 s (stand still). The times are from the "
                  "last ack of the old session to the first ack of the next one.\nExamples:\n"
                  "  furrow bench failover --database postgresql://furrow@localhost/furrow\n"
                  "  furrow bench failover --database postgresql://furrow@localhost/furrow "
                  "--rounds 50 -o json");
  command->callback([&globals, &exit_code, given] {
    if (given->target.url.starts_with("sqlite:")) {
      exit_code =
        report({errc::usage, "bench failover needs postgresql://...: SQLite has one node"});
      return;
    }
    exit_code = code_of(with_database(globals, *given, [&](auto& database, auto& progress) {
      return bench::bench_failover(database, given->failover, progress);
    }));
  });
}

void add_decode_bench(CLI::App& bench, const globals& globals, int& exit_code) {
  auto* command =
    bench.add_subcommand("decode", "measure how many frames per second one core decodes");
  auto given = std::make_shared<options>();
  command->add_option("--seconds", given->decode_s, "CPU seconds for each part")
    ->check(CLI::Range(0.05, 600.0))
    ->capture_default_str();
  command->footer("Examples:\n"
                  "  furrow bench decode -o json");
  command->callback([&globals, &exit_code, given] {
    bench::progress progress;
    auto figures = bench::bench_decode(given->decode_s, progress);
    if (figures)
      figures->update(bench::surroundings(nullptr));
    exit_code = code_of(show(figures, globals));
  });
}

void add_all(CLI::App& bench, const globals& globals, int& exit_code) {
  auto* command =
    bench.add_subcommand("all", "run every benchmark, and measure how ingest grows with "
                                "machines, identifiers, rate and block size");
  auto given = std::make_shared<options>();
  add_target(*command, *given);
  command->add_flag("--quick", given->quick, "take about a quarter of the time");
  command->footer("Examples:\n"
                  "  furrow bench all --database postgresql://furrow@localhost/furrow -o json > "
                  "bench.json\n"
                  "  python3 tests/bench/plot.py bench.json docs/img");
  command->callback([&globals, &exit_code, given] {
    bench::progress progress;
    exit_code = code_of(show(bench::bench_all(given->target, given->quick, progress), globals));
  });
}

} // namespace

void add_bench(CLI::App& app, const globals& globals, int& exit_code) {
  auto* command = app.add_subcommand("bench", "measure the programs in the folder of furrow");
  command->require_subcommand(1);
  add_ingest(*command, globals, exit_code);
  add_query(*command, globals, exit_code);
  add_connections(*command, globals, exit_code);
  add_live(*command, globals, exit_code);
  add_failover(*command, globals, exit_code);
  add_decode_bench(*command, globals, exit_code);
  add_all(*command, globals, exit_code);
}

} // namespace furrow::cli
