#include "storage/doctor/postgres_facts.hpp"

#include "storage/postgres/connection/session.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <random>
#include <system_error>

namespace furrow::storage {

namespace {

constexpr std::chrono::seconds patience{20};

std::uint64_t natural(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<std::uint64_t> granted_limit(const std::string& text) { // -1: none
  return text.empty() || text.front() == '-' ? std::nullopt : std::optional{natural(text)};
}

double seconds_since_1970() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

/// A pooler in transaction mode gives two sessions the same server's connection by turns.
result<pooler_kind> look_for_pooler(pq_session& db, const store_options& options) {
  const auto pid = db.value("select pg_backend_pid()");
  if (!pid)
    return pid.error();
  if (natural(*pid) == static_cast<std::uint64_t>(db.backend_pid()))
    return pooler_kind::none;
  auto other = pq_session::open(options, "doctor", patience);
  if (!other)
    return other.error();
  const auto mark = "furrow " + std::to_string(std::random_device{}());
  const std::string look = "select current_setting('furrow.session', true)";
  const auto marked = db.ask("select set_config('furrow.session', $1, false)", {mark});
  if (!marked)
    return marked.error();
  auto found = pooler_kind::sessions;
  for (int round = 0; round < 3 && found == pooler_kind::sessions; ++round) {
    const auto begun = other->ask("begin");
    if (!begun)
      return begun.error();
    const auto theirs = other->value(look);
    const auto ours = db.value(look);
    if (!theirs || !ours)
      return theirs ? ours.error() : theirs.error();
    if (*theirs == mark || *ours != mark)
      found = pooler_kind::transactions;
    const auto ended = other->ask("rollback");
    if (!ended)
      return ended.error();
  }
  return found;
}

/// The first row, by column; a failure where the role may not read it.
result<std::vector<std::string>> only_row(pq_session& db, const std::string& sql) {
  const auto rows = db.ask(sql);
  if (!rows)
    return rows.error();
  std::vector<std::string> out;
  for (int column = 0; PQntuples(rows->get()) > 0 && column < PQnfields(rows->get()); ++column)
    out.push_back(cell(*rows, 0, column));
  return out;
}

result<done> read_settings(pq_session& db, postgres_facts& facts) {
  const auto row = only_row(
    db, "select current_setting('server_version'), current_setting('max_locks_per_transaction'), "
        "current_setting('max_connections'), current_setting('max_prepared_transactions'), "
        "current_setting('superuser_reserved_connections'), "
        "(select rolconnlimit from pg_roles where rolname = current_user), "
        "(select datconnlimit from pg_database where datname = current_database()), "
        "(select count(*) from pg_stat_activity where backend_type = 'client backend'), "
        "current_setting('fsync'), current_setting('full_page_writes'), "
        "current_setting('synchronous_commit'), "
        "coalesce((select reset_val from pg_settings where name = 'jit'), 'off'), "
        "(select setting::bigint * 1024 * 1024 from pg_settings where name = 'max_wal_size'), "
        "pg_database_size(current_database())");
  if (!row)
    return row.error();
  const auto& of = *row;
  facts.version = of.at(0).substr(0, of.at(0).find(' '));
  facts.major = natural(facts.version);
  facts.max_locks = natural(of.at(1));
  facts.max_connections = natural(of.at(2));
  facts.prepared_max = natural(of.at(3));
  facts.reserved = natural(of.at(4));
  facts.role_limit = granted_limit(of.at(5));
  facts.database_limit = granted_limit(of.at(6));
  facts.connected = natural(of.at(7));
  facts.fsync = of.at(8) == "on";
  facts.full_page_writes = of.at(9) == "on";
  facts.synchronous_commit = of.at(10);
  facts.jit = of.at(11) == "on";
  facts.max_wal_bytes = natural(of.at(12));
  facts.database_bytes = natural(of.at(13));
  return done{};
}

/// What is going on, which needs no right of its own.
result<done> read_activity(pq_session& db, postgres_facts& facts) {
  const auto row = only_row(
    db, "select (select extract(epoch from now() - last_failed_time)::bigint from pg_stat_archiver "
        "where last_failed_time > coalesce(last_archived_time, '-infinity')), "
        "(select count(*) from pg_replication_slots where not active), "
        "(select extract(epoch from max(now() - xact_start)) from pg_stat_activity where "
        "backend_type = 'client backend' and pid <> pg_backend_pid())");
  if (!row)
    return row.error();
  if (!row->at(0).empty())
    facts.archiver_fails_since_s = static_cast<std::int64_t>(natural(row->at(0)));
  facts.idle_slots = natural(row->at(1));
  if (!row->at(2).empty())
    facts.longest_transaction_s = std::stod(row->at(2));
  return done{};
}

result<done> read_clock(pq_session& db, postgres_facts& facts) {
  const auto before = seconds_since_1970();
  const auto there = db.value("select extract(epoch from clock_timestamp())");
  if (!there)
    return there.error();
  facts.clock_ahead_s = std::stod(*there) - (before + seconds_since_1970()) / 2;
  return done{};
}

/// A message that nobody reads: the transaction holds a few bytes of WAL and no row. It is as durable as an append.
void read_commit_time(pq_session& db, postgres_facts& facts) {
  const std::string message =
    "select pg_logical_emit_message(true, 'furrow doctor', ''), "
    "case when current_setting('synchronous_commit') not in ('on', 'remote_apply') "
    "then set_config('synchronous_commit', 'on', true) end";
  std::vector<double> took;
  for (int round = 0; round < 5; ++round) {
    const auto from = std::chrono::steady_clock::now();
    if (!db.value(message))
      return;
    const auto lasted = std::chrono::steady_clock::now() - from;
    took.push_back(std::chrono::duration<double, std::milli>(lasted).count());
  }
  std::sort(took.begin(), took.end());
  facts.commit_ms = took[took.size() / 2];
}

/// A schema that is not there has no partitions.
void read_partitions(pq_session& db, postgres_facts& facts) {
  if (const auto count = db.value("select count(*) from furrow.segment_partition"))
    facts.partitions = natural(*count);
  if (const auto count = db.value(
        "select count(*) from unnest(array['can_segment', 'telemetry']) t(name) cross join "
        "lateral furrow.wanted_partitions(now(), t.name)"))
    facts.partitions_wanted = natural(*count);
}

void read_timescale(pq_session& db, postgres_facts& facts) {
  const auto version =
    db.value("select e.extversion from pg_extension e where e.extname = 'timescaledb' and "
             "to_regprocedure('furrow.is_hypertable(text)') is not null");
  if (!version || version->empty())
    return;
  facts.timescale = *version;
  if (const auto count =
        db.value("select count(*) from timescaledb_information.job_stats where hypertable_schema = "
                 "'furrow' and last_run_status = 'Failed'"))
    facts.timescale_failed = natural(*count);
}

/// Only where the server runs on this machine, and the role may know its folder.
void read_disk(pq_session& db, postgres_facts& facts) {
  const auto here =
    db.value("select inet_server_addr() is null or inet_server_addr() <<= '127.0.0.0/8'");
  if (!here || *here != "t")
    return;
  const auto folder = db.value("select current_setting('data_directory')");
  if (!folder)
    return;
  std::error_code wrong;
  const auto space = std::filesystem::space(*folder, wrong);
  if (wrong)
    return;
  facts.disk_bytes = space.capacity;
  facts.disk_free_bytes = space.available;
}

} // namespace

result<postgres_facts> read_postgres_facts(const store_options& options) {
  auto db = pq_session::open(options, "doctor", patience);
  if (!db)
    return db.error();
  postgres_facts facts;
  const auto pooler = look_for_pooler(*db, options);
  if (!pooler)
    return pooler.error();
  facts.pooler = *pooler;
  for (const auto read : {read_settings, read_activity, read_clock})
    if (const auto outcome = read(*db, facts); !outcome)
      return outcome.error();
  read_commit_time(*db, facts);
  read_partitions(*db, facts);
  read_timescale(*db, facts);
  read_disk(*db, facts);
  return facts;
}

} // namespace furrow::storage
