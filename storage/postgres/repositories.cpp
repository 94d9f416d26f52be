#include "storage/farm/repositories.hpp"

#include "storage/farm/repository_audit.hpp"
#include "storage/farm/repository_unit.hpp"
#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/byte_buffer.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/query_pool.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/series/zones.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace furrow::storage {

namespace {

constexpr int attempts_max = 4; // of a unit that met a deadlock or a lock

/// The result of a part of a unit.
struct progress {
  std::vector<rejection> rejections;
  std::uint64_t changed = 0;
  std::optional<pq_error> error;
  [[nodiscard]] bool sound() const { return !error && rejections.empty(); }
};

std::string table_of(entity what) {
  return std::string{"furrow."} + shape_of(what).table;
}

std::string owner_of(entity what) {
  return std::string{"t."} + shape_of(what).owner;
}

/// The array of one column, or of the names.
template <class Value>
std::string text_array(std::size_t count, Value value) {
  byte_buffer out;
  out.array_head(oid::text, count, true);
  for (std::size_t i = 0; i < count; ++i) {
    if (const std::optional<std::string> text = value(i))
      out.bytes_field(*text);
    else
      out.null_field();
  }
  return std::string{out.view()};
}

std::string names_of(const change_run& run) {
  return text_array(run.changes.size(),
                    [&](std::size_t i) { return std::optional{name_of(run.changes[i]->row)}; });
}

pq_parameters parameters_of(std::int32_t farm, const change_run& run) {
  pq_parameters out;
  out.int4(farm);
  byte_buffer versions;
  versions.array<std::int64_t>(oid::int8, run.changes.size(),
                               [&](std::size_t i) { return version_of(run.changes[i]->row); });
  out.add(oid::int8_array, versions.view());
  if (run.how == action::remove)
    return out.add(oid::text_array, names_of(run));
  std::vector<text_row> rows;
  rows.reserve(run.changes.size());
  for (const auto* each : run.changes)
    rows.push_back(to_row(each->row));
  for (std::size_t column = 0; column < shape_of(run.what).columns.size(); ++column)
    out.add(oid::text_array,
            text_array(rows.size(), [&](std::size_t i) { return std::move(rows[i][column]); }));
  return out;
}

/// "unnest($2::bigint[], $3::text[], ...) r(version, name, ...)".
std::string source_of(const change_run& run) {
  const auto columns = shape_of(run.what).columns.size();
  std::string arrays = "unnest($2::bigint[]";
  for (std::size_t i = 0; i < (run.how == action::remove ? 1 : columns); ++i)
    arrays += ", $" + std::to_string(i + 3) + "::text[]";
  return arrays + ") r(version, "
         + (run.how == action::remove ? "name" : column_list(run.what, "", "", false)) + ")";
}

/// "crop = r.crop::text, ..., version = t.version + 1, updated_at = now()".
std::string assignments(entity what, const char* from, bool cast) {
  std::string list;
  for (const auto& each : shape_of(what).columns)
    list += std::string{each.name} + " = " + from + each.name
            + (cast ? std::string{"::"} + each.type : "") + ", ";
  return list + "version = t.version + 1, updated_at = now()";
}

std::string statement_of(const change_run& run) {
  const auto what = run.what;
  const auto table = table_of(what) + " as t";
  const auto mine = owner_of(what) + " = $1 and t.name = r.name and r.version in (0, t.version)";
  if (run.how == action::update)
    return "update " + table + " set " + assignments(what, "r.", true) + " from " + source_of(run)
           + " where " + mine + " returning t.name";
  if (run.how == action::remove) {
    std::string needed = shape_of(what).needed;
    if (const auto at = needed.find('@'); at != std::string::npos)
      needed.replace(at, 1, "furrow.");
    return "delete from " + table + " using " + source_of(run) + " where " + mine
           + (needed.empty() ? "" : " and not " + needed) + " returning t.name";
  }
  std::string values;
  for (const auto& each : shape_of(what).columns)
    values += std::string{", r."} + each.name + "::" + each.type;
  // In the order of names, so that two inserts of the same names do not deadlock.
  return "insert into " + table + " (" + shape_of(what).owner + ", "
         + column_list(what, "", "", false) + ") select $1" + values + " from " + source_of(run)
         + " order by r.name collate \"C\" on conflict "
         + (run.how == action::create
              ? "do nothing"
              : "(farm_id, name) do update set " + assignments(what, "excluded.", false))
         + " returning t.name";
}

/// The rows that the statement did not change, and their stored versions.
task<progress> look_after(pq_connection& db,
                          std::int32_t farm,
                          const change_run& run,
                          const std::unordered_set<std::string>& touched) {
  progress out;
  const auto sql = "select t.name, t.version from " + table_of(run.what) + " t where "
                   + owner_of(run.what) + " = $1 and t.name = any($2::text[])";
  const auto reply =
    co_await db.query(sql.c_str(), pq_parameters{}.int4(farm).add(oid::text_array, names_of(run)));
  out.error = reply.error;
  if (reply.error)
    co_return out;
  const pq_rows rows{reply.rows.get()};
  for (std::size_t i = 0; i < run.changes.size(); ++i) {
    const auto& name = name_of(run.changes[i]->row);
    if (touched.contains(name))
      continue;
    std::optional<std::int64_t> standing;
    for (int row = 0; row < rows.size() && !standing; ++row)
      if (rows.bytes(row, 0) == name)
        standing = rows.integer(row, 1);
    out.rejections.push_back(met_other(*run.changes[i], run.place + i, standing));
    if (out.rejections.size() == 100)
      break; // enough rejections to find the fault
  }
  co_return out;
}

task<progress> carry_out(pq_connection& db, std::int32_t farm, const change_run& run) {
  const auto sql = statement_of(run);
  const auto reply = co_await db.query(sql.c_str(), parameters_of(farm, run));
  progress out;
  out.error = reply.error;
  if (reply.error)
    co_return out;
  const pq_rows rows{reply.rows.get()};
  out.changed = static_cast<std::uint64_t>(rows.size());
  if (out.changed == run.changes.size())
    co_return out;
  std::unordered_set<std::string> touched;
  for (int row = 0; row < rows.size(); ++row)
    touched.insert(rows.text(row, 0));
  auto missed = co_await look_after(db, farm, run, touched);
  co_return missed;
}

text_row text_row_of(const pq_rows& rows, int row, std::size_t columns) {
  text_row out;
  out.reserve(columns);
  for (int column = 0; column < static_cast<int>(columns); ++column)
    out.push_back(rows.null(row, column) ? std::nullopt : std::optional{rows.text(row, column)});
  return out;
}

std::string select_of(entity what) {
  return "select " + column_list(what, "t.", "::text", true) + " from " + table_of(what)
         + " t where " + owner_of(what)
         + " = (select id from furrow.farm where name = $1 and home_state <> 'gone')";
}

std::vector<record> records_in(const pq_rows& rows, entity what) {
  std::vector<record> out;
  out.reserve(static_cast<std::size_t>(rows.size()));
  const auto columns = shape_of(what).columns.size() + 1;
  for (int row = 0; row < rows.size(); ++row)
    out.push_back(to_record(what, text_row_of(rows, row, columns)));
  return out;
}

task<result<std::vector<record>>>
select(pq_connection& db, entity what, const std::string& sql, const pq_parameters& parameters) {
  const auto reply = co_await db.query(sql.c_str(), parameters);
  if (reply.error)
    co_return reply.error->as_failure();
  co_return records_in(pq_rows{reply.rows.get()}, what);
}

struct entered_farm {
  std::int32_t id = 0;
  std::string name;
};

struct rows_found {
  std::unordered_map<std::string, record> by_name;
  std::optional<pq_error> error;
};

/// What a run is about to change, for the audit log. The rows are locked, so that these are the values before.
task<rows_found> rows_before(pq_connection& db, const entered_farm& farm, const change_run& run) {
  const auto sql =
    select_of(run.what) + " and t.name = any($2::text[]) order by t.name for update of t";
  const auto reply = co_await db.query(
    sql.c_str(), pq_parameters{}.text(farm.name).add(oid::text_array, names_of(run)));
  rows_found out;
  out.error = reply.error;
  if (!reply.error)
    for (auto& row : records_in(pq_rows{reply.rows.get()}, run.what))
      out.by_name.emplace(std::string{name_of(row)}, std::move(row));
  co_return out;
}

/// Carries out a run and notes each change of it.
task<progress> carry_out_noted(pq_connection& db,
                               const entered_farm& farm,
                               const change_run& run,
                               const author& by) {
  rows_found before;
  if (run.how != action::create)
    before = co_await rows_before(db, farm, run);
  if (before.error)
    co_return progress{{}, 0, std::move(before.error)};
  auto done = co_await carry_out(db, farm.id, run);
  if (!done.sound())
    co_return done;
  for (const auto* change : run.changes) {
    const auto was = before.by_name.find(name_of(change->row));
    const auto row =
      note_of(by, farm.name, *change,
              was == before.by_name.end() ? std::nullopt : std::optional{was->second});
    done.error = co_await postgres_work::note_change(db, row);
    if (done.error)
      break;
  }
  co_return done;
}

void take(progress& into, progress&& part) {
  into.changed += part.changed;
  into.error = std::move(part.error);
  for (auto& why : part.rejections)
    into.rejections.push_back(std::move(why));
}

/// The unit's own changes, and their notes in the audit log.
task<progress> make_changes(pq_connection& db, const entered_farm& farm, const checked_unit& unit) {
  progress out;
  const bool each = notes_each_change(unit);
  for (const auto& run : runs_of(unit.changes, unit.place)) {
    progress part;
    if (each)
      part = co_await carry_out_noted(db, farm, run, *unit.by);
    else
      part = co_await carry_out(db, farm.id, run);
    take(out, std::move(part));
    if (!out.sound())
      co_return out;
  }
  if (unit.by && !each) {
    const auto row = note_of(unit, farm.name);
    out.error = co_await postgres_work::note_change(db, row);
  }
  co_return out;
}

/// `undone` gets the rejections of inner units that were undone; the answer has those of the unit itself.
task<progress> run_unit(pq_connection& db,
                        const entered_farm& farm,
                        const checked_unit& unit,
                        std::vector<rejection>& undone) {
  auto out = co_await make_changes(db, farm, unit);
  if (!out.sound())
    co_return out;
  for (const auto& inner : unit.units) {
    if (!inner.invalid.empty()) {
      undone.insert(undone.end(), inner.invalid.begin(), inner.invalid.end());
      continue;
    }
    const auto marked = co_await db.run("savepoint unit");
    out.error = marked.error;
    if (out.error)
      co_return out;
    const auto undone_before = undone.size();
    auto part = co_await run_unit(db, farm, inner, undone);
    const bool undo = !part.error && !part.rejections.empty() && inner.may_fail;
    if (undo) {
      undone.resize(undone_before); // they were undone with it
      undone.insert(undone.end(), part.rejections.begin(), part.rejections.end());
      part = {};
    }
    take(out, std::move(part));
    if (!out.sound())
      co_return out;
    const auto ended = co_await db.run(undo ? "rollback to unit; release unit" : "release unit");
    out.error = ended.error;
    if (out.error)
      co_return out;
  }
  co_return out;
}

/// The row of the caller's farm, created if missing.
task<result<entered_farm>> enter_farm(pq_connection& db, const std::string& farm) {
  const auto made = co_await db.query(
    "insert into furrow.farm (name) select $1 where not exists (select from furrow.farm where name "
    "= $1) on conflict do nothing",
    pq_parameters{}.text(farm));
  if (made.error)
    co_return made.error->as_failure();
  // The lock is against a move of the farm, which locks its row first.
  const auto found = co_await db.query("select id, case home_state when 'here' then null when "
                                       "'arriving' then '' else coalesce(home, '') end "
                                       "from furrow.farm where name = $1 for key share",
                                       pq_parameters{}.text(farm));
  if (found.error)
    co_return found.error->as_failure();
  const pq_rows rows{found.rows.get()};
  if (rows.size() != 1)
    co_return failure{errc::retry_later, "another session is creating the farm"};
  if (!rows.null(0, 1))
    co_return postgres_work::lives_elsewhere(farm, rows.text(0, 1));
  co_return entered_farm{static_cast<std::int32_t>(rows.integer(0, 0)), farm};
}

struct attempt {
  result<unit_outcome> outcome;
  bool again = false;
};

/// One transaction, committed or rolled back.
task<attempt> try_unit(pq_connection& db, const std::string& farm, const checked_unit& unit) {
  const auto begun = co_await db.run("begin");
  if (begun.error)
    co_return attempt{begun.error->as_failure()};
  const auto entered = co_await enter_farm(db, farm);
  if (!entered) {
    const auto rolled = co_await db.run("rollback");
    if (rolled.error)
      db.close();
    co_return attempt{entered.error()};
  }
  std::vector<rejection> undone;
  auto done = co_await run_unit(db, *entered, unit, undone);
  if (!done.sound()) {
    const auto rolled = co_await db.run("rollback");
    if (rolled.error)
      db.close();
    if (done.error)
      co_return attempt{done.error->as_failure(), done.error->judge() == verdict::again};
    co_return attempt{unit_outcome{false, std::move(done.rejections), 0}};
  }
  const auto committed = co_await db.run("commit");
  if (committed.error) {
    auto why = committed.error->as_failure();
    why.code = committed.error->lost ? errc::in_doubt : why.code;
    co_return attempt{std::move(why)};
  }
  if (db.warned())
    co_return attempt{failure{errc::in_doubt, db.warning()}};
  co_return attempt{unit_outcome{true, std::move(undone), done.changed}};
}

/// The changes that name a time zone which the server does not know.
task<result<std::vector<rejection>>> zones_refused(pq_connection& db, const checked_unit& unit) {
  std::vector<std::string> names;
  (void)unknown_zones(unit, [&](const std::string& zone) {
    names.push_back(zone);
    return true;
  });
  if (names.empty())
    co_return std::vector<rejection>{};
  const auto unknown = co_await postgres_work::first_unknown(db, std::move(names));
  if (!unknown)
    co_return unknown.error();
  co_return unknown_zones(unit, [&](const std::string& zone) { return zone != *unknown; });
}

task<result<unit_outcome>>
apply(pq_connection& db, const std::string& farm, std::shared_ptr<const checked_unit> unit) {
  auto unknown = co_await zones_refused(db, *unit);
  if (!unknown)
    co_return unknown.error();
  if (!unknown->empty())
    co_return unit_outcome{false, std::move(*unknown), 0};
  auto last = co_await try_unit(db, farm, *unit);
  for (int attempt = 1; last.again && attempt < attempts_max; ++attempt)
    last = co_await try_unit(db, farm, *unit);
  co_return std::move(last.outcome);
}

task<result<record>>
get(pq_connection& db, const std::string& farm, entity what, const std::string& name) {
  auto found = co_await select(db, what, select_of(what) + " and t.name = $2",
                               pq_parameters{}.text(farm).text(name));
  if (!found)
    co_return found.error();
  if (found->empty())
    co_return failure{errc::not_found, std::string{"no "} + to_string(what) + " " + name};
  co_return std::move(found->front());
}

task<result<record_page>>
list(pq_connection& db, const std::string& farm, entity what, const record_query& query) {
  const auto rows_max = std::clamp<std::size_t>(query.rows_max, 1, repository_page_max);
  pq_parameters parameters;
  parameters.text(farm).text(query.after).text(query.name_prefix);
  auto sql = select_of(what) + " and starts_with(t.name, $3)";
  int number = 3;
  for (const auto& [name, value] : query.filters) {
    sql += " and t." + std::string{filter_of(what, name)->name} + " = $" + std::to_string(++number);
    parameters.text(value);
  }
  const column by = query.sort.empty() ? column{} : *sort_of(what, query.sort);
  const auto* const bytes = std::string_view{by.type} == "text" ? " collate \"C\"" : "";
  const auto value = "$" + std::to_string(number + 1) + "::text::" + by.type;
  const auto clause = page_clause_of(query, std::string{"t."} + by.name + bytes, value, "$2");
  if (query.after_value)
    parameters.text(*query.after_value);
  sql += clause.after + " order by " + clause.order + " limit " + std::to_string(rows_max + 1);
  auto found = co_await select(db, what, sql, parameters);
  co_return found ? result<record_page>{record_page_of(std::move(*found), rows_max, what, query)}
                  : found.error();
}

task<result<std::vector<field_record>>>
fields_at(pq_connection& db, const std::string& farm, geo_position at) {
  auto found = co_await select(
    db, entity::field,
    select_of(entity::field)
      + " and box(point(west_deg, south_deg), point(east_deg, north_deg)) @> box(point($2::text::"
        "float8, $3::text::float8), point($2::text::float8, $3::text::float8)) order by t.name",
    pq_parameters{}
      .text(farm)
      .text(number_text(at.longitude_deg))
      .text(number_text(at.latitude_deg)));
  if (!found)
    co_return found.error();
  co_return fields_with(std::move(*found), at);
}

class postgres_repositories : public repositories {
public:
  explicit postgres_repositories(std::shared_ptr<query_pool> pool) : pool_{std::move(pool)} {}

