#include "tools/furrowd/config/settings.hpp"

#include "actors/log/log.hpp"
#include "tools/config/commands.hpp"
#include "tools/config/whole_file.hpp"
#include "tools/furrowd/config/database_settings.hpp"
#include "tools/furrowd/config/furrowd_keys.hpp"
#include "tools/furrowd/config/http_settings.hpp"
#include "tools/furrowd/config/named_files.hpp"
#include "tools/furrowd/config/remote_settings.hpp"
#include "tools/furrowd/gateway/listener.hpp"
#include "tools/manual/manual.hpp"

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>

namespace furrow::daemon {

namespace {

constexpr int usage_error = 2;

constexpr const char* examples = R"(
Examples:
  furrowd                                            a node on the SQLite file ./furrow.db, for this machine only
  furrowd --database postgresql://furrow@db/furrow   on PostgreSQL; put the password in ~/.pgpass or PGPASSWORD
  furrowd --listen 0.0.0.0:7400 --http 0.0.0.0:7480 --tls-cert node.pem --tls-key node.key --tokens tokens.toml
                                                     for other machines, which requires TLS and somebody with access
  furrowd config sample > furrowd.toml               a configuration file with every setting
  furrowd --config furrowd.toml                      a node with the settings of a file
Settings: a flag beats the environment, the environment beats the files, and a file beats the default. The flag
         --tls-cert has the key tls_cert and the variable FURROW_TLS_CERT.
Signals: SIGTERM and SIGINT drain the node: it accepts no new session, makes received items durable and exits with 0.
         A second signal ends it at once. SIGHUP does the same when the terminal of the node closes. A node without a
         terminal is a service: SIGHUP reads its configuration, certificates and tokens again.
Exit codes: 0 ok, 1 failed, 2 invalid command line or configuration, 70 the actor system gave up, 75 the cluster or another process
            of the same name has taken the lease of this node.)";

/// Files that hold secrets.
struct secret_files {
  std::string database;
  std::string database_password;
  std::string redis;
};

/// What most nodes set.
void add_main_flags(CLI::App& app, settings& out, secret_files& files) {
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
  app.add_option("--database-file", files.database,
                 "file whose first line is the database; instead of --database");
  app.add_option("--database-password-file", files.database_password,
                 "file whose first line is the password of the database (PostgreSQL)");
  app
    .add_option("--listen", out.listen, "address for gateways, HOST:PORT; port 0 picks a free port")
    ->capture_default_str();
  app.add_option("--http", out.http, "address for HTTP, HOST:PORT; port 0 picks a free port")
    ->capture_default_str();
  add_http_flags(app, out.http_limits);
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
  app.add_option("--tokens", out.tokens,
                 "TOML file of tokens (`furrow token new --for-file` makes entries); others are "
                 "made at run time");
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
                    std::uint64_t& flush_max_ms,
                    std::int64_t& seal_min,
                    std::int64_t& care_min,
                    std::int64_t& audit_days,
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
      "longest time that a frame waits before the node sends it to the database, in milliseconds, "
      "where the machine sends much or somebody reads its history")
    ->capture_default_str()
    ->check(CLI::Range(1, 10'000));
  app
    .add_option("--flush-max-ms", flush_max_ms,
                "the same for small blocks of machines that nobody reads; not given: the value of "
                "--flush-ms, if that is given")
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
  app
    .add_option("--audit-days", audit_days,
                "days after which rows of the audit log are deleted; 0: they are kept for ever")
    ->capture_default_str()
    ->check(CLI::Range(0, 36'500));
  app.add_option("--watch-disk", out.watch_disk,
                 "folder whose disk is watched: where a PostgreSQL server on this machine has its "
                 "data; not given: the folder of an SQLite file");
  app.add_option("--drain", drain_s, "longest drain after SIGTERM, in seconds")
    ->capture_default_str()
    ->check(CLI::Range(1, 600));
}

/// The settings of the cache as the command line gives them.
struct cache_flags {
  std::int64_t ttl_ms = 1'000;
  std::string redis;
};

void add_cache_flags(CLI::App& app, cache_flags& flags, secret_files& files) {
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
  app.add_option("--redis-file", files.redis,
                 "file whose first line is the URL of Redis; instead of --redis");
}

/// Copies the settings of the cache. Returns an error line when one is invalid.
std::optional<std::string> take(const cache_flags& flags, settings& out) {
  out.cache.ttl = std::chrono::milliseconds{flags.ttl_ms};
  if (flags.redis.empty())
    return std::nullopt;
  const auto redis = http::parse_redis_url(flags.redis);
  if (!redis)
    return "--redis: " + redis.error().detail;
  out.redis = *redis;
  return std::nullopt;
}

/// The settings of the digest as the command line gives them.
struct digest_flags {
  std::string on = "on";
  std::uint64_t interval_s = 10;
  std::uint64_t longest_s = 60;
  std::uint64_t telemetry_ms = 1'000;
};

void add_digest_flags(CLI::App& app, settings& out, digest_flags& flags) {
  app
    .add_option("--digest", flags.on,
                "on: make rollups and telemetry from stored frames; off: leave that to other nodes")
    ->capture_default_str()
    ->check(CLI::IsMember({"on", "off"}));
  app
    .add_option(
      "--digest-interval", flags.interval_s,
      "how often the digest looks for new frames, in seconds, while somebody reads history")
    ->capture_default_str()
    ->check(CLI::Range(1, 3'600));
  app
    .add_option(
      "--digest-max-interval", flags.longest_s,
      "the same while nobody reads history; not given: the value of --digest-interval, if "
      "that is given")
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
  if (std::error_code error;
      !given.watch_disk.empty() && !std::filesystem::is_directory(given.watch_disk, error))
    return "--watch-disk: there is no folder " + given.watch_disk;
  return std::nullopt;
}

bool is_loopback(const std::string& address) {
  const auto endpoint = listen_address(address);
  return !endpoint || endpoint->address().is_loopback(); // the listener reports an invalid address
}

/// An error line when settings do not fit together, or a value can be seen to be invalid here.
std::optional<std::string> contradiction(const settings& given) {
  if (given.tls.certificate.empty() != given.tls.key.empty())
    return "--tls-cert and --tls-key must be given together";
  if (auto why = invalid_value(given))
    return why;
  if (auto why = invalid_remote(given))
    return why;
  return unsafe_listener(given);
}

/// All options of furrowd, and where their values go.
class option_set {
public:
  option_set() {
    // Two writers: while one waits for the disk, the other fills its COPY.
    out_.node.lanes = 2;
    app.footer(examples);
    app.set_version_flag("--version", "furrowd " FURROW_VERSION);
    // The help shows the groups in this order: what everybody needs first.
    add_main_flags(app, out_, files_);
    config::add_config_option(app, furrowd_program());
    add_work_flags(app, out_, budget_mib_, flush_ms_, flush_max_ms_, seal_min_, care_min_,
                   audit_days_, drain_s_);
    app.option_defaults()->group("Maps of the console");
    add_map_flags(app, out_);
    app.option_defaults()->group("Digest");
    add_digest_flags(app, out_, digest_);
    app.option_defaults()->group("Cache of answers");
    add_cache_flags(app, cache_, files_);
    app.option_defaults()->group("Other nodes");
    add_link_flags(app, out_);
    app.option_defaults()->group("Head office");
    add_forward_flags(app, out_);
    app.option_defaults()->group("Database connections (the defaults serve most nodes)");
    add_database_flags(app, database_);
    commands = config::add_commands(app);
    migrate_ = app.add_subcommand(
      "migrate", "migrate the database as a node does at its start, and end; nodes of the version "
                 "before may run meanwhile");
    migrate_->fallthrough();
  }

  /// The settings, after the command line was parsed; or an error line.
  std::variant<settings, std::string> take_settings() {
    auto values = config::fill(app, furrowd_program());
    if (!values)
      return values.error().detail;
    out_.in_force = std::move(*values);
    if (auto why = take_values())
      return out_.in_force.located(*why);
    for (const auto& [key, value] : values_of(out_.store))
      out_.in_force.set_standard(key, value);
    out_.only_migrate = migrate_->parsed();
    return std::move(out_);
  }

  CLI::App app{"furrowd: a Furrow node. It receives items from gateways, stores each exactly once "
               "and answers HTTP."};
  config::commands commands;

private:
  std::optional<std::string> take_values() {
    out_.node.budget_bytes = static_cast<std::size_t>(budget_mib_) << 20U;
    take_paces();
    out_.node.seal_after = std::chrono::minutes{seal_min_};
    out_.node.care_interval = std::chrono::minutes{care_min_};
    if (audit_days_ > 0)
      out_.audit_keep = std::chrono::hours{24 * audit_days_};
    out_.drain = std::chrono::seconds{drain_s_};
    out_.node.digest.on = digest_.on == "on";
    out_.node.digest.telemetry_period = std::chrono::milliseconds{digest_.telemetry_ms};
    take_end_of_forwarding(out_);
    if (auto why = take(cache_, out_))
      return why;
    if (auto why = apply(database_, out_.store))
      return why;
    if (auto why = contradiction(out_))
      return why;
    return take_password();
  }

  /// Who sets the shorter of two paces alone wants no slower one.
  void take_paces() {
    const auto follow = [this](const char* key, const char* longer, std::uint64_t value,
                               std::uint64_t& longest) {
      const auto* const set = out_.in_force.find(key);
      const auto* const also = out_.in_force.find(longer);
      if (set->from != config::layer::standard && also->from == config::layer::standard) {
        longest = value;
        out_.in_force.set_standard(longer, std::to_string(value));
      }
      longest = std::max(longest, value);
    };
    follow("flush_ms", "flush_max_ms", flush_ms_, flush_max_ms_);
    follow("digest_interval", "digest_max_interval", digest_.interval_s, digest_.longest_s);
    out_.node.flush_interval = std::chrono::milliseconds{flush_ms_};
    out_.node.flush_longest = std::chrono::milliseconds{flush_max_ms_};
    out_.node.digest.interval = std::chrono::seconds{digest_.interval_s};
    out_.node.digest.longest = std::chrono::seconds{digest_.longest_s};
  }

  std::optional<std::string> take_password() {
    if (files_.database_password.empty())
      return std::nullopt;
    if (out_.database.starts_with("sqlite:"))
      return "--database-password-file: " + storage::redacted(out_.database)
             + " has no password; a PostgreSQL --database is expected";
    const auto password = config::read_secret(files_.database_password);
    if (!password)
      return "--database-password-file: " + password.error().detail;
    out_.database = with_password(out_.database, password->text);
    if (!password->warning.empty())
      out_.in_force.warnings.push_back(password->warning);
    return std::nullopt;
  }

  settings out_;
  CLI::App* migrate_ = nullptr;
  secret_files files_;
  std::uint64_t budget_mib_ = out_.node.budget_bytes >> 20U;
  std::uint64_t flush_ms_ = static_cast<std::uint64_t>(out_.node.flush_interval.count());
  std::uint64_t flush_max_ms_ = static_cast<std::uint64_t>(out_.node.flush_longest.count());
  std::uint64_t drain_s_ = static_cast<std::uint64_t>(out_.drain.count());
  std::int64_t seal_min_ = out_.node.seal_after.count();
  std::int64_t care_min_ = out_.node.care_interval.count();
  std::int64_t audit_days_ = 0;
  digest_flags digest_;
  cache_flags cache_;
  database_flags database_;
};

/// Prints what `furrowd config ...` asks for. Returns an error line when the settings cannot be used.
std::optional<std::string> answer(const config::commands& asked, const settings& given) {
  if (asked.show->parsed()) {
    std::cout << config::shown(given.in_force, *asked.with_origin);
    return std::nullopt;
  }
  if (const auto files = load_files(given); !files)
    return files.error().detail;
  for (const auto& warning : given.in_force.warnings)
    std::cerr << "furrowd: warning: " << warning << '\n';
  std::cout << config::ok_line(given.in_force);
  return std::nullopt;
}

} // namespace

std::variant<settings, std::string> reread_settings(const command_line& line) {
  option_set options;
  try {
    options.app.parse(line.argc, line.argv);
  } catch (const CLI::ParseError& error) { // it was parsed without an error at the start
    return std::string{error.what()};
  }
  return options.take_settings();
}

std::variant<settings, int> parse_settings(int argc, char** argv) {
  option_set options;
  if (const auto written = manual::write_if_asked(
        options.app, {"furrowd", FURROW_VERSION, 8, "furrow(1), furrow-edge(1)"}, argc, argv))
    return *written;
  try {
    options.app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return options.app.exit(e) == 0 ? 0 : usage_error;
  }
  if (options.commands.sample->parsed()) {
    std::cout << config::sample_of(options.app, furrowd_program());
    return 0;
  }
  auto taken = options.take_settings();
  auto* const given = std::get_if<settings>(&taken);
  std::optional<std::string> why;
  if (given == nullptr)
    why = std::get<std::string>(taken);
  else if (options.commands.config->parsed())
    why = answer(options.commands, *given);
  if (why) {
    std::cerr << "furrowd: " << *why << '\n';
    return usage_error;
  }
  if (options.commands.config->parsed())
    return 0;
  given->line = {argc, argv};
  return std::move(*given);
}

bool only_loopback(const settings& settings) {
  return is_loopback(settings.listen) && is_loopback(settings.http);
}

std::optional<std::string> unsafe_listener(const settings& settings) {
  if (only_loopback(settings) || !settings.tls.certificate.empty())
    return std::nullopt;
  return "a listener that other machines can reach needs TLS and somebody with access: give "
         "--tls-cert and "
         "--tls-key, and --tokens or an admin of `furrowd init`; or listen on 127.0.0.1";
}

std::optional<std::string> nobody_has_access(const settings& settings, const authority& access) {
  if (only_loopback(settings) || access.has_identities())
    return std::nullopt;
  return "other machines can reach this node, and nobody has access: `furrowd init --database "
         + storage::redacted(settings.database) + "` makes the first admin, or give --tokens";
}

} // namespace furrow::daemon
