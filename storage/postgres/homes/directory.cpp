#include "storage/homes/directory.hpp"

#include "storage/append/quarantine.hpp"
#include "storage/identity/audit.hpp"
#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/locked_end.hpp"
#include "storage/postgres/connection/query_pool.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/connection/url.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::storage::postgres_work {

namespace {

constexpr std::uint32_t weight_max = 10'000;
constexpr int place_attempts_max = 10;

bool waited_in_vain(const std::optional<pq_error>& error) {
  return error && error->judge() == verdict::again;
}

farm_home home_in(const pq_rows& rows, int row) {
  return {rows.text(row, 0), rows.text(row, 1), rows.integer(row, 2)};
}

task<result<std::vector<database_row>>> list_databases(pq_connection& db) {
  const auto reply = co_await db.query(
    "select d.name, d.url, d.weight, d.farms, coalesce(n.number, 0) from furrow.databases() d join "
    "furrow.database n using (name)");
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<database_row> out;
  out.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row)
    out.push_back({rows.text(row, 0), rows.text(row, 1),
                   static_cast<std::uint32_t>(rows.natural(row, 2)), rows.natural(row, 3),
                   static_cast<std::uint32_t>(rows.natural(row, 4))});
  co_return out;
}

/// A node acts on the row, so it must outlive a failover. Version 0 is not written anywhere.
task<std::optional<failure>> make_row_certain(pq_connection& db, std::int64_t version) {
  if (version == 0)
    co_return std::nullopt;
  co_return co_await make_certain(db);
}

task<result<std::vector<farm_home>>> list_homes(pq_connection& db) {
  const auto reply = co_await db.query(
    "select farm, database, version from furrow.farm_home union all select f.name, 'main', 0 from "
    "furrow.stored_farm f where f.home_state = 'here' and not exists (select from furrow.farm_home "
    "h where h.farm = f.name) order by 1 limit $1",
    pq_parameters{}.int8(farms_max));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<farm_home> out;
  out.reserve(static_cast<std::size_t>(rows.size()));
  std::int64_t newest = 0;
  for (int row = 0; row < rows.size(); ++row) {
    out.push_back(home_in(rows, row));
    newest = std::max(newest, out.back().version);
  }
  if (const auto failed = co_await make_row_certain(db, newest))
    co_return *failed;
  co_return out;
}

task<result<std::optional<farm_home>>> find_home(pq_connection& db, const std::string& farm) {
  const auto reply =
    co_await db.query("select farm, database, version from furrow.farm_home where farm = $1",
                      pq_parameters{}.text(farm));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0)
    co_return std::nullopt;
  auto found = home_in(rows, 0);
  if (const auto failed = co_await make_row_certain(db, found.version))
    co_return *failed;
  co_return std::optional{std::move(found)};
}

task<result<farm_home>> place_farm(pq_connection& db, const std::string& farm) {
  const auto parameters = pq_parameters{}.text(farm);
  constexpr const char* text = "select $1::text, database, version from furrow.place_farm($1)";
  auto reply = co_await db.query(text, parameters);
  // Many new farms at once wait for each other, each for its commit: longer than a lock may take.
  for (int attempt = 1; attempt < place_attempts_max && waited_in_vain(reply.error); ++attempt)
    reply = co_await db.query(text, parameters);
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() != 1)
    co_return failure{errc::misconfigured, "furrow.place_farm gave an unexpected answer"};
  auto placed = home_in(rows, 0);
  if (const auto failed = co_await make_row_certain(db, placed.version))
    co_return *failed;
  co_return placed;
}

task<result<std::int64_t>> read_version(pq_connection& db) {
  const auto reply = co_await db.query("select version from furrow.directory_state");
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  co_return rows.size() == 0 ? std::int64_t{0} : rows.integer(0, 0);
}