  void get(std::string farm, entity what, std::string name, handler<record> done) override {
    if (const auto wrong = unsound_text(name))
      return done(*wrong);
    pool_->submit(job_of(false, std::move(done),
                         [farm = std::move(farm), what, name = std::move(name)](pq_connection& db) {
                           return storage::get(db, farm, what, name);
                         }));
  }
  void list(std::string farm, entity what, record_query query, handler<record_page> done) override {
    if (const auto wrong = unsound_query(what, query))
      return done(*wrong);
    pool_->submit(job_of(false, std::move(done),
                         [farm = std::move(farm), what, query = std::move(query)](
                           pq_connection& db) { return storage::list(db, farm, what, query); }));
  }
  void
  fields_at(std::string farm, geo_position at, handler<std::vector<field_record>> done) override {
    pool_->submit(job_of(false, std::move(done), [farm = std::move(farm), at](pq_connection& db) {
      return storage::fields_at(db, farm, at);
    }));
  }
  void apply(std::string farm, unit_of_work work, handler<unit_outcome> done) override {
    if (const auto wrong = beyond_limits(work))
      return done(*wrong);
    std::size_t place = 0;
    auto unit = std::make_shared<checked_unit>(checked(std::move(work), farm, place));
    if (!unit->invalid.empty())
      return done(unit_outcome{false, unit->invalid, 0});
    pool_->submit(job_of(false, std::move(done),
                         [farm = std::move(farm), unit = std::shared_ptr<const checked_unit>{unit}](
                           pq_connection& db) { return storage::apply(db, farm, unit); }));
  }

private:
  std::shared_ptr<query_pool> pool_;
};

} // namespace

std::unique_ptr<repositories> postgres_work::make_repositories(std::shared_ptr<query_pool> pool) {
  return std::make_unique<postgres_repositories>(std::move(pool));
}

} // namespace furrow::storage
