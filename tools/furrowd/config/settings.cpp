#include "tools/furrowd/config/settings.hpp"

#include "actors/log/log.hpp"
#include "tools/furrowd/config/database_settings.hpp"
#include "tools/furrowd/gateway/listener.hpp"

#include <cstdlib>
#include <iostream>
#include <thread>

#include <CLI/CLI.hpp>

namespace furrow::daemon {

namespace {

constexpr int usage_error = 2;

constexpr const char* examples = R"(
Examples:
  furrowd                                            a node on the SQLite file ./furrow.db, for this machine only
  furrowd --database postgresql://furrow@db/furrow   on PostgreSQL; put the password in ~/.pgpass or PGPASSWORD
  furrowd --listen 0.0.0.0:7400 --http 0.0.0.0:7480 --tls-cert node.pem --tls-key node.key --tokens tokens.toml
                                                     for other machines, which requires TLS and tokens
Signals: SIGTERM and SIGINT drain the node: it accepts no new session, makes received items durable and exits with 0.
         A second signal ends it at once. SIGHUP does the same when a terminal closes; a service ignores it.
Exit codes: 0 ok, 1 failed, 2 invalid command line, 70 the actor system gave up, 75 the cluster or another process
            of the same name has taken the lease of this node.)";

/// What most nodes set.
void add_main_flags(CLI::App& app, settings& out) {
  app.add_option("--node", out.node.name, "name of this node in logs, HTTP and the database")
    ->capture_default_str()
    ->check(CLI::Validator{[](std::string& name) {
                             return name.empty() || name.size() > 63
                                      ? std::string{"1 to 63 characters are expected"}
                                      : "";
                           },
                           "NAME"});
  app.add_option("--database", out.database, "database: postgresql://... or sqlite:PATH")
    ->envname("FURROW_DATABASE")
    ->capture_default_str();
  app
    .add_option("--listen", out.listen, "address for gateways, HOST:PORT; port 0 picks a free port")
    ->capture_default_str();
  app.add_option("--http", out.http, "address for HTTP, HOST:PORT; port 0 picks a free port")
    ->capture_default_str();
  app
    .add_option(
      "--http-connections", out.http_connections,
      "most HTTP connections at once; at the limit the one that is idle longest is closed")
    ->capture_default_str()
    ->check(CLI::Range(16, 100'000));
  app
    .add_option(
      "--advertise", out.advertise,
      "HOST:PORT at which gateways reach this node, where --listen does not say it; repeat "
      "for more. Gateways learn the addresses of all nodes of the database. On SQLite: any "
      "nodes that gateways may use")
    ->delimiter(',');
  app.add_option("--tls-cert", out.tls.certificate,
                 "PEM file: certificate with its chain, for both listeners");
  app.add_option("--tls-key", out.tls.key, "PEM file: key of the certificate, not encrypted");
  app.add_option("--tls-client-ca", out.tls.client_authorities,
                 "PEM file: authorities; a gateway must present a certificate of one of them");
  app.add_option("--tokens", out.tokens, "TOML file of tokens (`furrow token new` makes entries)");
  app
    .add_option(
      "--log-level", out.log_level,
      "lowest level that is logged: debug, info, warn, error or critical; then, for single "
      "modules, MODULE=LEVEL: info,gateway=debug,store=warn")
    ->capture_default_str()
    ->check(CLI::Validator{
      [](std::string& text) { return log::fault_of_levels(text).value_or(""); }, "LEVELS"});
  app
    .add_option("--log-format", out.log_format,
                "how the log on standard error looks: text, logfmt or json")
    ->capture_default_str()
    ->check(CLI::IsMember({"text", "logfmt", "json"}));
}

/// What few nodes set.
void add_work_flags(CLI::App& app,
                    settings& out,
                    std::uint64_t& budget_mib,
                    std::uint64_t& flush_ms,
                    std::int64_t& seal_min,
                    std::int64_t& care_min,
                    std::uint64_t& drain_s) {
  app.option_defaults()->group("Work of the node");
  app.add_flag("!--no-migrate", out.migrate, "do not upgrade the schema at start");
  app
    .add_option(
      "--lanes", out.node.lanes,
      "number of lanes: pairs of aggregator and writer, each with one database connection")
    ->capture_default_str()
    ->check(CLI::Range(1, 16));
  app
    .add_option("--budget", budget_mib,
                "memory for items that are received and not yet durable, over all sessions, in MiB")
    ->capture_default_str()
    ->check(CLI::Range(16, 65'536));
  app
    .add_option(
      "--flush-ms", flush_ms,
      "longest time that a frame waits before the node sends it to the database, in milliseconds")
    ->capture_default_str()
    ->check(CLI::Range(1, 10'000));
  app
    .add_option("--seal-after", seal_min,
                "minutes after which frames that do not fill a chunk are sealed (PostgreSQL); 0: "
                "this node does not seal")
    ->capture_default_str()
    ->check(CLI::Range(0, 10'080));
  app
    .add_option("--care-interval", care_min,
                "interval between checks for partitions to make and expired data to delete, in "
                "minutes; 0: leave both to other nodes")
    ->capture_default_str()
    ->check(CLI::Range(0, 1'440));
  app.add_option("--drain", drain_s, "longest drain after SIGTERM, in seconds")
    ->capture_default_str()
    ->check(CLI::Range(1, 600));
}

/// The settings of the cache as the command line gives them.
struct cache_flags {
  std::int64_t ttl_ms = 1'000;
  std::string redis;
};

void add_cache_flags(CLI::App& app, cache_flags& flags) {
  app
    .add_option("--cache-ms", flags.ttl_ms,
                "oldest age of the machine list and of a farm's ledger over HTTP, in milliseconds; "
                "0: no caching")
    ->capture_default_str()
    ->check(CLI::Range(0, 3'600'000));
  app
    .add_option("--redis", flags.redis,
                "redis://[:PASSWORD@]HOST[:PORT][/DATABASE]: nodes share their cached answers; use "
                "one Redis database per cluster")
    ->envname("FURROW_REDIS");
}

/// Copies the settings of the cache. False when one is invalid; the error is printed.
bool take(const cache_flags& flags, settings& out) {
  out.cache.ttl = std::chrono::milliseconds{flags.ttl_ms};
  if (flags.redis.empty())
    return true;
  const auto redis = http::parse_redis_url(flags.redis);
  if (!redis) {
    std::cerr << "furrowd: --redis: " << redis.error().detail << '\n';
    return false;
  }
  out.redis = *redis;
  return true;
}

/// The settings of the digest as the command line gives them.
struct digest_flags {
  std::string on = "on";
  std::uint64_t interval_s = 10;
  std::uint64_t telemetry_ms = 1'000;
};

void add_digest_flags(CLI::App& app, settings& out, digest_flags& flags) {
  app
    .add_option("--digest", flags.on,
                "on: make rollups and telemetry from stored frames; off: leave that to other nodes")
    ->capture_default_str()
    ->check(CLI::IsMember({"on", "off"}));
  app
    .add_option("--digest-interval", flags.interval_s,
                "how often the digest looks for new frames, in seconds")
    ->capture_default_str()
    ->check(CLI::Range(1, 3'600));
  app
    .add_option(
      "--digest-duty", out.node.digest.duty_pct,
      "largest share of the time that the digest is busy while it catches up, in per cent")
    ->capture_default_str()
    ->check(CLI::Range(1, 100));
  app
    .add_option("--telemetry-ms", flags.telemetry_ms,
                "interval between telemetry rows of one machine, in milliseconds")
    ->capture_default_str()
    ->check(CLI::Range(100, 60'000));
}

void add_link_flags(CLI::App& app, settings& out) {
  app.add_option("--link", out.link,
                 "address for the other nodes of the cluster, HOST:PORT; without it this node "
                 "answers for itself alone");
  app.add_option("--link-ca", out.link_tls.authority,
                 "PEM file: the authority of the cluster; it signs nodes and nothing else");
  app.add_option("--link-cert", out.link_tls.certificate,
                 "PEM file: certificate of this node with its chain; it names the node (DNS name), "
                 "for server and client");
  app.add_option("--link-key", out.link_tls.key, "PEM file: key of the certificate, not encrypted");
  app
    .add_option("--link-peer", out.link_peers,
                "NAME=HOST:PORT of another node, where no database tells; repeat for more")
    ->delimiter(',');
}

/// An error line when the flags of the link do not fit together.
std::optional<std::string> invalid_link(const settings& given) {
  const auto& files = given.link_tls;
  const bool whole = !files.authority.empty() && !files.certificate.empty() && !files.key.empty();
  const bool none = files.authority.empty() && files.certificate.empty() && files.key.empty();
  if (given.link.empty())
    return none && given.link_peers.empty()
             ? std::nullopt
             : std::optional<std::string>{
               "--link-ca, --link-cert, --link-key and --link-peer need --link"};
  if (!whole)
    return "--link needs --link-ca, --link-cert and --link-key";
  if (const auto sound = check_address(given.link); !sound)
    return "--link: " + sound.error().detail;
  for (const auto& one : given.link_peers) {
    const auto equals = one.find('=');
    if (equals == 0 || equals == std::string::npos)
      return "--link-peer: '" + one + "' is not NAME=HOST:PORT";
    if (const auto sound = check_address(one.substr(equals + 1)); !sound)
      return "--link-peer: " + sound.error().detail;
  }
  return std::nullopt;
}

/// An error line when an option has a value that can be seen to be invalid here, before anything is opened.
std::optional<std::string> invalid_value(const settings& given) {
  for (const auto& [flag, address] :
       {std::pair{"--listen", &given.listen}, std::pair{"--http", &given.http}})
    if (const auto sound = check_address(*address); !sound)
      return std::string{flag} + ": " + sound.error().detail;
  for (const auto& address : given.advertise) {
    if (const auto sound = check_address(address); !sound)
      return "--advertise: " + sound.error().detail;
    if (std::stoi(address.substr(address.rfind(':') + 1)) == 0)
      return "--advertise: '" + address
             + "' is not a valid address: gateways need a port from 1 on";
  }
  if (const auto sound = storage::check_url(given.database); !sound)
    return "--database: " + sound.error().detail;
  return std::nullopt;
}

bool is_loopback(const std::string& address) {
  const auto endpoint = listen_address(address);
  return !endpoint || endpoint->address().is_loopback(); // the listener reports an invalid address
}

} // namespace

std::variant<settings, int> parse_settings(int argc, char** argv) {
  settings out;
  // Two writers: while one waits for the disk, the other fills its COPY.
  out.node.lanes = 2;
  std::uint64_t budget_mib = out.node.budget_bytes >> 20U;
  std::uint64_t flush_ms = static_cast<std::uint64_t>(out.node.flush_interval.count());
  std::uint64_t drain_s = static_cast<std::uint64_t>(out.drain.count());
  std::int64_t seal_min = out.node.seal_after.count();
  std::int64_t care_min = out.node.care_interval.count();
  CLI::App app{"furrowd: a Furrow node. It receives items from gateways, stores each exactly once "
               "and answers HTTP."};
  app.footer(examples);
  app.set_version_flag("--version", "furrowd " FURROW_VERSION);
  // The help shows the groups in this order: what everybody needs first.
  add_main_flags(app, out);
  add_work_flags(app, out, budget_mib, flush_ms, seal_min, care_min, drain_s);
  digest_flags digest;
  app.option_defaults()->group("Digest");
  add_digest_flags(app, out, digest);
  cache_flags cache;
  app.option_defaults()->group("Cache of answers");
  add_cache_flags(app, cache);
  app.option_defaults()->group("Other nodes");
  add_link_flags(app, out);
  database_flags database;
  app.option_defaults()->group("Database connections (the defaults serve most nodes)");
  add_database_flags(app, database);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : usage_error;
  }
  out.node.budget_bytes = static_cast<std::size_t>(budget_mib) << 20U;
  out.node.flush_interval = std::chrono::milliseconds{flush_ms};
  out.node.seal_after = std::chrono::minutes{seal_min};
  out.node.care_interval = std::chrono::minutes{care_min};
  out.drain = std::chrono::seconds{drain_s};
  out.node.digest.on = digest.on == "on";
  out.node.digest.interval = std::chrono::seconds{digest.interval_s};
  out.node.digest.telemetry_period = std::chrono::milliseconds{digest.telemetry_ms};
  if (!take(cache, out))
    return usage_error;
  if (out.tls.certificate.empty() != out.tls.key.empty()) {
    std::cerr << "furrowd: --tls-cert and --tls-key must be given together\n";
    return usage_error;
  }
  if (const auto why = apply(database, out.store)) {
    std::cerr << "furrowd: " << *why << '\n';
    return usage_error;
  }
  if (const auto why = invalid_value(out)) {
    std::cerr << "furrowd: " << *why << '\n';
    return usage_error;
  }
  if (const auto why = invalid_link(out)) {
    std::cerr << "furrowd: " << *why << '\n';
    return usage_error;
  }
  if (const auto why = unsafe_listener(out)) {
    std::cerr << "furrowd: " << *why << '\n';
    return usage_error;
  }
  return out;
}

std::optional<std::string> unsafe_listener(const settings& settings) {
  if (is_loopback(settings.listen) && is_loopback(settings.http))
    return std::nullopt;
  if (!settings.tls.certificate.empty() && !settings.tokens.empty())
    return std::nullopt;
  return "a listener that other machines can reach needs TLS and tokens: give --tls-cert, "
         "--tls-key and --tokens, or "
         "listen on 127.0.0.1";
}

} // namespace furrow::daemon