task<result<std::vector<farm_state>>> list_farms(pq_connection& db) {
  const auto reply = co_await db.query(
    "select name, machines, coalesce(home, ''), home_version, home_state from furrow.stored_farm "
    "union all select f.name, 0, coalesce(f.home, ''), f.home_version, f.home_state from "
    "furrow.farm f where f.home_state <> 'here' and not exists (select from furrow.stored_farm s "
    "where s.id = f.id) order by 1 limit $1",
    pq_parameters{}.int8(farms_max));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<farm_state> out;
  out.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row)
    out.push_back({rows.text(row, 0), rows.natural(row, 1), rows.text(row, 2), rows.integer(row, 3),
                   rows.text(row, 4)});
  co_return out;
}

task<result<database_numbering>> read_numbering(pq_connection& db) {
  const auto reply = co_await db.query(
    "select s.system_identifier || '/' || d.oid, (select n.number from furrow.numbering n), not "
    "exists (select from furrow.farm) and not exists (select from furrow.signal_name) and not "
    "exists (select from furrow.dbc) from pg_control_system() s, pg_database d where d.datname = "
    "current_database()");
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() != 1)
    co_return failure{errc::misconfigured, "the database does not say what it is"};
  database_numbering out{rows.text(0, 0), std::nullopt, rows.integer(0, 2) != 0};
  if (!rows.null(0, 1))
    out.number = static_cast<std::uint32_t>(rows.natural(0, 1));
  co_return out;
}

failure rejected(std::string why) {
  return {errc::reject_row, std::move(why)};
}

task<result<std::uint32_t>> number_from(pq_connection& db, const char* sql, pq_parameters given) {
  const auto reply = co_await db.query(sql, given);
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() != 1 || rows.null(0, 0))
    co_return rejected("all " + std::to_string(databases_max - 1)
                       + " numbers of databases were given");
  co_return static_cast<std::uint32_t>(rows.natural(0, 0));
}

/// What is wrong with a database that people want to add.
std::optional<failure> fault_of_database(const database_row& row) {
  if (!is_database_name(row.name))
    return rejected("an invalid name of a database: \"" + row.name
                    + "\" (1 to 32 of a-z, 0-9, - and _)");
  if (row.weight > weight_max)
    return rejected("a weight is at most " + std::to_string(weight_max));
  if (row.url.starts_with("sqlite:"))
    return rejected("another database of a node must be PostgreSQL: postgresql://...");
  if (const auto url = check_postgres_url(row.url); !url)
    return rejected(url.error().detail);
  if (has_password(row.url))
    return rejected("the URL holds a password, which every node and every reader of the directory "
                    "would see: leave it out, and put it in the file that PGPASSFILE names on each "
                    "node, or use a certificate");
  return std::nullopt;
}

/// Ends the text of a change: the row of the audit log.
task<result<done>> noted(pq_connection& db, audit_row row, const author& by) {
  row.who = by.who;
  row.origin = by.origin;
  const auto failed = co_await note_change(db, row);
  if (failed)
    co_return failed->as_failure();
  co_return done{};
}

task<result<done>> add_begun(pq_connection& db, const database_row& row, const author& by) {
  const auto reply = co_await db.query(
    "with taken as (select d.name, d.url = $2 as same_url, d.number = $5 as same_number from "
    "furrow.database d), "
    "added as (insert into furrow.database (name, url, weight, number) select $1, $2, $3, "
    "nullif($5, 0) where not exists (select from taken t where t.name = $1 or t.same_url or "
    "t.same_number) "
    "and (select count(*) from taken) < $4 on conflict do nothing returning 1) "
    "select (select count(*) from added), coalesce((select t.name from taken t where t.same_url), "
    "''), (select count(*) from taken t where t.name = $1), coalesce((select t.name from taken t "
    "where t.same_number), '')",
    pq_parameters{}
      .text(row.name)
      .text(row.url)
      .int4(static_cast<std::int32_t>(row.weight))
      .int8(databases_max)
      .int4(static_cast<std::int32_t>(row.number)));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.integer(0, 0) == 0) {
    if (rows.integer(0, 2) != 0)
      co_return rejected("the name " + row.name + " is taken");
    if (const auto other = rows.text(0, 1); !other.empty())
      co_return rejected("the database " + other + " has this URL");
    if (const auto other = rows.text(0, 3); !other.empty())
      co_return rejected("its rows have the ids of the database " + other + ", number "
                         + std::to_string(row.number)
                         + ": add it again if it is empty, else use another");
    co_return rejected("there are " + std::to_string(databases_max) + " databases already");
  }
  const auto given =
    co_await db.query("update furrow.directory_state set last_number = $1 where last_number < $1",
                      pq_parameters{}.int4(static_cast<std::int32_t>(row.number)));
  if (given.error)
    co_return given.error->as_failure();
  audit_row note{0, {}, "database add", row.name};
  note.after = nlohmann::json{{"url", row.url}, {"weight", row.weight}}.dump();
  co_return co_await noted(db, std::move(note), by);
}

