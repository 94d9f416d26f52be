#include "storage/database_maintenance.hpp"
#include "storage/migrations/migrations.hpp"
#include "storage/migrations/schema_check.hpp"
#include "storage/sqlite/db.hpp"
#include "storage/sqlite/migrate.hpp"
#include "storage/sqlite/work.hpp"

#include <filesystem>
#include <map>

namespace furrow::storage::sqlite_maintenance {

namespace {

struct closer {
  void operator()(sqlite3* db) const { sqlite3_close(db); }
};
using raw_db = std::unique_ptr<sqlite3, closer>;

result<raw_db> open_raw(const std::string& path, int flags) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_EXRESCODE, nullptr);
  raw_db db{raw};
  if (code != SQLITE_OK)
    return failure{errc::misconfigured,
                   path + ": " + (raw != nullptr ? sqlite3_errmsg(raw) : sqlite3_errstr(code))};
  return db;
}

/// Opens an existing database only, and creates none.
result<std::unique_ptr<sqlite_db>> open_there(const std::string& path,
                                              const store_options& options) {
  const auto there = check_sqlite_file(path);
  if (!there)
    return there.error();
  return sqlite_db::open(path, sqlite_db::access::write, options.lock_timeout);
}

template <class T, class Work>
result<T> guarded(const Work& work) {
  try {
    return work();
  } catch (const sqlite_error& error) {
    return error.as_failure();
  }
}

using objects = std::map<std::string, std::string>;

/// The contents of sqlite_schema, without the objects that SQLite creates by itself.
objects objects_of(sqlite_db& db) {
  objects out;
  auto rows = db.statement("select type || ' ' || name, coalesce(sql, '') from sqlite_schema where "
                           "name not like 'sqlite_%' and name <> 'migration'");
  while (rows.step())
    out.emplace(rows.text(0), rows.text(1));
  return out;
}

/// The same steps on an empty database give the expected objects, to the letter.
void add_objects(sqlite_db& db, std::uint32_t newest, std::vector<finding>& out) {
  auto empty = sqlite_db::open("", sqlite_db::access::write, std::chrono::seconds{1});
  if (!empty) {
    out.push_back({"objects", empty.error().detail, false});
    return;
  }
  for (const auto& step : sqlite_migrations())
    if (step.number <= newest)
      (*empty)->run(std::string{step.sql});
  const auto wanted = objects_of(**empty);
  const auto there = objects_of(db);
  std::size_t sound = 0;
  for (const auto& [name, sql] : wanted) {
    const auto at = there.find(name);
    if (at == there.end())
      out.push_back({name, "is missing", false});
    else if (at->second != sql)
      out.push_back({name, "differs from what the migrations create", false});
    else
      ++sound;
  }
  out.push_back({"objects",
                 std::to_string(sound) + " of " + std::to_string(wanted.size())
                   + " that the migrations create exist",
                 sound == wanted.size()});
}

std::int64_t number(sqlite_db& db, const std::string& sql) {
  // `statement` refers to its text, and this text is temporary.
  static std::map<std::string, std::string> kept;
  auto rows = db.statement(kept.try_emplace(sql, sql).first->second.c_str());
  return rows.step() ? rows.integer(0) : 0;
}

void add_counts(sqlite_db& db, std::vector<finding>& out) {
  std::vector<std::string> tables;
  {
    auto rows =
      db.statement("select name from sqlite_schema where type = 'table' and name not like "
                   "'sqlite_%' order by name");
    while (rows.step())
      tables.push_back(rows.text(0));
  }
  for (const auto& table : tables)
    out.push_back({"rows of " + table,
                   std::to_string(number(db, "select count(*) from \"" + table + "\"")), true});
}

void add_rules(sqlite_db& db, std::uint32_t newest, std::vector<finding>& out) {
  for (const auto& rule : soundness_rules()) {
    if (rule.postgres_only || rule.since > newest)
      continue;
    try {
      const auto count = number(db, with_schema(rule.count_sql, ""));
      out.push_back({std::string{rule.what}, std::to_string(count), count == 0});
    } catch (const sqlite_error& error) {
      out.push_back({std::string{rule.what}, error.detail, false});
    }
  }
}

std::string integrity(sqlite_db& db) {
  auto rows = db.statement("pragma integrity_check(1)");
  return rows.step() ? rows.text(0) : "says nothing";
}

void add_integrity(sqlite_db& db, std::vector<finding>& out) {
  const auto said = integrity(db);
  out.push_back({"pages of the file", said, said == "ok"});
  std::size_t broken = 0;
  auto rows = db.statement("pragma foreign_key_check");
  while (rows.step())
    ++broken;
  out.push_back({"references to missing rows", std::to_string(broken), broken == 0});
}

/// Copies all pages in one step, under one lock of the source: the copy is of one moment.
result<done> copy_pages(sqlite3* from, sqlite3* to) {
  auto* const copy = sqlite3_backup_init(to, "main", from, "main");
  int code = copy == nullptr ? sqlite3_errcode(to) : sqlite3_backup_step(copy, -1);
  if (copy != nullptr && sqlite3_backup_finish(copy) != SQLITE_OK && code == SQLITE_DONE)
    code = sqlite3_errcode(to);
  if (code == SQLITE_DONE)
    return done{};
  return failure{(code & 0xFF) == SQLITE_BUSY || (code & 0xFF) == SQLITE_LOCKED
                   ? errc::retry_later
                   : errc::misconfigured,
                 sqlite3_errstr(code)};
}

