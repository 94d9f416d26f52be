#include "storage/database_maintenance.hpp"
#include "storage/migrations/schema_check.hpp"
#include "storage/postgres/connection/programs.hpp"
#include "storage/postgres/connection/session.hpp"
#include "storage/postgres/connection/url.hpp"
#include "storage/postgres/migrate.hpp"
#include "storage/postgres/work.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include <boost/asio/co_spawn.hpp>

namespace furrow::storage {

std::uint32_t add_migrations(const std::vector<migration_row>& rows, std::vector<finding>& out) {
  std::uint32_t newest = 0;
  std::size_t applied = 0;
  for (const auto& row : rows) {
    const auto name = "migration " + std::to_string(row.number) + " (" + row.name + ")";
    if (!row.fault.empty())
      out.push_back({name, row.fault, false});
    else if (!row.applied)
      out.push_back({name, "is not applied: `furrow db migrate` applies it", false});
    if (!row.applied)
      continue;
    ++applied;
    newest = row.number;
  }
  out.push_back({"migrations", std::to_string(applied) + " applied", applied > 0});
  return newest;
}

namespace postgres_maintenance {

namespace {

constexpr const char* objects_sql =
  "select case c.relkind when 'r' then 'table' when 'p' then 'table' when 'v' then 'view' "
  "when 'i' then 'index' else 'index' end || ' ' || c.relname, "
  "  not coalesce(i.indisvalid, true) "
  "from pg_class c left join pg_index i on i.indexrelid = c.oid "
  "where c.relnamespace = to_regnamespace('furrow') and c.relkind in ('r', 'p', 'v', 'i', 'I') "
  "union all select 'column ' || c.relname || '.' || a.attname, false from pg_attribute a join "
  "pg_class c on c.oid = a.attrelid where c.relnamespace = to_regnamespace('furrow') and "
  "c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped "
  "union all select distinct 'function ' || p.proname, false from pg_proc p where p.pronamespace = "
  "to_regnamespace('furrow')";

result<done> add_objects(pq_session& db, std::uint32_t newest, std::vector<finding>& out) {
  const auto rows = db.ask(objects_sql);
  if (!rows)
    return rows.error();
  auto missing = expected_objects(postgres_migrations(), newest);
  const auto wanted = missing.size();
  for (int row = 0; row < PQntuples(rows->get()); ++row) {
    const auto object = cell(*rows, row, 0);
    missing.erase(object);
    if (cell(*rows, row, 1) == "t")
      out.push_back({object, "is invalid: reindex it", false});
  }
  for (const auto& object : missing)
    out.push_back({object, "is missing", false});
  out.push_back({"objects",
                 std::to_string(wanted - missing.size()) + " of " + std::to_string(wanted)
                   + " that the migrations create exist",
                 missing.empty()});
  return done{};
}

result<done> add_counts(pq_session& db, std::vector<finding>& out) {
  const auto tables = db.ask(
    "select relname from pg_class where relnamespace = to_regnamespace('furrow') and relkind "
    "in ('r', 'p') and not relispartition and oid not in (select inhrelid from pg_inherits) "
    "order by 1");
  if (!tables)
    return tables.error();
  for (int row = 0; row < PQntuples(tables->get()); ++row) {
    const auto table = cell(*tables, row, 0);
    const auto count = db.value("select count(*) from furrow." + db.identifier(table));
    if (!count)
      return count.error();
    out.push_back({"rows of " + table, *count, true});
  }
  return done{};
}

result<done> add_rules(pq_session& db, std::uint32_t newest, std::vector<finding>& out) {
  for (const auto& rule : soundness_rules()) {
    if (rule.since > newest)
      continue;
    const auto count = db.value(with_schema(rule.count_sql, "furrow."));
    // A rule that fails to run is itself a fault; the other rules still run.
    if (!count && count.code() == errc::retry_later)
      return count.error();
    out.push_back(
      {std::string{rule.what}, count ? *count : count.error().detail, count && *count == "0"});
  }
  return done{};
}

/// How many machines the database has; 0 without the schema.
result<std::string> machines(pq_session& db) {
  const auto there = db.value("select to_regclass('furrow.equipment') is not null");
  if (!there || *there != "t")
    return there ? result<std::string>{"0"} : there;
  return db.value("select count(*) from furrow.equipment");
}

result<done> refuse_use(pq_session& db, bool replace) {
  const auto nodes = db.value("select count(*) from pg_stat_activity where datname = "
                              "current_database() and pid <> pg_backend_pid() and "
                              "application_name like 'furrow/%'");
  if (!nodes)
    return nodes.error();
  if (*nodes != "0")
    return failure{errc::misconfigured, *nodes
                                          + " connections of Furrow are open to it: stop the "
                                            "nodes first"};
  const auto held = machines(db);
  if (!held)
    return held.error();
  if (*held != "0" && !replace)
    return failure{errc::misconfigured,
                   "it holds " + *held
                     + " machines: --replace drops them, in the same transaction that brings the "
                       "file's"};
  return done{};
}

bool write_all(int to, std::string_view text) {
  while (!text.empty()) {
    const auto count = ::write(to, text.data(), text.size());
    if (count <= 0)
      return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

constexpr std::string_view restore_head =
  "begin;\nset local lock_timeout = '10s';\ndrop schema if exists furrow cascade;\n";
constexpr std::string_view restore_tail =
  "\ndo $$ begin perform furrow.make_roles(); exception when insufficient_privilege or "
  "undefined_function then null; end $$;\ncommit;\n";

/// psql reads one pipe: our head, the output of pg_restore, and the commit only if pg_restore succeeded.
result<done> pour(const pg_programs& programs, const child_url& url, const std::string& file) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return failure{errc::retry_later, "no pipe"};
  auto psql = pg_child::start(
    {programs.path("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url.connection, "-f", "-"},
    url.environment, ends[0]);
  ::close(ends[0]);
  if (!psql) {
    ::close(ends[1]);
    return psql.error();
  }
  bool whole = write_all(ends[1], restore_head);
  result<done> poured = done{};
  if (whole) {
    auto restore = pg_child::start(
      {programs.path("pg_restore"), "--no-owner", "--no-privileges", "-f", "-", file}, {}, -1,
      ends[1]);
    poured = restore ? restore->wait() : result<done>{restore.error()};
  }
  whole = whole && poured && write_all(ends[1], restore_tail);
  ::close(ends[1]);
  const auto taken = psql->wait();
  if (!taken)
    return taken.error(); // psql says why; pg_restore only lost its reader
  if (!poured)
    return poured.error();
  if (!whole)
    return failure{errc::misconfigured, "psql ended early: nothing was changed"};
  return done{};
}

/// Reads a whole dump, so that a cut or damaged one is noticed.
result<done> read_back(const pg_programs& programs, const std::string& file) {
  const int list = ::memfd_create("list", MFD_CLOEXEC);
  auto listing = pg_child::start({programs.path("pg_restore"), "--list", file}, {}, -1, list);
  auto listed = listing ? listing->wait() : result<done>{listing.error()};
  std::string text(static_cast<std::size_t>(std::max<off_t>(0, ::lseek(list, 0, SEEK_END))), '\0');
  const auto got = ::pread(list, text.data(), text.size(), 0);
  ::close(list);
  if (!listed)
    return listed;
  if (got < 0 || text.find("TABLE DATA furrow migration") == std::string::npos)
    return failure{errc::misconfigured, file + " is not a backup of a Furrow database"};
  auto whole = pg_child::start({programs.path("pg_restore"), "-f", "/dev/null", file}, {});
  return whole ? whole->wait() : result<done>{whole.error()};
}

result<pg_programs> programs_for(pq_session& db) {
  return find_pg_programs(db.server_version() / 10'000);
}

} // namespace

result<std::vector<migration_row>>
migrate(const store_options& options, migration_wish wish, bool rehearse) {
  // libpq completes an invalid URL with its defaults, and would reach a database that the user did
  // not name.
  const auto url = check_postgres_url(options.url);
  if (!url)
    return url.error();
  asio::io_context context{1};
  pq_connection db{context,
                   {options.url, options.application_name + "/care", options.connect_timeout,
                    std::chrono::hours{1}, std::chrono::hours{1}}};
  result<std::vector<migration_row>> outcome = failure{errc::retry_later, "not asked"};
  asio::co_spawn(context, postgres_work::ask_migrations(db, wish, rehearse, outcome),
                 [](const std::exception_ptr& broken) {
                   if (broken)
                     std::rethrow_exception(broken);
                 });
  context.run();
  return outcome;
}

result<std::vector<finding>> validate(const store_options& options) {
  const auto steps = migrate(options, {}, true);
  if (!steps)
    return steps.error();
  auto db = pq_session::open(options, "validate");
  if (!db)
    return db.error();
  std::vector<finding> out;
  const auto newest = add_migrations(*steps, out);
  // One snapshot: both sides of a comparison see the same appends.
  auto asked = db->ask("begin isolation level repeatable read read only");
  if (!asked)
    return asked.error();
  auto added = add_objects(*db, newest, out);
  if (added && newest > 0)
    added = add_counts(*db, out);
  (void)db->ask("commit"); // a missing table fails its own rule, not the later ones
  if (added && newest > 0)
    added = add_rules(*db, newest, out);
  if (!added)
    return added.error();
  return out;
}

result<saved_file> backup(const store_options& options, const std::string& file) {
  auto db = pq_session::open(options, "backup");
  if (!db)
    return db.error();
  const auto there = db->value("select to_regclass('furrow.migration') is not null");
  if (!there)
    return there.error();
  if (*there != "t")
    return failure{errc::misconfigured, "there is no schema furrow: nothing to back up"};
  // pg_dump would leave out what is compressed, and say nothing.
  const auto hypertables =
    db->value("select to_regprocedure('furrow.is_hypertable(text)') is not null");
  if (!hypertables)
    return hypertables.error();
  if (*hypertables == "t")
    return failure{
      errc::misconfigured,
      "telemetry and rollups are hypertables of TimescaleDB, which this command cannot "
      "save: save the whole database with pg_dump (docs/timescale.md)"};
  const auto programs = programs_for(*db);
  if (!programs)
    return programs.error();
  const auto url = for_children(options.url);
  if (!url)
    return url.error();
  auto dump = pg_child::start({programs->path("pg_dump"), "--format=custom", "--no-owner",
                               "--no-privileges", "--schema=furrow", "--lock-wait-timeout=60000",
                               "--file=" + file, "--dbname=" + url->connection},
                              url->environment);
  const auto dumped = dump ? dump->wait() : result<done>{dump.error()};
  if (!dumped)
    return dumped.error();
  const auto sound = read_back(*programs, file);
  if (!sound)
    return sound.error();
  return saved_file{0, "pg_dump " + std::to_string(programs->major)};
}

result<saved_file> restore(const store_options& options, const std::string& file, bool replace) {
  result<pg_programs> programs = failure{errc::misconfigured, "not looked for"};
  {
    auto db = pq_session::open(options, "restore");
    if (!db)
      return db.error();
    const auto free = refuse_use(*db, replace);
    if (!free)
      return free.error();
    programs = programs_for(*db);
  }
  if (!programs)
    return programs.error();
  const auto sound = read_back(*programs, file);
  if (!sound)
    return sound.error();
  const auto url = for_children(options.url);
  if (!url)
    return url.error();
  // If psql ends early, writing to its pipe must not end this process.
  auto* const before = ::signal(SIGPIPE, SIG_IGN);
  const auto poured = pour(*programs, *url, file);
  (void)::signal(SIGPIPE, before);
  if (!poured)
    return failure{poured.error().code, "nothing was changed: " + poured.error().detail};
  return saved_file{0, "pg_restore " + std::to_string(programs->major)};
}

} // namespace postgres_maintenance
} // namespace furrow::storage