/// The row of a database, locked.
task<result<database_row>> locked_row(pq_connection& db, const std::string& name) {
  const auto reply = co_await db.query(
    "select d.name, d.url, d.weight from furrow.database d where d.name = $1 for update",
    pq_parameters{}.text(name));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0)
    co_return failure{errc::not_found, "no database " + name};
  co_return database_row{rows.text(0, 0), rows.text(0, 1),
                         static_cast<std::uint32_t>(rows.natural(0, 2))};
}

task<result<done>>
weigh_begun(pq_connection& db, const std::string& name, std::uint32_t weight, const author& by) {
  const auto before = co_await locked_row(db, name);
  if (!before)
    co_return before.error();
  const auto reply =
    co_await db.query("update furrow.database set weight = $2 where name = $1",
                      pq_parameters{}.text(name).int4(static_cast<std::int32_t>(weight)));
  if (reply.error)
    co_return reply.error->as_failure();
  audit_row note{0, {}, "database weight", name};
  note.before = nlohmann::json{{"weight", before->weight}}.dump();
  note.after = nlohmann::json{{"weight", weight}}.dump();
  co_return co_await noted(db, std::move(note), by);
}

task<result<done>> remove_begun(pq_connection& db, const std::string& name, const author& by) {
  const auto before = co_await locked_row(db, name); // no farm is placed there meanwhile
  if (!before)
    co_return before.error();
  const auto held =
    co_await db.query("select count(*), min(farm) from furrow.farm_home where database = $1",
                      pq_parameters{}.text(name));
  if (held.error)
    co_return held.error->as_failure();
  const pq_rows farms{held.rows.get()};
  if (const auto count = farms.integer(0, 0); count != 0)
    co_return rejected("the database " + name + " is the home of " + std::to_string(count)
                       + (count == 1 ? " farm: " : " farms, as of ") + farms.text(0, 1)
                       + " (`furrow farm list` shows them)");
  const auto reply =
    co_await db.query("delete from furrow.database where name = $1", pq_parameters{}.text(name));
  if (reply.error)
    co_return reply.error->as_failure();
  audit_row note{0, {}, "database remove", name};
  note.before = nlohmann::json{{"url", before->url}, {"weight", before->weight}}.dump();
  co_return co_await noted(db, std::move(note), by);
}

/// Runs a change in a transaction.
template <class Change>
task<result<done>> in_transaction(pq_connection& db, Change change) {
  const auto begun = co_await db.run("begin");
  if (begun.error)
    co_return begun.error->as_failure();
  const auto changed = co_await change(db);
  co_return co_await end_with(db, changed);
}

/// `watch` answers nodes, `people` the rest.
class postgres_directory : public directory_store {
public:
  postgres_directory(std::shared_ptr<postgres_pool> watch, std::shared_ptr<query_pool> people)
    : watch_{std::move(watch)}, people_{std::move(people)} {}

