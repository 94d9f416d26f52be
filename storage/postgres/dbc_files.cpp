#include "storage/dbc/dbc_files.hpp"

#include "storage/append/quarantine.hpp"
#include "storage/identity/audit.hpp"
#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/locked_end.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/definitions.hpp"
#include "storage/postgres/work.hpp"

#include <utility>

namespace furrow::storage::postgres_work {

namespace {

constexpr std::uint32_t bytea_oid = 17;

const std::string dbc_select =
  "select d.id, d.name, coalesce(f.name, ''), coalesce(e.name, ''), d.sha256, d.version is not "
  "null, "
  "d.loaded_at, d.encoding, d.content, coalesce(d.version, 0) from furrow.dbc d left join "
  "furrow.equipment e on e.id = "
  "d.equipment_id left join furrow.farm f on f.id = coalesce(d.farm_id, e.farm_id) ";

stored_dbc stored_of(const pq_rows& rows, int row, bool content) {
  stored_dbc out;
  out.id = static_cast<std::int32_t>(rows.integer(row, 0));
  out.name = rows.text(row, 1);
  out.farm = rows.text(row, 2);
  out.equipment = rows.text(row, 3);
  out.sha256 = rows.text(row, 4);
  out.active = rows.integer(row, 5) != 0;
  out.loaded_us = rows.integer(row, 6) + epoch_2000_us;
  out.encoding = static_cast<can::dbc_encoding>(rows.integer(row, 7));
  out.version = static_cast<std::int32_t>(rows.integer(row, 9));
  if (content)
    out.content = rows.text(row, 8);
  return out;
}

task<result<std::vector<stored_dbc>>>
stored_files(pq_connection& db, std::string condition, bool content) {
  const auto reply = co_await db.query((dbc_select + condition).c_str(), pq_parameters{});
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  std::vector<stored_dbc> out;
  out.reserve(static_cast<std::size_t>(rows.size()));
  for (int row = 0; row < rows.size(); ++row)
    out.push_back(stored_of(rows, row, content));
  co_return out;
}

task<result<stored_dbc>> read_dbc(pq_connection& db, std::int32_t id) {
  const auto reply =
    co_await db.query((dbc_select + "where d.id = $1").c_str(), pq_parameters{}.int4(id));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0)
    co_return failure{errc::not_found, "no DBC file " + std::to_string(id)};
  co_return stored_of(rows, 0, true);
}

task<std::optional<failure>>
note_dbc(pq_connection& db, const author& by, const char* action, const stored_dbc& file) {
  const auto row = audit_of_dbc(by, action, file);
  const auto failed = co_await note_change(db, row);
  if (failed)
    co_return failed->as_failure();
  co_return std::nullopt;
}

/// Runs `work` in a transaction. Two of them run one after the other.
template <class T, class Work>
task<result<T>> one_by_one(pq_connection& db, Work work) {
  const auto begun = co_await db.run("begin");
  if (begun.error)
    co_return begun.error->as_failure();
  const auto held =
    co_await db.run("lock table furrow.dbc, furrow.definition_set in share row exclusive mode");
  result<T> outcome = failure{errc::retry_later, "not done"};
  if (held.error)
    outcome = held.error->as_failure();
  else
    outcome = co_await work();
  co_return co_await end_with(db, outcome);
}

/// Its definitions become the newest, unless they are it already; the others of its name are not active any more.
task<std::optional<failure>> make_active(pq_connection& db, const stored_dbc& file) {
  const auto parsed = parse_stored(file);
  if (!parsed)
    co_return parsed.error();
  const auto others = co_await db.query("update furrow.dbc d set version = null from furrow.dbc o "
                                        "where o.id = $1 and d.name = o.name and "
                                        "d.farm_id is not distinct from o.farm_id and "
                                        "d.equipment_id is not distinct from o.equipment_id",
                                        pq_parameters{}.int4(file.id));
  if (others.error)
    co_return others.error->as_failure();
  const auto reply = co_await db.query(
    "with file as (select * from furrow.dbc where id = $1), newest as ("
    "  select d.version, d.sha256 from furrow.definition_set d join file f on d.name = f.name and "
    "  d.farm_id is not distinct from f.farm_id and d.equipment_id is not distinct from "
    "f.equipment_id "
    "  order by d.version desc limit 1"
    "), made as ("
    "  insert into furrow.definition_set (version, farm_id, equipment_id, name, sha256) "
    "  select (select coalesce(max(d.version), 0) + 1 from furrow.definition_set d), f.farm_id, "
    "  f.equipment_id, f.name, f.sha256 from file f where not exists (select from newest n where "
    "  n.sha256 = f.sha256) returning version"
    "), active as (update furrow.dbc d set version = coalesce((select version from made), (select "
    "version from newest)) where d.id = $1) "
    "select (select version from made)",
    pq_parameters{}.int4(file.id));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0 || rows.null(0, 0))
    co_return std::nullopt;
  co_return co_await add_definitions(db, static_cast<std::int32_t>(rows.integer(0, 0)), *parsed);
}

