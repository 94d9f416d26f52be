#include "tools/furrow-edge/command_line.hpp"

#include "can/records/kind.hpp"
#include "proto/text.hpp"
#include "proto/wire.hpp"
#include "tools/config/commands.hpp"
#include "tools/furrow-edge/edge_keys.hpp"
#include "tools/furrow-edge/run_command.hpp"
#include "tools/furrow-edge/source/record_lines.hpp"
#include "tools/furrow-edge/spool/spool_info.hpp"
#include "tools/logs/time_options.hpp"
#include "tools/manual/manual.hpp"

#include <cmath>
#include <csignal>
#include <cstdio>
#include <exception>
#include <iostream>
#include <random>

#include <CLI/CLI.hpp>

namespace furrow::edge {

namespace {

constexpr const char* software = "furrow-edge " FURROW_VERSION;

/// The command line before its values are checked.
struct arguments {
  std::vector<std::string> nodes;
  std::string equipment;
  std::string spool;
  std::string from;
  std::string records;
  std::string kind;
  std::string rate = "max";
  std::int64_t delay_ms = spooler::delay_default.count();
  std::optional<std::int64_t> pace_ms;
  furrow::logs::time_options times;
  std::string name;
  std::string token;
  std::string token_file;
  std::string log_format = "text";
  tls_files tls;
  bool use_tls = false;
  bool again = false;
  bool until_durable = false;
  bool accept_loss = false;
  std::optional<double> timeout_s;
  double retain_minutes = 15;
  std::uint64_t retain_mib = 64;
  std::optional<std::uint64_t> spool_max_mib;
  int verbose = 0;
  bool quiet = false;
  std::string info_spool;
  std::string info_format = "table";
};

void add_input(CLI::App& run, arguments& a) {
  run.add_option("--from", a.from,
                 "log file, - for standard input, or can:IF[,IF] for CAN interfaces; default: "
                 "send only the content of the spool");
  run.add_option("--records", a.records,
                 "file of records (sensor readings, yield samples ...), or - for standard input: "
                 "JSON lines, or CSV with a header line; also together with --from");
  run.add_option("--kind", a.kind,
                 "kind of all these records: " + furrow::can::record_kind_names()
                   + ", or a number below 16384 for a kind of your own");
  run.add_option("--rate", a.rate,
                 "speed of a log: max, or a multiple of its own speed (1x, 10x, 0.5x)");
  furrow::logs::add_time_options(run, a.times);
}

void add_credentials(CLI::App& run, arguments& a) {
  run.add_option("--name", a.name, "ISO 11783 NAME of the machine, 16 hexadecimal digits");
  run.add_option("--token", a.token, "credential; FURROW_TOKEN or --token-file is safer");
  run.add_option("--token-file", a.token_file, "file whose first line is the credential");
  run.add_flag("--tls", a.use_tls, "use TLS with the system's certificate authorities");
  run.add_option("--ca", a.tls.ca, "certificate authority of the nodes (PEM); implies --tls");
  run.add_option("--cert", a.tls.cert, "this gateway's certificate (PEM); implies --tls");
  run.add_option("--key", a.tls.key, "key of the certificate (PEM)");
}

void add_spool_limits(CLI::App& run, arguments& a) {
  run.add_option("--spool-max", a.spool_max_mib,
                 "size limit of the spool, in MiB of items; default: 8192, or half of the free "
                 "disk if that is less");
  run
    .add_option("--retain-minutes", a.retain_minutes,
                "longest time to keep durable items, in minutes")
    ->check(CLI::NonNegativeNumber);
  run.add_option("--retain", a.retain_mib, "most durable items to keep, in MiB");
  run
    .add_option("--delay-ms", a.delay_ms,
                "longest time that frames of standard input or of a bus wait for others before "
                "they are saved together and sent")
    ->capture_default_str()
    ->check(CLI::Range(1, 60'000));
  run
    .add_option("--pace-ms", a.pace_ms,
                "interval between two sendings to the node, in milliseconds; 0: at once; default: "
                "as the node says, from 10 on while people watch the machine, else 1000")
    ->check(CLI::Range(0, 10'000));
}

/// The flags of `run`, which `config` takes as well.
void add_run_flags(CLI::App& run, arguments& a) {
  run
    .add_option("--node", a.nodes,
                "HOST:PORT of a node; several are separated by commas or repeated")
    ->required()
    ->delimiter(',');
  run.add_option("--equipment", a.equipment, "name of the machine")->required();
  run.add_option("--spool", a.spool, "file that keeps items until they are durable")->required();
  add_input(run, a);
  run.add_flag(
    "--again", a.again,
    "read a file as new frames even if it was spooled, or stored from another spool, before");
  run.add_flag("--until-durable", a.until_durable, "end when everything in the spool is durable");
  run.add_option("--timeout", a.timeout_s, "give up after this many seconds (exit code 3 or 5)")
    ->check(CLI::PositiveNumber);
  add_credentials(run, a);
  add_spool_limits(run, a);
  run.add_flag("--accept-loss", a.accept_loss,
               "if a node needs items that are gone, send the rest as a new stream");
  run.add_flag("-v,--verbose", a.verbose, "log more");
  run.add_flag("-q,--quiet", a.quiet, "log only warnings and errors");
  run.add_option("--log-format", a.log_format, "how the log looks: text, logfmt or json")
    ->capture_default_str()
    ->check(CLI::IsMember({"text", "logfmt", "json"}));
  furrow::config::add_config_option(run, edge_program());
}

CLI::App& add_run(CLI::App& app, arguments& a) {
  auto& run = *app.add_subcommand(
    "run", "spool frames and records, and send them until a node has them durable");
  add_run_flags(run, a);
  run.footer(
    "examples:\n"
    "  furrow-edge run --node 127.0.0.1:7400 --equipment T1 --spool t1.spool \\\n"
    "      --from tractor.log --until-durable\n"
    "  furrow-edge run --node n1:7400,n2:7400 --equipment T1 --spool t1.spool \\\n"
    "      --from can:can0,can1 --ca gateway-ca.pem\n"
    "  candump -L can0 | furrow-edge run --node n1:7400 --equipment T1 --spool t1.spool --from -\n"
    "  furrow-edge run --node n1:7400 --equipment C1 --spool c1.spool --records day.csv \\\n"
    "      --kind yield --until-durable\n"
    "  echo "
    "'{\"kind\":\"sensor\",\"time\":\"2026-05-01T06:30:00Z\",\"sensor\":\"s1\",\"type\":\"soil\",'"
    "\\\n"
    "      '\"quantity\":\"moisture\",\"value\":23.5,\"unit\":\"%\"}' | \\\n"
    "    furrow-edge run --node n1:7400 --equipment F1 --spool f1.spool --records -\n"
    "day.csv begins with a line such as time,mass_flow_kgps,width_m,speed_mps,moisture_pct,crop;\n"
    "an invalid line is reported as FILE:LINE:COLUMN and goes to quarantine; the rest continues.\n"
    "settings: a flag beats the environment, the environment beats the files, and a file beats "
    "the\n"
    "default. The flag --token-file has the key token_file and the variable FURROW_TOKEN_FILE.\n"
    "signals: SIGTERM and SIGINT save what was read, and end. SIGHUP does the same when the "
    "terminal\n"
    "closes; without a terminal it reads configuration, certificates and token again.\n"
    "exit: 0 done or stopped, 1 failed, or more than 1 % of the lines could not be read, or the\n"
    "file is stored already, 2 command line or configuration, 3 cannot connect, 5 timed out");
  return run;
}

void add_spool(CLI::App& app, arguments& a) {
  auto& spool = *app.add_subcommand("spool", "show the content of a spool");
  spool.require_subcommand(1);
  auto& info = *spool.add_subcommand("info", "show what a spool holds; also while it is in use");
  info.add_option("SPOOL", a.info_spool, "file of the spool")->required();
  info.add_option("-o,--output", a.info_format, "table or json")
    ->check(CLI::IsMember({"table", "json"}));
}

failure usage(const std::string& detail) {
  return {errc::usage, detail};
}

/// 0 for max.
result<double> speed_of(const std::string& text) {
  if (text == "max")
    return 0.0;
  char* end = nullptr;
  const auto speed = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || std::string{end} != "x" || !std::isfinite(speed) || speed <= 0)
    return usage("--rate " + text + " is neither max nor a factor such as 1x");
  return speed;
}

result<std::optional<std::uint64_t>> name_of(const std::string& text) {
  if (text.empty())
    return std::optional<std::uint64_t>{};
  if (text.size() != 16 || text.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
    return usage("--name " + text + " is not 16 hexadecimal digits");
  return std::optional<std::uint64_t>{std::stoull(text, nullptr, 16)};
}

result<std::string> token_of(const arguments& a) {
  auto token = a.token; // also of FURROW_TOKEN and of the token file
  while (!token.empty() && (token.back() == '\r' || token.back() == ' '))
    token.pop_back();
  if (token.size() > furrow::proto::text_bytes_max || !furrow::proto::is_clean_text(token))
    return usage("the credential must be a text of at most "
                 + std::to_string(furrow::proto::text_bytes_max) + " bytes");
  return token;
}

result<run_options> options_of(const arguments& a) {
  run_options options;
  if (a.nodes.empty())
    return usage("--node: at least one node is expected");
  for (const auto& node : a.nodes)
    if (auto ok = parse_endpoint(node); !ok)
      return usage("--node: " + ok.error().detail);
  if (a.nodes.size() > furrow::proto::nodes_max)
    return usage("--node: at most " + std::to_string(furrow::proto::nodes_max) + " nodes");
  if (!furrow::proto::is_name(a.equipment))
    return usage("--equipment must be a name of 1 to "
                 + std::to_string(furrow::proto::name_bytes_max) + " bytes, without a slash");
  const auto speed = speed_of(a.rate);
  if (!speed)
    return speed.error();
  const auto name = name_of(a.name);
  if (!name)
    return name.error();
  const auto token = token_of(a);
  if (!token)
    return token.error();
  if (a.tls.cert.empty() != a.tls.key.empty())
    return usage("--cert and --key go together: give both, or neither");
  if (a.spool_max_mib == std::uint64_t{0} || a.spool_max_mib.value_or(1) > 1U << 24U
      || a.retain_mib > 1U << 24U)
    return usage("--spool-max and --retain are in MiB, --spool-max from 1 and both to 16777216");
  options.spool.path = a.spool;
  options.spool.equipment = a.equipment;
  if (a.spool_max_mib)
    options.spool.bytes_max = *a.spool_max_mib << 20U;
  options.spool.retain_bytes = a.retain_mib << 20U;
  options.spool.retain_time =
    std::chrono::seconds{static_cast<std::int64_t>(a.retain_minutes * 60)};
  options.uplink.equipment = a.equipment;
  options.uplink.token = *token;
  options.uplink.software = software;
  options.uplink.iso_name = *name;
  options.uplink.nodes = a.nodes;
  options.uplink.seed = std::random_device{}();
  options.uplink.accept_loss = a.accept_loss;
  if (a.use_tls || !a.tls.ca.empty() || !a.tls.cert.empty())
    options.tls = a.tls;
  options.from = a.from;
  options.records = a.records;
  options.record_kind = record_lines::kind_named(a.kind);
  if (!a.kind.empty() && !options.record_kind)
    return usage("--kind " + a.kind + " is not one of " + furrow::can::record_kind_names()
                 + ", and not the number of a kind of your own, below 16384");
  if (!a.kind.empty() && a.records.empty())
    return usage("--kind needs --records");
  if (a.records == "-" && a.from == "-")
    return usage("--from and --records cannot both be standard input");
  auto times = furrow::logs::times_of(a.times);
  if (!times)
    return usage(times.error().detail);
  options.times = std::move(*times);
  options.delay = std::chrono::milliseconds{a.delay_ms};
  if (a.pace_ms)
    options.uplink.interval = std::chrono::milliseconds{*a.pace_ms};
  options.again = a.again;
  options.speed = *speed;
  options.until_durable = a.until_durable;
  if (a.timeout_s)
    options.timeout = std::chrono::milliseconds{static_cast<std::int64_t>(*a.timeout_s * 1'000)};
  return options;
}

int show_spool(const arguments& a) {
  const auto summary = spool::inspect(a.info_spool);
  if (!summary) {
    std::fprintf(stderr, "furrow-edge: %s\n", summary.error().detail.c_str());
    return exit_failed;
  }
  const auto text =
    a.info_format == "json" ? spool_info_json(*summary) : spool_info_table(*summary);
  std::fputs(text.c_str(), stdout);
  return exit_ok;
}

/// The options with the values of all layers; a failure names the place of the wrong one.
result<fresh_options> options_in(CLI::App& flags, arguments& given, bool is_reload = false) {
  auto values = furrow::config::fill(flags, edge_program());
  if (!values)
    return usage(values.error().detail);
  if (is_reload)
    given.times.zone.clear(); // it is one of the process (TZ), which other threads read
  auto options = options_of(given);
  if (!options)
    return failure{options.code(), values->located(options.error().detail)};
  return fresh_options{std::move(*options), given.quiet ? 0 : 1 + given.verbose,
                       std::move(*values)};
}

/// The command line, parsed.
struct command_line {
  arguments given;
  CLI::App app{
    "Furrow's gateway: keeps the frames and records of a machine until a node has them durable"};
  CLI::App* run = nullptr;
  furrow::config::commands config;

  command_line() {
    app.set_version_flag("--version", software);
    app.require_subcommand(1);
    run = &add_run(app, given);
    add_spool(app, given);
    config = furrow::config::add_commands(app);
    add_run_flags(*config.config, given);
  }
  void parse(int argc, char** argv) {
    const furrow::config::required_later later{{run, config.config}};
    app.parse(argc, argv);
  }
};

int refuse(const failure& why) {
  std::fprintf(stderr, "furrow-edge: %s\n", why.detail.c_str());
  return why.code == errc::usage ? exit_usage : exit_failed;
}

int answer_config(command_line& line) {
  const auto& asked = line.config;
  if (asked.sample->parsed()) {
    std::cout << furrow::config::sample_of(*asked.config, edge_program());
    return exit_ok;
  }
  const auto fresh = options_in(*asked.config, line.given);
  if (!fresh)
    return refuse(usage(fresh.error().detail));
  if (asked.show->parsed()) {
    std::cout << furrow::config::shown(fresh->values, *asked.with_origin);
    return exit_ok;
  }
  if (fresh->options.tls)
    if (const auto tls = make_tls_context(*fresh->options.tls); !tls)
      return refuse(usage(tls.error().detail));
  for (const auto& warning : fresh->values.warnings)
    std::fprintf(stderr, "furrow-edge: warning: %s\n", warning.c_str());
  std::cout << furrow::config::ok_line(fresh->values);
  return exit_ok;
}

int start(int argc, char** argv) {
  command_line line;
  if (const auto written = furrow::manual::write_if_asked(
        line.app, {"furrow-edge", FURROW_VERSION, 1, "furrow(1), furrowd(8)"}, argc, argv))
    return *written;
  try {
    line.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return line.app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  if (line.app.got_subcommand("spool"))
    return show_spool(line.given);
  if (line.config.config->parsed())
    return answer_config(line);
  const auto first = options_in(*line.run, line.given);
  if (!first)
    return refuse(first.error());
  console out{first->verbosity, line.given.log_format, line.given.equipment};
  return run(*first, out, [argc, argv]() -> result<fresh_options> {
    command_line again;
    try {
      again.parse(argc, argv);
    } catch (const CLI::ParseError& error) { // it was parsed without an error at the start
      return usage(error.what());
    }
    return options_in(*again.run, again.given, true);
  });
}

} // namespace

int run_program(int argc, char** argv) {
  // A file that may not grow and a closed pipe are errors to handle, and must not end the program by a signal.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return start(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "furrow-edge: %s\n", error.what());
    return exit_failed;
  }
}

} // namespace furrow::edge