  void list_databases(handler<std::vector<database_row>> done) override {
    people_->submit(job_of(false, std::move(done),
                           [](pq_connection& db) { return postgres_work::list_databases(db); }));
  }
  void list_homes(handler<std::vector<farm_home>> done) override {
    people_->submit(job_of(false, std::move(done),
                           [](pq_connection& db) { return postgres_work::list_homes(db); }));
  }
  void find_home(std::string farm, handler<std::optional<farm_home>> done) override {
    people_->submit(job_of(false, std::move(done), [farm = std::move(farm)](pq_connection& db) {
      return postgres_work::find_home(db, farm);
    }));
  }
  void place_farm(std::string farm, handler<farm_home> done) override {
    if (farm.empty() || !is_text(farm))
      return done(rejected("a farm has an invalid name: " + as_text(farm)));
    people_->submit(job_of(false, std::move(done), [farm = std::move(farm)](pq_connection& db) {
      return postgres_work::place_farm(db, farm);
    }));
  }
  void read_version(handler<std::int64_t> done) override {
    watch_->submit(job_of(false, std::move(done),
                          [](pq_connection& db) { return postgres_work::read_version(db); }));
  }
  void list_farms(handler<std::vector<farm_state>> done) override {
    people_->submit(job_of(false, std::move(done),
                           [](pq_connection& db) { return postgres_work::list_farms(db); }));
  }

  void add_database(database_row row, author by, handler<furrow::done> done) override {
    if (const auto wrong = fault_of_database(row))
      return done(*wrong);
    change(std::move(done), [row = std::move(row), by = std::move(by)](pq_connection& db) {
      return add_begun(db, row, by);
    });
  }
  void free_number(handler<std::uint32_t> done) override {
    people_->submit(job_of(false, std::move(done), [](pq_connection& db) {
      return number_from(db,
                         "select case when s.last < $1 then s.last + 1 end from (select "
                         "greatest(last_number, (select max(d.number) from furrow.database d)) as "
                         "last from furrow.directory_state) s",
                         pq_parameters{}.int4(static_cast<std::int32_t>(databases_max - 1)));
    }));
  }
  void read_numbering(handler<database_numbering> done) override {
    people_->submit(job_of(false, std::move(done),
                           [](pq_connection& db) { return postgres_work::read_numbering(db); }));
  }
  void number_ids(std::uint32_t number, handler<std::uint32_t> done) override {
    people_->submit(job_of(false, std::move(done), [number](pq_connection& db) {
      return number_from(db, "select furrow.number_ids($1)",
                         pq_parameters{}.int4(static_cast<std::int32_t>(number)));
    }));
  }
  void weigh_database(std::string name,
                      std::uint32_t weight,
                      author by,
                      handler<furrow::done> done) override {
    if (weight > weight_max)
      return done(rejected("a weight is at most " + std::to_string(weight_max)));
    change(std::move(done), [name = std::move(name), weight, by = std::move(by)](
                              pq_connection& db) { return weigh_begun(db, name, weight, by); });
  }
  void remove_database(std::string name, author by, handler<furrow::done> done) override {
    if (name == main_database)
      return done(rejected("main is the database of the nodes themselves; it stays"));
    change(std::move(done), [name = std::move(name), by = std::move(by)](pq_connection& db) {
      return remove_begun(db, name, by);
    });
  }

private:
  /// `begun` lives in the job until the transaction has ended.
  template <class Begun>
  void change(handler<furrow::done> done, Begun begun) {
    people_->submit(job_of(false, std::move(done), [begun = std::move(begun)](pq_connection& db) {
      return in_transaction(db, std::cref(begun));
    }));
  }

  std::shared_ptr<postgres_pool> watch_;
  std::shared_ptr<query_pool> people_;
};

} // namespace

std::unique_ptr<directory_store> make_directory(std::shared_ptr<postgres_pool> watch,
                                                std::shared_ptr<query_pool> people) {
  return std::make_unique<postgres_directory>(std::move(watch), std::move(people));
}

} // namespace furrow::storage::postgres_work

namespace furrow::storage {

result<done> check_database(const database_row& row) {
  if (auto wrong = postgres_work::fault_of_database(row))
    return std::move(*wrong);
  return done{};
}

} // namespace furrow::storage