/// A file for all machines is in one place: nodes copy its definitions from there.
task<std::optional<failure>> check_main(pq_connection& db) {
  const auto reply = co_await db.query("select n.number from furrow.numbering n where n.number > 0",
                                       pq_parameters{});
  if (reply.error)
    co_return reply.error->as_failure();
  if (pq_rows{reply.rows.get()}.size() > 0)
    co_return failure{errc::misconfigured,
                      "DBC files for all machines are in the main database: use "
                      "its URL, or a node"};
  co_return std::nullopt;
}

struct entered_dbc {
  std::int32_t id = 0;
  bool active = false;
};

/// The row of the file: that of the same content for the same machines, or a new one.
task<result<entered_dbc>>
enter_dbc(pq_connection& db, const dbc_upload& file, const std::string& sum) {
  pq_parameters given;
  given.text(file.scope).text(as_text(file.name)).text(sum);
  given.add(bytea_oid, file.content).int4(static_cast<std::int32_t>(file.encoding));
  const auto reply = co_await db.query(
    "with scope as materialized ("
    "  select null::int as farm, null::int as equipment where $1 = 'all' "
    "  union all select f.id, null from furrow.farm f where $1 in (f.name, f.name || '/') "
    "            and f.home_state = 'here' "
    "  union all select null, e.id from furrow.equipment e join furrow.farm f on f.id = e.farm_id "
    "            where $1 in (e.name, f.name || '/' || e.name) and f.home_state = 'here'"
    "), elsewhere as ("
    "  select f.name, case f.home_state when 'arriving' then '' else coalesce(f.home, '') end as "
    "home from furrow.farm f where f.home_state <> 'here' and ($1 = f.name or starts_with($1, "
    "f.name || '/')) limit 1"
    "), there as ("
    "  select d.id, d.version is not null as active from furrow.dbc d join scope s on d.farm_id is "
    "not distinct from s.farm and d.equipment_id is not distinct from s.equipment where d.sha256 = "
    "$3 and d.name = $2 order by d.id desc limit 1"
    "), made as ("
    "  insert into furrow.dbc (farm_id, equipment_id, name, sha256, content, encoding) select "
    "s.farm, s.equipment, $2, $3, $4, $5::smallint from scope s where not exists (select from "
    "there) and (select count(*) from scope) = 1 returning id"
    ") select (select count(*) from scope)::int, coalesce((select id from made), (select id from "
    "there)), coalesce((select active from there), false), e.name, e.home "
    "from (values (1)) one left join elsewhere e on true",
    given);
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.integer(0, 0) == 0 && !rows.null(0, 3))
    co_return lives_elsewhere(rows.text(0, 3), rows.text(0, 4));
  if (const auto wrong = scope_fault(rows.integer(0, 0), file.scope))
    co_return *wrong;
  co_return entered_dbc{static_cast<std::int32_t>(rows.integer(0, 1)), rows.integer(0, 2) != 0};
}

task<result<dbc_load_outcome>> dbc_load_begun(pq_connection& db,
                                              const dbc_upload& file,
                                              const std::string& sum,
                                              const author& by) {
  if (file.scope == "all")
    if (const auto wrong = co_await check_main(db))
      co_return *wrong;
  const auto entered = co_await enter_dbc(db, file, sum);
  if (!entered)
    co_return entered.error();
  if (entered->active)
    co_return dbc_load_outcome{entered->id, false};
  const auto stored = co_await read_dbc(db, entered->id);
  if (!stored)
    co_return stored.error();
  auto failed = co_await make_active(db, *stored);
  if (!failed)
    failed = co_await note_dbc(db, by, "dbc load", *stored);
  if (failed)
    co_return *failed;
  co_return dbc_load_outcome{entered->id, true};
}

