#include "storage/sqlite/migrate.hpp"

#include "storage/migrations/migrations.hpp"
#include "storage/sqlite/work.hpp"

#include <algorithm>

namespace furrow::storage::sqlite_work {

namespace {

std::vector<applied_migration> applied(sqlite_db& db) {
  std::vector<applied_migration> out;
  auto exists =
    db.statement("select 1 from sqlite_schema where type = 'table' and name = 'migration'");
  if (!exists.step())
    return out;
  auto rows = db.statement("select number, name, checksum from migration order by number");
  while (rows.step())
    out.push_back({static_cast<std::uint32_t>(rows.integer(0)), std::string{rows.bytes(1)},
                   std::string{rows.bytes(2)}});
  return out;
}

/// One step in one transaction. False: another process applied it first.
bool apply_step(sqlite_db& db, const migration& step) {
  sqlite_transaction transaction{db};
  db.run("create table if not exists migration (number integer primary key, name text not null, "
         "checksum text not null, applied_at integer not null default (unixepoch()))");
  const auto sum = sha256_hex(step.sql);
  const std::string name{step.name};
  db.statement(
      "insert into migration (number, name, checksum) values (?, ?, ?) on conflict do nothing")
    .with(std::int64_t{step.number}, name, sum)
    .run();
  if (db.changes() == 0)
    return false;
  db.run(std::string{step.sql});
  transaction.commit();
  return true;
}

} // namespace

result<std::vector<migration_row>> migration_status(sqlite_db& db) {
  return compare(sqlite_migrations(), applied(db));
}

result<std::vector<migration_row>> migrate(sqlite_db& db) {
  return migrate_to(db, {});
}

result<std::vector<migration_row>> migrate_to(sqlite_db& db, migration_wish wish) {
  for (const auto& step : sqlite_migrations()) {
    if (step.number > wish.to.value_or(step.number))
      break;
    const auto rows = compare(sqlite_migrations(), applied(db));
    if (const auto why = refusal(rows))
      return *why;
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const migration_row& one) {
      return one.number == step.number;
    });
    if (!row->applied)
      (void)apply_step(db,
                       step); // the next round compares the checksum when another was first
  }
  auto rows = compare(sqlite_migrations(), applied(db));
  if (const auto why = refusal(rows))
    return *why;
  return rows;
}

} // namespace furrow::storage::sqlite_work
