#include "tools/furrowd/config/settings.hpp"

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
  furrowd --database postgresql://furrow@db/furrow   with PostgreSQL; a password comes from ~/.pgpass or PGPASSWORD
  furrowd --listen 0.0.0.0:7400 --http 0.0.0.0:7480 --tls-cert node.pem --tls-key node.key --tokens tokens.toml
                                                     for others: TLS and tokens are then required
Signals: SIGTERM and SIGINT drain the node (no more sessions, what is held is made durable) and exit with 0.
Exit codes: 0 ok, 1 failed, 2 usage, 70 the actor system gave up.)";

void add_flags(CLI::App& app,
               settings& out,
               std::uint64_t& budget_mib,
               std::uint64_t& flush_ms,
               std::int64_t& seal_min,
               std::int64_t& care_min,
               std::uint64_t& drain_s) {
  app.add_option("--node", out.node.name, "name of this node")
    ->capture_default_str()
    ->check(CLI::Validator{[](std::string& name) {
                             return name.empty() || name.size() > 63
                                      ? std::string{"1 to 63 characters are expected"}
                                      : "";
                           },
                           "NAME"});
  app.add_option("--database", out.database, "postgresql://... or sqlite:PATH")
    ->envname("FURROW_DATABASE")
    ->capture_default_str();
  app.add_option("--listen", out.listen, "where gateways connect; port 0 picks one")
    ->capture_default_str();
  app.add_option("--http", out.http, "where HTTP is served; port 0 picks one")
    ->capture_default_str();
  app
    .add_option("--advertise", out.advertise,
                "HOST:PORT that gateways may use too; repeat for more")
    ->delimiter(',');
  app.add_option("--tls-cert", out.tls.certificate,
                 "PEM file: certificate and chain, for both listeners");
  app.add_option("--tls-key", out.tls.key, "PEM file: its key");
  app.add_option("--tls-client-ca", out.tls.client_authorities,
                 "PEM file: gateways must show a certificate of these");
  app.add_option("--tokens", out.tokens, "TOML file of tokens (`furrow token new` makes entries)");
  app.add_flag("!--no-migrate", out.migrate, "do not bring the schema up to date at start");
  app.add_option("--lanes", out.node.lanes, "writers, each with a database connection")
    ->capture_default_str()
    ->check(CLI::Range(1, 16));
  app.add_option("--budget", budget_mib, "MiB received and not yet durable, over all sessions")
    ->capture_default_str()
    ->check(CLI::Range(16, 65'536));
  app
    .add_option("--flush-ms", flush_ms,
                "longest wait of a frame before it goes to the database, in milliseconds")
    ->capture_default_str()
    ->check(CLI::Range(1, 10'000));
  app
    .add_option("--seal-after", seal_min,
                "minutes until frames too few for a whole chunk are sealed (PostgreSQL); 0: never "
                "seal")
    ->capture_default_str()
    ->check(CLI::Range(0, 10'080));
  app
    .add_option("--care-interval", care_min,
                "minutes between two looks for partitions to make and data past their age; 0: "
                "leave both to other nodes")
    ->capture_default_str()
    ->check(CLI::Range(0, 1'440));
  app.add_option("--drain", drain_s, "longest drain at SIGTERM, in seconds")
    ->capture_default_str()
    ->check(CLI::Range(1, 600));
  app.add_option("--log-level", out.log_level, "debug, info, warn, error")
    ->capture_default_str()
    ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
}

/// The cache's settings as they are written.
struct cache_flags {
  std::int64_t ttl_ms = 1'000;
  std::string redis;
};

void add_cache_flags(CLI::App& app, cache_flags& flags) {
  app
    .add_option("--cache-ms", flags.ttl_ms,
                "how old the machine list and the ledger of a farm may be over HTTP, in "
                "milliseconds; 0: never kept")
    ->capture_default_str()
    ->check(CLI::Range(0, 3'600'000));
  app
    .add_option("--redis", flags.redis,
                "redis://[:PASSWORD@]HOST[:PORT][/DATABASE]: nodes share what they keep; one "
                "Redis database a cluster")
    ->envname("FURROW_REDIS");
}

/// False: told what is wrong.
bool take(const cache_flags& flags, settings& out) {
  out.cache.ttl = std::chrono::milliseconds{flags.ttl_ms};
  if (flags.redis.empty())
    return true;
  const auto redis = http::parse_redis_url(flags.redis);
  if (!redis) {
    std::cerr << "furrowd: --redis " << redis.error().detail << '\n';
    return false;
  }
  out.redis = *redis;
  return true;
}

/// The digest's settings as they are written.
struct digest_flags {
  std::string on = "on";
  std::uint64_t interval_s = 10;
  std::uint64_t telemetry_ms = 1'000;
};

void add_digest_flags(CLI::App& app, settings& out, digest_flags& flags) {
  app
    .add_option("--digest", flags.on,
                "on: make rollups and telemetry of what is stored; off: leave it to other nodes")
    ->capture_default_str()
    ->check(CLI::IsMember({"on", "off"}));
  app
    .add_option("--digest-interval", flags.interval_s,
                "seconds between two looks for what is to be digested")
    ->capture_default_str()
    ->check(CLI::Range(1, 3'600));
  app
    .add_option("--digest-duty", out.node.digest.duty_pct,
                "per cent of the time that the digest may be busy while it catches up")
    ->capture_default_str()
    ->check(CLI::Range(1, 100));
  app
    .add_option("--telemetry-ms", flags.telemetry_ms,
                "one telemetry row of a machine in so many milliseconds")
    ->capture_default_str()
    ->check(CLI::Range(100, 60'000));
}

bool is_loopback(const std::string& address) {
  const auto endpoint = listen_address(address);
  return !endpoint
         || endpoint->address().is_loopback(); // what is no address is told when it is listened on
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
  CLI::App app{"furrowd: a Furrow node. Takes the frames of gateways, keeps each exactly once, "
               "answers for them."};
  app.footer(examples);
  app.set_version_flag("--version", "furrowd " FURROW_VERSION);
  digest_flags digest;
  cache_flags cache;
  add_cache_flags(app, cache);
  add_digest_flags(app, out, digest);
  database_flags database;
  add_database_flags(app, database);
  add_flags(app, out, budget_mib, flush_ms, seal_min, care_min, drain_s);
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
    std::cerr << "furrowd: --tls-cert and --tls-key go together\n";
    return usage_error;
  }
  if (const auto why = apply(database, out.store)) {
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
