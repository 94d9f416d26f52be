#include "tools/furrow/bench/rig.hpp"

#include "tools/furrow/bench/row_store.hpp"
#include "tools/furrow/bench/stream_viewers.hpp"
#include "tools/furrow/bench/viewers.hpp"
#include "tools/furrow/bench/visible.hpp"

#include <fmt/format.h>

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace furrow::cli::bench {

namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto start_patience = 30s;
constexpr auto run_patience = 900s;
constexpr const char* first_machine = "SIM-0001";

double seconds_since(clock::time_point begun) {
  return std::chrono::duration<double>(clock::now() - begun).count();
}

result<std::string> make_certificate(const scratch& folder) {
  auto openssl =
    child::start({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                  "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                  folder.file("key.pem"), "-out", folder.file("cert.pem")},
                 folder.file("openssl.log"));
  if (!openssl)
    return openssl.error();
  const auto begun = clock::now();
  auto code = openssl->ended();
  while (!code && seconds_since(begun) < 20) {
    std::this_thread::sleep_for(5ms);
    code = openssl->ended();
  }
  if (code != 0)
    return failure{errc::failed, "the openssl program cannot make a certificate for --tls: "
                                   + openssl->last_line()};
  return folder.file("cert.pem");
}

std::vector<std::string>
node_words(const std::string& program, const node_settings& settings, const scratch& folder) {
  std::vector<std::string> words{program,       "--listen",    settings.listen, "--http",
                                 "127.0.0.1:0", "--log-level", "warn"};
  if (!settings.name.empty())
    words.insert(words.end(), {"--node", settings.name});
  words.insert(words.end(), settings.others.begin(), settings.others.end());
  const auto add = [&words](const char* flag, std::uint32_t value) {
    if (value > 0)
      words.insert(words.end(), {flag, std::to_string(value)});
  };
  add("--flush-ms", settings.flush_ms);
  add("--lanes", settings.lanes);
  add("--budget", settings.budget_mib);
  if (settings.tls)
    words.insert(words.end(),
                 {"--tls-cert", folder.file("cert.pem"), "--tls-key", folder.file("key.pem")});
  return words;
}

json settings_of(const ingest_plan& plan) {
  return {{"machines", plan.machines},
          {"ids", plan.ids},
          {"rate", plan.rate > 0 ? json(plan.rate) : json("max")},
          {"block_frames", plan.block_frames > 0 ? json(plan.block_frames) : json(nullptr)},
          {"send_ms", plan.send_ms > 0 ? json(plan.send_ms) : json(nullptr)},
          {"flush_ms", plan.node.flush_ms > 0 ? json(plan.node.flush_ms) : json(nullptr)},
          {"lanes", plan.node.lanes > 0 ? json(plan.node.lanes) : json(nullptr)},
          {"budget_mib", plan.node.budget_mib > 0 ? json(plan.node.budget_mib) : json(nullptr)},
          {"tls", plan.node.tls},
          {"viewers", plan.viewers},
          {"look_at", plan.one_machine_each ? "machine" : "fleet"},
          {"stream_clients", plan.stream_clients}};
}

json in_ms(const json& latency_us) {
  json out;
  for (const auto* which : {"p50", "p99", "max"})
    out[which] = rounded(latency_us.at(which).get<double>() / 1e3);
  return out;
}

/// Each client has a socket.
result<done> allow_sockets(std::uint32_t clients) {
  constexpr rlim_t own = 100;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= clients + own)
    return done{};
  limit.rlim_cur = std::min<rlim_t>(clients + own, limit.rlim_max);
  if (limit.rlim_cur < clients + own || ::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return failure{errc::failed,
                   fmt::format("{} clients need as many open files; ulimit -n allows {}", clients,
                               limit.rlim_max)};
  return done{};
}

/// State of the node and the database before the fleet starts.
struct before {
  std::optional<int> server;
  double node_cpu_s = 0;
  std::map<std::string, double> thread_cpu_s;
  std::optional<double> server_cpu_s;
  std::uint64_t wal = 0;
};

/// What one machine costs in one second: of the fleet's time when it sends at a rate, else of the run's.
json machine_second(const ingest_plan& plan,
                    double frames,
                    double seconds,
                    double node_cpu_s,
                    const std::optional<double>& server_cpu_s) {
  const auto machine_seconds = plan.rate > 0 ? frames / plan.rate : plan.machines * seconds;
  const auto to_us = [machine_seconds](double cpu_s) {
    return std::round(cpu_s / machine_seconds * 1e7) / 10;
  };
  json out{{"node", to_us(node_cpu_s)}, {"server", nullptr}};
  if (server_cpu_s)
    out["server"] = to_us(*server_cpu_s);
  return out;
}

/// Of the node's threads, by their names (docs/performance.md).
json thread_cpu(const running_node& node, const before& then) {
  json out = json::object();
  for (const auto& [name, cpu_s] : node.process().thread_cpu_s()) {
    const auto found = then.thread_cpu_s.find(name);
    out[name] = rounded(cpu_s - (found == then.thread_cpu_s.end() ? 0 : found->second));
  }
  return out;
}

result<json> figures(storage::bench_database& database,
                     const ingest_plan& plan,
                     running_node& node,
                     const before& then,
                     const json& fleet,
                     double generator_cpu_s) {
  const auto node_cpu_s = node.process().cpu_s() - then.node_cpu_s;
  const auto server_cpu_s = family_cpu_s(then.server);
  const auto wal = database.wal_position();
  const auto tables = database.tables();
  if (!wal || !tables)
    return as_failure(wal ? tables.error() : wal.error());
  const auto frames = fleet.at("durable").get<std::uint64_t>();
  if (frames == 0)
    return failure{errc::failed, "nothing became durable in time (allow more time)"};
  if (tables->lost != 0 || tables->doubled != 0 || tables->frames < frames)
    return failure{errc::failed,
                   fmt::format("the ledger is not clean: {} sent and acked, {} stored, {} lost, {} "
                               "doubled; this run gives no figures: please report the fault",
                               frames, tables->frames, tables->lost, tables->doubled)};
  const auto count = static_cast<double>(tables->frames);
  const auto seconds = fleet.at("seconds").get<double>();
  const auto held = node.process().held();
  json out{{"frames", frames},
           {"seconds", rounded(seconds)},
           {"frames_per_second", std::round(static_cast<double>(frames) / seconds)},
           {"connect_seconds", rounded(fleet.at("connect_seconds").get<double>())},
           {"ack_ms", in_ms(fleet.at("ack_latency_us"))},
           {"cpu_seconds",
            {{"node", rounded(node_cpu_s)},
             {"server", or_null(then.server_cpu_s, server_cpu_s)},
             {"generator", rounded(generator_cpu_s)}}},
           {"thread_cpu_seconds", thread_cpu(node, then)},
           {"cpu_ns_per_frame", {{"node", std::round(node_cpu_s / count * 1e9)}}},
           {"node_rss_bytes", held.resident_bytes},
           {"node_rss_peak_bytes", held.peak_bytes},
           {"node_threads", node.process().threads()},
           {"node_start_ms", rounded(node.start_ms())},
           {"blocks", tables->blocks},
           {"frames_per_block", rounded(count / static_cast<double>(tables->blocks))},
           {"bytes_per_frame", rounded(static_cast<double>(tables->disk_bytes) / count)},
           {"wal_bytes_per_frame", rounded(static_cast<double>(*wal - then.wal) / count)},
           {"rewinds", fleet.at("rewinds")},
           {"lost", tables->lost},
           {"doubled", tables->doubled}};
  std::optional<double> server_took;
  if (then.server_cpu_s && server_cpu_s)
    server_took = *server_cpu_s - *then.server_cpu_s;
  if (server_took)
    out["cpu_ns_per_frame"]["server"] = std::round(*server_took / count * 1e9);
  out["cpu_us_per_machine_second"] = machine_second(plan, count, seconds, node_cpu_s, server_took);
  return out;
}

/// The CPU of node and server, as a multiple of what `rows` cost; null where the server's is unknown.
json cpu_to_rows(const json& whole, const json& rows) {
  const auto& own = whole.at("cpu_us_per_machine_second");
  const auto& other = rows.at("cpu_us_per_machine_second");
  if (own.at("server").is_null() || other.at("server").is_null())
    return nullptr;
  const auto sum = [](const json& cpu, const char* first) {
    return cpu.at(first).get<double>() + cpu.at("server").get<double>();
  };
  return rounded(sum(own, "node") / sum(other, "client"));
}

/// Adds to `whole` what the same frames cost as rows.
result<done> compare_with_rows(storage::bench_database& database,
                               const ingest_plan& plan,
                               progress& progress,
                               json& whole) {
  if (plan.baseline_rows == 0)
    return done{};
  progress.say("baseline: rows by COPY");
  const auto rows = rows_at_once(database, plan);
  if (!rows)
    return rows.error();
  whole["baseline"] = *rows;
  if (!rows->is_null()) {
    const auto speed = rows->at("rows_per_second").get<double>();
    whole["copy_rows_per_second"] = speed;
    whole["ratio"] = rounded(whole.at("frames_per_second").get<double>() / speed);
  }
  if (plan.rate <= 0 || plan.seconds <= 0)
    return done{};
  auto paced = rows_at_rate(database, plan, progress);
  if (!paced)
    return paced.error();
  if (!paced->is_null())
    whole["cpu_to_rows_every_second"] = cpu_to_rows(whole, paced->back());
  whole["rows_at_rate"] = std::move(*paced);
  return done{};
}

std::string first_value(const char* file, const std::string& name) {
  std::ifstream in{file};
  for (std::string line; std::getline(in, line);)
    if (line.compare(0, name.size(), name) == 0) {
      const auto from = line.find_first_not_of(" \t:", name.size());
      return from == std::string::npos ? "" : line.substr(from);
    }
  return {};
}

} // namespace

double rounded(double value) {
  return std::round(value * 1e3) / 1e3;
}

json or_null(const std::optional<double>& before, const std::optional<double>& after) {
  return before && after ? json(rounded(*after - *before)) : json(nullptr);
}

failure as_failure(const storage::failure& why) {
  return {why.code == storage::errc::retry_later ? errc::cannot_connect : errc::failed, why.detail};
}

progress::progress() : terminal_{::isatty(STDERR_FILENO) == 1} {}

progress::~progress() {
  if (terminal_)
    fmt::print(stderr, "\r\033[K");
}

void progress::say(const std::string& text) {
  constexpr auto pause = 100ms;
  if (!terminal_ || clock::now() - last_ < pause)
    return;
  last_ = clock::now();
  fmt::print(stderr, "\r\033[K{}", text);
  (void)std::fflush(stderr);
}

result<std::unique_ptr<storage::bench_database>> make_database(const target& target) {
  auto made = storage::make_bench_database(target.url, target.forced);
  if (!made)
    return failure{as_failure(made.error()).code,
                   fmt::format("{}: {}", storage::redacted(target.url), made.error().detail)};
  return std::move(*made);
}

result<running_node> running_node::start(const std::string& database,
                                         const node_settings& settings,
                                         const scratch& folder) {
  const auto program = program_beside("furrowd");
  if (!program)
    return program.error();
  std::string authority;
  if (settings.tls) {
    auto made = make_certificate(folder);
    if (!made)
      return made.error();
    authority = *made;
  }
  const auto log = folder.file("node.log");
  std::remove(log.c_str());
  const auto begun = clock::now();
  auto process = child::start(node_words(*program, settings, folder), log,
                              {{"FURROW_DATABASE", database}, {"FURROW_CONFIG", "/dev/null"}});
  if (!process)
    return process.error();
  constexpr std::string_view ready = "ready gateway=";
  while (seconds_since(begun) < std::chrono::duration<double>(start_patience).count()) {
    const auto said = process->output();
    const auto at = said.find(ready);
    if (at != std::string::npos && said.find('\n', at) != std::string::npos) {
      const auto from = at + ready.size();
      const auto http = said.find("http=", from) + 5;
      return running_node{std::move(*process), said.substr(from, said.find(' ', from) - from),
                          "http://" + said.substr(http, said.find_first_of(" \n", http) - http),
                          seconds_since(begun) * 1e3, authority};
    }
    if (const auto code = process->ended())
      return failure{errc::failed,
                     fmt::format("furrowd ended with {}: {}", *code, process->last_line())};
    std::this_thread::sleep_for(2ms);
  }
  return failure{errc::timed_out, "furrowd was not ready in time: " + process->last_line()};
}

std::vector<std::string> running_node::sim_flags() const {
  std::vector<std::string> flags{"--node", address_};
  if (!authority_.empty())
    flags.insert(flags.end(), {"--ca", authority_});
  return flags;
}

result<json> run_fleet(running_node& node,
                       const ingest_plan& plan,
                       const scratch& folder,
                       const child::environment& more,
                       double& cpu_s,
                       const std::function<void()>& begun,
                       const std::function<void()>& meanwhile) {
  const auto program = program_beside("furrow-sim");
  if (!program)
    return program.error();
  std::vector<std::string> words{*program,          "run", "-q", "-o", "json", "--until-durable",
                                 "--when-connected"};
  for (const auto& flag : node.sim_flags())
    words.push_back(flag);
  const auto add = [&words](const char* flag, const std::string& value) {
    words.insert(words.end(), {flag, value});
  };
  add("--machines", std::to_string(plan.machines));
  if (plan.ids > 0)
    add("--ids", std::to_string(plan.ids));
  add("--rate", plan.rate > 0 ? fmt::format("{}", plan.rate) : "max");
  if (plan.frames > 0)
    add("--frames", std::to_string((plan.frames + plan.machines - 1) / plan.machines));
  if (plan.seconds > 0)
    add("--seconds", fmt::format("{}", plan.seconds));
  if (plan.block_frames > 0)
    add("--block-frames", std::to_string(plan.block_frames));
  if (plan.send_ms > 0)
    add("--flush-ms", std::to_string(plan.send_ms));
  add("--timeout", std::to_string(std::chrono::seconds{run_patience}.count()));
  add("--probe", folder.file("sent"));
  const auto log = folder.file("fleet.log");
  std::remove(log.c_str());
  auto fleet = child::start(words, log, more);
  if (!fleet)
    return fleet.error();
  auto code = fleet->ended();
  bool connected = false;
  for (; !code; code = fleet->ended()) {
    if (node.process().ended())
      return failure{errc::failed, "furrowd has ended: " + node.process().last_line()};
    if (!connected && fleet->output().find("connected\n") != std::string::npos) {
      connected = true;
      begun();
    }
    if (connected)
      meanwhile();
    std::this_thread::sleep_for(10ms);
  }
  if (!connected)
    begun(); // it ended before the first check
  cpu_s = fleet->cpu_s();
  if (*code != 0)
    return failure{errc::failed,
                   fmt::format("furrow-sim ended with {}: {}", *code, fleet->last_line())};
  auto report = json::parse(fleet->last_line(), nullptr, false);
  if (report.is_discarded())
    return failure{errc::failed, "furrow-sim did not report: " + fleet->last_line()};
  return report;
}

result<json>
run_ingest(storage::bench_database& database, const ingest_plan& plan, progress& progress) {
  const scratch folder;
  auto node = running_node::start(database.url(), plan.node, folder);
  if (!node)
    return node.error();
  before then;
  then.server = database.server_process();
  visible_watch watch{database, first_machine};
  const auto share = plan.frames / plan.machines;
  double generator_cpu_s = 0;
  std::optional<viewers> watching;
  std::optional<stream_viewers> streaming;
  std::vector<std::string> looked_at;
  if (plan.one_machine_each)
    for (std::uint32_t i = 1; i <= plan.machines; ++i)
      looked_at.push_back(fmt::format("SIM-{:04}", i));
  if (const auto sockets = allow_sockets(plan.viewers + plan.stream_clients); !sockets)
    return sockets.error();
  // Connecting and claiming are not part of ingest; `bench connections` measures their cost.
  const auto begun = [&] {
    if (plan.viewers > 0)
      watching.emplace(plan.viewers, node->http_url(), looked_at);
    if (plan.stream_clients > 0)
      streaming.emplace(plan.stream_clients, node->http_url(), first_machine, looked_at);
    const auto wal = database.wal_position();
    then.wal = wal ? *wal : 0;
    then.node_cpu_s = node->process().cpu_s();
    then.thread_cpu_s = node->process().thread_cpu_s();
    then.server_cpu_s = family_cpu_s(then.server);
  };
  auto fleet = run_fleet(*node, plan, folder, {}, generator_cpu_s, begun, [&] {
    watch.look();
    progress.say(share > 0 ? fmt::format("ingest: {} %", watch.seen() * 100 / share)
                           : fmt::format("ingest: {} of each machine", watch.seen()));
  });
  if (watching)
    watching->stop();
  if (streaming)
    streaming->stop();
  if (!fleet)
    return fleet.error();
  watch.look();
  auto out = figures(database, plan, *node, then, *fleet, generator_cpu_s);
  if (!out)
    return out;
  (*out)["visible_ms"] = watch.latencies_ms(folder.file("sent"));
  if (watching)
    (*out)["viewers"] = watching->figures();
  if (streaming)
    (*out)["stream"] = streaming->figures(folder.file("sent"));
  (void)node->process().end(10s);
  json whole{{"benchmark", "ingest"}, {"plan", settings_of(plan)}};
  whole.update(*out);
  const auto compared = compare_with_rows(database, plan, progress, whole);
  if (!compared)
    return compared.error();
  return whole;
}

json surroundings(storage::bench_database* database) {
  utsname system{};
  ::uname(&system);
  json out{{"furrow", FURROW_VERSION},
           {"machine",
            {{"processors", std::thread::hardware_concurrency()},
             {"model", first_value("/proc/cpuinfo", "model name")},
             {"memory", first_value("/proc/meminfo", "MemTotal")},
             {"load_before", first_value("/proc/loadavg", "")},
             {"kernel", system.release}}}};
#ifdef NDEBUG
  out["build"] = "release";
#else
  out["build"] = "debug";
#endif
  if (database != nullptr)
    for (const auto& [name, value] : database->settings())
      out["database"][name] = value;
  return out;
}

} // namespace furrow::cli::bench