task<result<dbc_load_outcome>> load_file(pq_connection& db, dbc_upload file, author by) {
  stored_dbc as_stored;
  as_stored.name = file.name;
  as_stored.content = file.content;
  as_stored.encoding = file.encoding;
  const auto parsed = parse_stored(as_stored);
  if (!parsed)
    co_return parsed.error();
  const auto sum = dbc_checksum(*parsed);
  co_return co_await one_by_one<dbc_load_outcome>(
    db, [&] { return dbc_load_begun(db, file, sum, by); });
}

task<result<done>> activate_begun(pq_connection& db, std::int32_t id, const author& by) {
  const auto stored = co_await read_dbc(db, id);
  if (!stored)
    co_return stored.error();
  auto failed = co_await make_active(db, *stored);
  if (!failed)
    failed = co_await note_dbc(db, by, "dbc activate", *stored);
  if (failed)
    co_return *failed;
  co_return done{};
}

task<result<done>> activate_file(pq_connection& db, std::int32_t id, author by) {
  co_return co_await one_by_one<done>(db, [&] { return activate_begun(db, id, by); });
}

task<result<done>> remove_begun(pq_connection& db, std::int32_t id, const author& by) {
  const auto stored = co_await read_dbc(db, id);
  if (!stored)
    co_return stored.error();
  const auto reply = co_await db.query(
    "with file as (select * from furrow.dbc where id = $1), gone as materialized (select d.version "
    "from "
    "furrow.definition_set d join file f on d.name = f.name and d.sha256 = f.sha256 and d.farm_id "
    "is not "
    "distinct from f.farm_id and d.equipment_id is not distinct from f.equipment_id), signals as "
    "(delete from furrow.definition_signal s using gone g where s.version = g.version), messages "
    "as "
    "(delete from furrow.definition_message m using gone g where m.version = g.version), sets as "
    "(delete from furrow.definition_set d using gone g where d.version = g.version) "
    "delete from furrow.dbc d where d.id = $1",
    pq_parameters{}.int4(id));
  if (reply.error)
    co_return reply.error->as_failure();
  if (const auto failed = co_await note_dbc(db, by, "dbc remove", *stored))
    co_return *failed;
  co_return done{};
}

task<result<done>> remove_file(pq_connection& db, std::int32_t id, author by) {
  co_return co_await one_by_one<done>(db, [&] { return remove_begun(db, id, by); });
}

task<result<std::optional<active_dbc>>> read_active(pq_connection& db, std::string known) {
  const auto reply = co_await db.query("select coalesce(string_agg(d.id::text, ' ' order by d.id), "
                                       "'') from furrow.dbc d where d.version is "
                                       "not null",
                                       pq_parameters{});
  if (reply.error)
    co_return reply.error->as_failure();
  active_dbc out;
  out.stamp = pq_rows{reply.rows.get()}.text(0, 0);
  if (out.stamp == known)
    co_return std::optional<active_dbc>{};
  auto files = co_await stored_files(db,
                                     "where d.version is not null order by d.equipment_id is null, "
                                     "d.farm_id is null, d.version desc",
                                     true);
  if (!files)
    co_return files.error();
  out.files = std::move(*files);
  co_return std::optional{std::move(out)};
}

/// The oldest active file whose definitions are missing gets them; false when there was none.
task<result<bool>> complete_one(pq_connection& db) {
  const auto found = co_await stored_files(
    db,
    "where d.version is not null and not exists (select from furrow.definition_set s where "
    "s.version = d.version and s.name = d.name and s.sha256 = d.sha256 and s.farm_id is not "
    "distinct from d.farm_id and s.equipment_id is not distinct from d.equipment_id) order by d.id "
    "limit 1",
    true);
  if (!found)
    co_return found.error();
  if (found->empty())
    co_return false;
  if (const auto failed = co_await make_active(db, found->front()))
    co_return *failed;
  co_return true;
}