/// Reads a whole backup: its pages, and that it is a Furrow database.
result<done> check_file(const std::string& file, const store_options& options) {
  return guarded<done>([&]() -> result<done> {
    auto db = sqlite_db::open(file, sqlite_db::access::write, options.lock_timeout);
    if (!db)
      return db.error();
    const auto said = integrity(**db);
    if (said != "ok")
      return failure{errc::misconfigured, file + ": " + said};
    const auto steps = sqlite_work::migration_status(**db);
    if (!steps)
      return steps.error();
    if (!steps->front().applied)
      return failure{errc::misconfigured, file + " is not a backup of a Furrow database"};
    (*db)->run("pragma journal_mode = delete"); // one file, without a -wal file
    return done{};
  });
}

result<done> refuse_data(const std::string& path, const store_options& options) {
  if (!std::filesystem::exists(path))
    return done{};
  return guarded<done>([&]() -> result<done> {
    auto db = sqlite_db::open(path, sqlite_db::access::write, options.lock_timeout);
    if (!db)
      return db.error();
    if (number(**db, "select count(*) from sqlite_schema where name = 'equipment'") == 0)
      return done{};
    const auto machines = number(**db, "select count(*) from equipment");
    if (machines == 0)
      return done{};
    return failure{errc::misconfigured, "it holds " + std::to_string(machines)
                                          + " machines: --replace puts the file in their place"};
  });
}

/// Fails while a process has the file open: in WAL mode each such process holds a lock.
result<done> take_alone(sqlite3* db) {
  for (const auto* sql : {"pragma locking_mode = exclusive", "begin exclusive", "commit"}) {
    const int code = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
    if ((code & 0xFF) == SQLITE_BUSY)
      return failure{errc::misconfigured, "another process uses it: stop the node first"};
    if (code != SQLITE_OK)
      return failure{errc::misconfigured, sqlite3_errmsg(db)};
  }
  return done{};
}

} // namespace

result<std::vector<migration_row>>
migrate(const std::string& path, const store_options& options, migration_wish wish, bool rehearse) {
  return guarded<std::vector<migration_row>>([&]() -> result<std::vector<migration_row>> {
    if (rehearse && !std::filesystem::exists(path))
      return compare(sqlite_migrations(), {});
    auto db = sqlite_db::open(path, sqlite_db::access::write, options.lock_timeout);
    if (!db)
      return db.error();
    return rehearse ? sqlite_work::migration_status(**db) : sqlite_work::migrate_to(**db, wish);
  });
}

result<std::vector<finding>> validate(const std::string& path, const store_options& options) {
  return guarded<std::vector<finding>>([&]() -> result<std::vector<finding>> {
    auto db = open_there(path, options);
    if (!db)
      return db.error();
    const auto steps = sqlite_work::migration_status(**db);
    if (!steps)
      return steps.error();
    std::vector<finding> out;
    const auto newest = add_migrations(*steps, out);
    (*db)->run("begin"); // one snapshot for all checks
    add_integrity(**db, out);
    add_objects(**db, newest, out);
    add_counts(**db, out);
    add_rules(**db, newest, out);
    (*db)->run("commit");
    return out;
  });
}

result<saved_file>
backup(const std::string& path, const store_options& options, const std::string& file) {
  const auto there = open_there(path, options);
  if (!there)
    return there.error();
  auto from = open_raw(path, SQLITE_OPEN_READWRITE);
  auto to = open_raw(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!from || !to)
    return from ? to.error() : from.error();
  sqlite3_busy_timeout(from->get(), static_cast<int>(options.lock_timeout.count()));
  const auto copied = copy_pages(from->get(), to->get());
  if (!copied)
    return copied.error();
  to->reset();
  const auto sound = check_file(file, options);
  if (!sound)
    return sound.error();
  return saved_file{0, std::string{"sqlite "} + sqlite3_libversion()};
}

result<saved_file> restore(const std::string& path,
                           const store_options& options,
                           const std::string& file,
                           bool replace) {
  // The check may open the file for writing (a WAL database), so it uses a copy of the backup.
  auto from = open_raw(file, SQLITE_OPEN_READONLY);
  if (!from)
    return from.error();
  const auto checked = path + ".restoring";
  std::error_code ignored;
  std::filesystem::remove(checked, ignored);
  {
    auto copy = open_raw(checked, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    const auto copied = copy ? copy_pages(from->get(), copy->get()) : result<done>{copy.error()};
    if (!copied)
      return failure{copied.error().code, file + ": " + copied.error().detail};
  }
  auto sound = check_file(checked, options);
  if (sound && !replace)
    sound = refuse_data(path, options);
  if (sound) {
    auto source = open_raw(checked, SQLITE_OPEN_READONLY);
    auto to = open_raw(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (!source || !to)
      return source ? to.error() : source.error();
    sound = take_alone(to->get());
    if (sound)
      sound = copy_pages(source->get(), to->get());
  }
  std::filesystem::remove(checked, ignored);
  if (!sound)
    return failure{sound.error().code, "nothing was changed: " + sound.error().detail};
  return saved_file{0, std::string{"sqlite "} + sqlite3_libversion()};
}

} // namespace furrow::storage::sqlite_maintenance
