#include "tools/furrow-sim/command_line.hpp"

#include "tools/furrow-edge/console.hpp"
#include "tools/furrow-sim/field_work.hpp"
#include "tools/furrow-sim/fleet.hpp"
#include "tools/furrow-sim/log_command.hpp"
#include "tools/manual/manual.hpp"

#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <optional>

#include <CLI/CLI.hpp>

namespace furrow::sim {

namespace {
using edge::exit_failed;
using edge::exit_ok;
using edge::exit_usage;

struct arguments {
  log_options log;
  std::uint32_t fields = 8;
  fleet_options fleet;
  furrow::edge::tls_files tls;
  bool use_tls = false;
  std::string token_file;
  std::string rate = "300";
  double timeout_s = 0;
  std::optional<std::uint32_t> flush_ms;
  std::string output = "text";
  int verbose = 0;
  bool quiet = false;
};

void add_log(CLI::App& app, arguments& a) {
  auto& log = *app.add_subcommand("log", "write simulated traffic as a candump log");
  log.add_option("--machines", a.log.machines, "number of machines, each on its own interface")
    ->check(CLI::Range(1, 256));
  log.add_option("--seconds", a.log.seconds, "seconds of a working day to simulate")
    ->check(CLI::Range(0.0, 1e7));
  log.add_option("--rate", a.log.rate, "frames per second and machine")
    ->check(CLI::Range(1.0, 1e5));
  log.add_option("--seed", a.log.seed, "seed; the same seed gives the same log");
  log.footer("example:\n  furrow-sim log --seconds 60 --seed 7 > tractor.log");
}

void add_fields(CLI::App& app, arguments& a) {
  auto& fields =
    *app.add_subcommand("fields", "write the fields of machines that are --at-work as GeoJSON");
  fields.add_option("--machines", a.fields, "number of machines")->check(CLI::Range(1, 1'000));
  fields.footer("example:\n  furrow-sim fields --machines 8 > fields.geojson\n"
                "  furrow field add fields.geojson");
}

void add_run(CLI::App& app, arguments& a) {
  auto& f = a.fleet;
  auto& run = *app.add_subcommand("run", "simulate gateways that send to nodes");
  run
    .add_option("--node", f.nodes,
                "HOST:PORT of a node; several are separated by commas or repeated")
    ->required()
    ->delimiter(',');
  run.add_option("--machines", f.machines, "number of machines, each with a gateway of its own")
    ->check(CLI::Range(1, 100'000));
  run.add_option("--rate", a.rate, "frames per second and machine, or max");
  run
    .add_option("--ids", f.ids,
                "number of identifiers on each machine's bus (default: a tractor's)")
    ->check(CLI::Range(1, 200));
  run.add_option("--block-frames", f.block_frames, "most frames in a block")
    ->check(CLI::Range(1, 4'096));
  run.add_option("--probe", f.probe,
                 "file for the numbers of the first machine's blocks, and when each was sent");
  run.add_option("--frames", f.frames, "number of frames of each machine")
    ->check(CLI::Range(1ULL, 1ULL << 50U));
  run.add_option("--seconds", f.seconds, "how long to send, in seconds")
    ->check(CLI::Range(0.001, 1e7));
  run.add_option("--prefix", f.prefix, "prefix of the machines' names");
  run.add_option("--seed", f.seed, "seed of the traffic and the faults");
  run.add_option("--window", f.window_frames, "most frames of a machine that are not durable")
    ->check(CLI::Range(1ULL, 1ULL << 32U));
  run
    .add_option("--flush-ms", a.flush_ms,
                "interval between two blocks, in milliseconds; default: as the nodes say, and 100 "
                "with nodes that say nothing")
    ->check(CLI::Range(1, 60'000));
  run.add_flag("--at-work", f.at_work,
               "machines work in fields of their own, with implements, sections, faults and "
               "yields; see furrow-sim fields");
  run
    .add_option("--since", f.since_s,
                "with --at-work: begin this many seconds ago, and catch up with the clock")
    ->check(CLI::Range(0.0, 86'400.0));
  run.add_flag("--when-connected", f.when_connected,
               "begin when every machine is connected, and print a line then");
  run.add_flag("--until-durable", f.until_durable, "end when everything is durable");
  run.add_option("--timeout", a.timeout_s, "give up after this many seconds (exit code 3 or 5)")
    ->check(CLI::PositiveNumber);
  run.add_option("--token", f.token, "credential; FURROW_TOKEN is safer");
  run.add_option("--token-file", a.token_file, "file whose first line is the credential");
  run.add_flag("--tls", a.use_tls, "use TLS with the system's certificate authorities");
  run.add_option("--ca", a.tls.ca, "certificate authority of the nodes (PEM); implies --tls");
  run.add_option("--cert", a.tls.cert, "certificate (PEM); implies --tls");
  run.add_option("--key", a.tls.key, "key of the certificate (PEM)");
  run.add_option("-o,--output", a.output, "text (default) or json")
    ->check(CLI::IsMember({"text", "json"}));
  run
    .add_option("--disconnect-every", f.disconnect_every_s,
                "cut each machine's connection after this many seconds, on average")
    ->check(CLI::PositiveNumber);
  run.add_flag("--duplicate", f.duplicate, "send one batch in ten twice");
  run.add_flag("--bad-bytes", f.bad_bytes, "let another client send invalid bytes");
  run.add_flag("-v,--verbose", a.verbose, "log more");
  run.add_flag("-q,--quiet", a.quiet, "log only warnings and errors");
  run.footer("examples:\n"
             "  furrow-sim run --node 127.0.0.1:7400 --machines 3 --seconds 60 --until-durable\n"
             "  furrow-sim run --node 127.0.0.1:7400 --machines 8 --rate max --frames 1000000 \\\n"
             "      --until-durable -o json\n"
             "exit: 0 done, 1 failed, 2 usage, 3 cannot connect, 5 timed out");
}

/// Returns what is wrong with the command line; empty if nothing is.
std::string complete(arguments& a) {
  auto& f = a.fleet;
  for (const auto& node : f.nodes)
    if (auto ok = furrow::edge::parse_endpoint(node); !ok)
      return "--node: " + ok.error().detail;
  char* end = nullptr;
  f.rate = a.rate == "max" ? 0 : std::strtod(a.rate.c_str(), &end);
  if (end && (*end != '\0' || !std::isfinite(f.rate) || f.rate < 0.1 || f.rate > 1e6))
    return "--rate " + a.rate + " is neither max nor a number of frames from 0.1 to 1e6";
  if (f.frames == 0 && f.seconds == 0)
    return "give --frames or --seconds";
  if (f.since_s > 0 && (!f.at_work || f.rate <= 0))
    return "--since needs --at-work and a --rate of frames a second";
  if (f.at_work && f.ids > 0)
    return "--at-work and --ids exclude each other";
  if (f.prefix.size() > 50 || !furrow::proto::is_clean_text(f.prefix))
    return "--prefix must be a text of at most 50 bytes";
  if (a.tls.cert.empty() != a.tls.key.empty())
    return "--cert and --key go together: give both, or neither";
  if (!a.token_file.empty()) {
    std::ifstream in{a.token_file};
    if (!std::getline(in, f.token) || f.token.empty())
      return "--token-file " + a.token_file + ": cannot be read, or its first line is empty";
  }
  if (const char* token = std::getenv("FURROW_TOKEN"); f.token.empty() && token != nullptr)
    f.token = token;
  if (f.token.size() > furrow::proto::text_bytes_max || !furrow::proto::is_clean_text(f.token))
    return "the credential must be a text of at most 1024 bytes";
  if (a.use_tls || !a.tls.ca.empty() || !a.tls.cert.empty())
    f.tls = a.tls;
  if (a.timeout_s > 0)
    f.timeout = std::chrono::milliseconds{static_cast<std::int64_t>(a.timeout_s * 1'000)};
  if (a.flush_ms)
    f.flush_interval = std::chrono::milliseconds{*a.flush_ms};
  f.follows_pace = !a.flush_ms && f.rate > 0;
  f.json = a.output == "json";
  return {};
}

int start(int argc, char** argv) {
  CLI::App app{"Furrow's fleet simulator: realistic tractors, and faults"};
  app.set_version_flag("--version", "furrow-sim " FURROW_VERSION);
  app.require_subcommand(1);
  arguments given;
  add_log(app, given);
  add_fields(app, given);
  add_run(app, given);
  if (const auto written = furrow::manual::write_if_asked(
        app, {"furrow-sim", FURROW_VERSION, 1, "furrow(1), furrow-edge(1), furrowd(8)"}, argc,
        argv))
    return *written;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  if (app.got_subcommand("log")) {
    if (write_log(given.log, stdout) || errno == EPIPE)
      return exit_ok;
    std::fprintf(stderr, "furrow-sim: cannot write: %s\n", std::strerror(errno));
    return exit_failed;
  }
  if (app.got_subcommand("fields"))
    return std::fputs(fields_geojson(given.fields).c_str(), stdout) < 0 ? exit_failed : exit_ok;
  if (const auto wrong = complete(given); !wrong.empty()) {
    std::fprintf(stderr, "furrow-sim: %s\n", wrong.c_str());
    return exit_usage;
  }
  furrow::edge::console output{given.quiet ? 0 : 1 + given.verbose, "text"};
  return run_fleet(given.fleet);
}

} // namespace

int run_program(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return start(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "furrow-sim: %s\n", error.what());
    return exit_failed;
  }
}

} // namespace furrow::sim