/// The newest definitions of this name for all machines are those of the file, or become so.
task<std::optional<failure>> copy_file(pq_connection& db, const stored_dbc& file) {
  const auto parsed = parse_stored(file);
  if (!parsed)
    co_return parsed.error();
  const auto reply = co_await db.query(
    "with newest as (select d.sha256 from furrow.definition_set d where d.name = $1 and d.farm_id "
    "is null and d.equipment_id is null order by d.version desc limit 1) "
    "insert into furrow.definition_set (version, name, sha256, copied) "
    "select (select coalesce(max(d.version), 0) + 1 from furrow.definition_set d), $1, $2, true "
    "where not exists (select from newest n where n.sha256 = $2) returning version",
    pq_parameters{}.text(file.name).text(file.sha256));
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  if (rows.size() == 0)
    co_return std::nullopt;
  co_return co_await add_definitions(db, static_cast<std::int32_t>(rows.integer(0, 0)), *parsed);
}

task<result<done>> copy_begun(pq_connection& db, const std::vector<stored_dbc>& files) {
  std::string names; // no name has a slash
  for (const auto& file : files) {
    if (const auto failed = co_await copy_file(db, file))
      co_return *failed;
    names += file.name + "/";
  }
  const auto reply = co_await db.query(
    "with gone as materialized (select d.version from furrow.definition_set d where d.copied and "
    "d.name <> all (string_to_array($1, '/'))), signals as (delete from furrow.definition_signal s "
    "using gone g where s.version = g.version), messages as (delete from furrow.definition_message "
    "m using gone g where m.version = g.version) "
    "delete from furrow.definition_set d using gone g where d.version = g.version",
    pq_parameters{}.text(names));
  if (reply.error)
    co_return reply.error->as_failure();
  co_return done{};
}

task<result<done>> copy_files(pq_connection& db, std::vector<stored_dbc> files) {
  co_return co_await one_by_one<done>(db, [&] { return copy_begun(db, files); });
}

/// On the connection for upkeep.
class postgres_dbc : public dbc_store {
public:
  explicit postgres_dbc(std::shared_ptr<postgres_pool> lane) : lane_{std::move(lane)} {}

  void load(dbc_upload file, author by, handler<dbc_load_outcome> done) override {
    lane_->submit(job_of(false, std::move(done),
                         [file = std::move(file), by = std::move(by)](pq_connection& db) {
                           return load_file(db, file, by);
                         }));
  }
  void list(handler<std::vector<stored_dbc>> done) override {
    lane_->submit(job_of(false, std::move(done), [](pq_connection& db) {
      return stored_files(db, "order by f.name nulls first, e.name nulls first, d.name, d.id desc",
                          false);
    }));
  }
  void read(std::int32_t id, handler<stored_dbc> done) override {
    lane_->submit(
      job_of(false, std::move(done), [id](pq_connection& db) { return read_dbc(db, id); }));
  }
  void activate(std::int32_t id, author by, handler<furrow::done> done) override {
    lane_->submit(job_of(false, std::move(done), [id, by = std::move(by)](pq_connection& db) {
      return activate_file(db, id, by);
    }));
  }
  void remove(std::int32_t id, author by, handler<furrow::done> done) override {
    lane_->submit(job_of(false, std::move(done), [id, by = std::move(by)](pq_connection& db) {
      return remove_file(db, id, by);
    }));
  }
  void read_active(std::string known, handler<std::optional<active_dbc>> done) override {
    lane_->submit(job_of(false, std::move(done), [known = std::move(known)](pq_connection& db) {
      return postgres_work::read_active(db, known);
    }));
  }

  void copy_definitions(std::vector<stored_dbc> files, handler<furrow::done> copied) override {
    lane_->submit(job_of(false, std::move(copied), [files = std::move(files)](pq_connection& db) {
      return copy_files(db, files);
    }));
  }

private:
  std::shared_ptr<postgres_pool> lane_;
};

} // namespace

task<result<done>> complete_definitions(pq_connection& db) {
  for (bool more = true; more;) {
    const auto made = co_await one_by_one<bool>(db, [&] { return complete_one(db); });
    if (!made)
      co_return made.error();
    more = *made;
  }
  co_return done{};
}

std::unique_ptr<dbc_store> make_dbc(std::shared_ptr<postgres_pool> lane) {
  return std::make_unique<postgres_dbc>(std::move(lane));
}

} // namespace furrow::storage::postgres_work
