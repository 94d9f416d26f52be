#include "storage/postgres/migrate.hpp"

#include "storage/migrations/migrations.hpp"
#include "storage/migrations/timescale.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/definitions.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <memory>

namespace furrow::storage::postgres_work {

namespace {

/// "furrow" in ASCII; the same number in every program that migrates.
constexpr const char* lock = "select pg_advisory_lock(112659113996151)";
constexpr const char* unlock = "select pg_advisory_unlock(112659113996151)";

/// `create schema if not exists` needs the right to create even for an existing schema, so check
/// first.
constexpr const char* make_table =
  "do $$ begin "
  "if to_regnamespace('furrow') is null then create schema furrow; end if; "
  "if to_regclass('furrow.migration') is null then create table furrow.migration (number int "
  "primary key, "
  "name text not null, checksum text not null, applied_at timestamptz not null default now()); end "
  "if; end $$";

task<result<std::vector<applied_migration>>> applied(pq_connection& db) {
  std::vector<applied_migration> out;
  const auto there = co_await db.query("select to_regclass('furrow.migration') is not null");
  if (there.error)
    co_return there.error->as_failure();
  if (pq_rows{there.rows.get()}.integer(0, 0) == 0)
    co_return out;
  const auto reply =
    co_await db.query("select number, name, checksum from furrow.migration order by number");
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  for (int row = 0; row < rows.size(); ++row)
    out.push_back(
      {static_cast<std::uint32_t>(rows.integer(row, 0)), rows.text(row, 1), rows.text(row, 2)});
  co_return out;
}

/// Every program looks at the schema first: here it is told that it cannot work.
task<std::optional<failure>> unfit_pooler(pq_connection& db) {
  const bool shares = co_await db.shares_servers();
  if (!shares)
    co_return std::nullopt;
  co_return failure{errc::misconfigured,
                    "the database URL leads to a pooler in transaction mode, and Furrow needs "
                    "sessions; use the pooler's session mode, or the server itself"};
}

std::string quoted(PGconn* connection, const std::string& text) {
  const std::unique_ptr<char, void (*)(void*)> literal{
    PQescapeLiteral(connection, text.data(), text.size()), PQfreemem};
  return literal ? literal.get() : "null";
}

/// A simple-query message is one transaction: the step and its row are committed together. With hypertables the step
/// finds the functions that it knows, and what is beside the steps is made anew.
task<std::optional<failure>> apply_step(pq_connection& db,
                                        const migration_row& row,
                                        const migration& step,
                                        bool has_hypertables) {
  // Named: GCC 12 destroys a temporary of a condition twice when it is made within a co_await.
  std::string text{step.sql};
  if (has_hypertables)
    text.insert(0, "select furrow.unwrap_for_step();\n");
  text += ";\ninsert into furrow.migration (number, name, checksum) values ("
          + std::to_string(row.number) + ", " + quoted(db.raw(), row.name) + ", "
          + quoted(db.raw(), row.checksum) + ")";
  if (has_hypertables)
    text.append(";\n").append(timescale_sql);
  const auto reply = co_await db.run(text);
  if (reply.error) {
    auto why = reply.error->as_failure();
    why.detail = "migration " + std::to_string(row.number) + " (" + row.name + "): " + why.detail;
    if (why.code == errc::reject_row)
      why.code = errc::misconfigured;
    co_return why;
  }
  if (db.warned())
    co_return failure{errc::retry_later, db.warning()};
  co_return std::nullopt;
}

/// The catalogue is written as the tables of this step have it.
constexpr std::uint32_t catalogue_since = 8;

bool holds_catalogue(const std::vector<migration_row>& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const migration_row& row) {
    return row.number == catalogue_since && row.applied;
  });
}

task<result<std::vector<migration_row>>> migrate_locked(pq_connection& db, migration_wish wish) {
  const auto made = co_await db.run(make_table);
  if (made.error)
    co_return made.error->as_failure();
  const auto before = co_await applied(db);
  if (!before)
    co_return before.error();
  auto rows = compare(postgres_migrations(), *before);
  if (const auto why = refusal(rows))
    co_return *why;
  const auto beside = co_await db.query(
    "select to_regprocedure('furrow.unwrap_for_step()') is not null", pq_parameters{});
  if (beside.error)
    co_return beside.error->as_failure();
  const bool has_hypertables = pq_rows{beside.rows.get()}.integer(0, 0) != 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].applied || rows[i].number > wish.to.value_or(rows[i].number))
      continue;
    const auto failed = co_await apply_step(db, rows[i], postgres_migrations()[i], has_hypertables);
    if (failed)
      co_return *failed;
    rows[i].applied = true;
  }
  if (!holds_catalogue(rows))
    co_return rows; // not that far yet
  const auto unloaded = co_await load_catalogue(db);
  if (unloaded)
    co_return *unloaded;
  co_return rows;
}

} // namespace

task<result<std::vector<migration_row>>> migration_status(pq_connection& db) {
  const auto unfit = co_await unfit_pooler(db);
  if (unfit)
    co_return *unfit;
  const auto known = co_await applied(db);
  if (!known)
    co_return known.error();
  co_return compare(postgres_migrations(), *known);
}

task<result<std::vector<migration_row>>> migrate(pq_connection& db) {
  return migrate_to(db, {});
}

task<result<std::vector<migration_row>>> migrate_to(pq_connection& db, migration_wish wish) {
  const auto unfit = co_await unfit_pooler(db);
  if (unfit)
    co_return *unfit;
  const auto locked = co_await db.run(lock);
  if (locked.error)
    co_return locked.error->as_failure();
  auto outcome = co_await migrate_locked(db, wish);
  const auto unlocked = co_await db.run(unlock);
  if (unlocked.error)
    db.close(); // closing the session releases the lock
  co_return outcome;
}

task<void> ask_migrations(pq_connection& db,
                          migration_wish wish,
                          bool rehearse,
                          result<std::vector<migration_row>>& out) {
  const auto away = co_await db.connect();
  if (away)
    out = away->as_failure();
  else if (rehearse)
    out = co_await migration_status(db);
  else
    out = co_await migrate_to(db, wish);
}

} // namespace furrow::storage::postgres_work
