#include "storage/farm/repositories.hpp"

#include "storage/farm/repository_audit.hpp"
#include "storage/farm/repository_unit.hpp"
#include "storage/series/time_zone.hpp"
#include "storage/sqlite/areas.hpp"
#include "storage/sqlite/work.hpp"

#include <algorithm>
#include <array>

namespace furrow::storage {

namespace {

/// The texts of an entity's statements, made once: the connection finds a prepared statement by its
/// text's address.
struct statements {
  std::string insert; // owner, columns
  std::string upsert;
  std::string update; // columns, owner, name, version
  std::string remove; // owner, name, version
  std::string version;
  std::string get;
  std::string list; // owner's name, after, prefix, limit, one filter per column, after_value
  /// The same by each column that a list is sorted by: ascending, descending, and both after a value.
  std::vector<std::array<std::string, 4>> sorted;
  std::string at;
};

std::string repeated(const char* what, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i)
    out.append(i == 0 ? "" : ", ").append(what);
  return out;
}

std::string assignments(entity what, const char* from) {
  std::string list;
  for (const auto& each : shape_of(what).columns) {
    list.append(each.name).append(" = ").append(from);
    if (*from != '?')
      list.append(each.name);
    list.append(", ");
  }
  return list + "version = version + 1, updated_at = unixepoch()";
}

statements make_statements(entity what) {
  const auto& shape = shape_of(what);
  const std::string table = shape.table;
  const auto columns = column_list(what, "", "", false);
  const auto row = " where t." + std::string{shape.owner} + " = ? and t.name = ?";
  statements out;
  const auto insert = "insert into " + table + " (" + shape.owner + ", " + columns + ") values ("
                      + repeated("?", shape.columns.size() + 1) + ") on conflict ";
  out.insert = insert + "do nothing";
  out.upsert = insert + "(farm_id, name) do update set " + assignments(what, "excluded.");
  out.update =
    "update " + table + " as t set " + assignments(what, "?") + row + " and ? in (0, t.version)";
  std::string needed = shape.needed;
  if (const auto at = needed.find('@'); at != std::string::npos)
    needed.erase(at, 1);
  out.remove = "delete from " + table + " as t" + row + " and ? in (0, t.version)"
               + (needed.empty() ? "" : " and not " + needed);
  out.version = "select t.version from " + table + " t" + row;
  const auto select = "select " + column_list(what, "t.", "", true) + " from " + table
                      + " t where t." + shape.owner + " = (select id from farm where name = ?1)";
  out.get = select + " and t.name = ?2";
  auto filtered = select + " and substr(t.name, 1, length(?3)) = ?3";
  int number = 4;
  for (const auto& each : shape.columns)
    if (each.filter) {
      const auto parameter = "?" + std::to_string(++number);
      filtered.append(" and (").append(parameter).append(" is null or t.").append(each.name);
      filtered.append(" = ").append(parameter).append(")");
    }
  const auto page = [&](const record_query& query, const std::string& key,
                        const std::string& value) {
    const auto clause = page_clause_of(query, key, value, "?2");
    return filtered + clause.after + " order by " + clause.order + " limit ?4";
  };
  out.list = page({}, "", "");
  for (const auto& each : shape.columns) {
    auto& texts = out.sorted.emplace_back();
    if (!each.sort)
      continue;
    const auto key = std::string{"t."} + each.name;
    const auto value = "?" + std::to_string(number + 1);
    record_query query;
    query.sort = each.name;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      query.is_descending = (i & 1U) != 0;
      query.after_value = i < 2 ? std::nullopt : std::optional<std::string>{""};
      texts.at(i) = page(query, key, value);
    }
  }
  out.at = select
           + " and ?2 between t.west_deg and t.east_deg and ?3 between t.south_deg and "
             "t.north_deg order by t.name";
  return out;
}

const statements& statements_of(entity what) {
  static const std::array<statements, 3> all{make_statements(entity::farm),
                                             make_statements(entity::equipment),
                                             make_statements(entity::field)};
  return all[static_cast<std::size_t>(what)];
}

struct entered_farm {
  std::int64_t id = 0;
  std::string name;
};

entered_farm enter_farm(sqlite_db& db, const std::string& farm) {
  db.statement("insert into farm (name) values (?) on conflict do nothing").with(farm).run();
  auto found = db.statement("select id from farm where name = ?");
  found.with(farm);
  return {found.step() ? found.integer(0) : 0, farm};
}

void execute(sqlite_db& db, std::int64_t farm, const change& wanted) {
  const auto& sql = statements_of(entity_of(wanted.row));
  const auto& name = name_of(wanted.row);
  if (wanted.action == action::remove) {
    db.statement(sql.remove.c_str()).with(farm, name, version_of(wanted.row)).run();
    return;
  }
  const auto row = to_row(wanted.row);
  const bool update = wanted.action == action::update;
  auto statement = db.statement(update                            ? sql.update.c_str()
                                : wanted.action == action::create ? sql.insert.c_str()
                                                                  : sql.upsert.c_str());
  if (!update)
    statement.with(farm);
  for (const auto& value : row)
    statement.with(value);
  if (update)
    statement.with(farm, name, version_of(wanted.row));
  statement.run();
}

std::optional<std::int64_t> standing(sqlite_db& db, std::int64_t farm, const change& wanted) {
  auto found = db.statement(statements_of(entity_of(wanted.row)).version.c_str());
  found.with(farm, name_of(wanted.row));
  return found.step() ? std::optional{found.integer(0)} : std::nullopt;
}

std::vector<record> rows_of(sqlite_statement& found, entity what) {
  std::vector<record> out;
  const auto columns = static_cast<int>(shape_of(what).columns.size()) + 1;
  while (found.step()) {
    text_row row;
    for (int column = 0; column < columns; ++column)
      row.push_back(found.null(column) ? std::nullopt : std::optional{found.text(column)});
    out.push_back(to_record(what, row));
  }
  return out;
}

std::optional<record> row_before(sqlite_db& db, const entered_farm& farm, const change& wanted) {
  const auto what = entity_of(wanted.row);
  auto found = db.statement(statements_of(what).get.c_str());
  found.with(farm.name, name_of(wanted.row));
  auto rows = rows_of(found, what);
  return rows.empty() ? std::nullopt : std::optional{std::move(rows.front())};
}

/// Whether the unit's own changes were made. They are noted with them.
bool make_changes(sqlite_db& db,
                  const entered_farm& farm,
                  const checked_unit& unit,
                  unit_outcome& out) {
  bool sound = true;
  const bool each = notes_each_change(unit);
  for (std::size_t i = 0; i < unit.changes.size(); ++i) {
    const auto& wanted = unit.changes[i];
    const auto before = each ? row_before(db, farm, wanted) : std::nullopt;
    execute(db, farm.id, wanted);
    if (db.changes() == 1) {
      ++out.changed;
      if (each)
        sqlite_work::note_change(db, note_of(*unit.by, farm.name, wanted, before));
      continue;
    }
    sound = false;
    out.rejections.push_back(met_other(wanted, unit.place + i, standing(db, farm.id, wanted)));
    if (out.rejections.size() >= 100)
      break; // enough rejections to find the fault
  }
  if (sound && unit.by && !each)
    sqlite_work::note_change(db, note_of(unit, farm.name));
  return sound;
}

/// Whether all of it was done. `out` gets the rejections, and those of inner units that were
/// undone.
bool run_unit(sqlite_db& db,
              const entered_farm& farm,
              const checked_unit& unit,
              unit_outcome& out) {
  if (!make_changes(db, farm, unit, out))
    return false;
  for (const auto& inner : unit.units) {
    unit_outcome part;
    bool done = inner.invalid.empty();
    part.rejections = inner.invalid;
    if (done) {
      db.run("savepoint unit");
      done = run_unit(db, farm, inner, part);
      db.run(done ? "release unit" : "rollback to unit; release unit");
    }
    if (!done)
      part.changed = 0;
    if (!done && !inner.may_fail)
      out.rejections.clear();
    out.rejections.insert(out.rejections.end(), part.rejections.begin(), part.rejections.end());
    out.changed += part.changed;
    if (!done && !inner.may_fail)
      return false;
  }
  return true;
}

result<unit_outcome> apply(sqlite_db& db, const std::string& farm, const checked_unit& unit) {
  auto unknown =
    unknown_zones(unit, [](const std::string& zone) { return find_time_zone(zone).has_value(); });
  if (!unknown.empty())
    return unit_outcome{false, std::move(unknown), 0};
  sqlite_transaction transaction{db};
  unit_outcome out;
  out.committed = run_unit(db, enter_farm(db, farm), unit, out);
  if (out.committed)
    transaction.commit();
  else
    out.changed = 0;
  return out;
}

result<record> get(sqlite_db& db, const std::string& farm, entity what, const std::string& name) {
  auto found = db.statement(statements_of(what).get.c_str());
  found.with(farm, name);
  auto rows = rows_of(found, what);
  if (rows.empty())
    return failure{errc::not_found, std::string{"no "} + to_string(what) + " " + name};
  return std::move(rows.front());
}

const std::string& list_text(entity what, const record_query& query) {
  const auto& texts = statements_of(what);
  const auto* const by = sort_of(what, query.sort);
  if (by == nullptr)
    return texts.list;
  const auto column = static_cast<std::size_t>(by - shape_of(what).columns.data());
  return texts.sorted[column][(query.is_descending ? 1U : 0U) + (query.after_value ? 2U : 0U)];
}

result<record_page>
list(sqlite_db& db, const std::string& farm, entity what, const record_query& query) {
  const auto rows_max = std::clamp<std::size_t>(query.rows_max, 1, repository_page_max);
  auto found = db.statement(list_text(what, query).c_str());
  found.with(farm, query.after, query.name_prefix, static_cast<std::int64_t>(rows_max + 1));
  for (const auto& each : shape_of(what).columns)
    if (each.filter) {
      const auto wanted =
        std::find_if(query.filters.begin(), query.filters.end(),
                     [&](const auto& filter) { return filter.first == each.name; });
      found.with(wanted == query.filters.end() ? std::optional<std::string_view>{}
                                               : std::optional<std::string_view>{wanted->second});
    }
  if (query.after_value) {
    if (std::string_view{sort_of(what, query.sort)->type} == "text")
      found.with(*query.after_value);
    else // as a number: SQLite may read the last digit of a text otherwise than we do
      found.with(number_in(*query.after_value).value_or(0));
  }
  return record_page_of(rows_of(found, what), rows_max, what, query);
}

result<std::vector<field_record>>
fields_at(sqlite_db& db, const std::string& farm, const geo_position& at) {
  auto found = db.statement(statements_of(entity::field).at.c_str());
  found.with(farm, at.longitude_deg, at.latitude_deg);
  return fields_with(rows_of(found, entity::field), at);
}

class sqlite_repositories : public repositories {
public:
  explicit sqlite_repositories(sqlite_connections db)
    : writer_{std::move(db.writer)}, reader_{std::move(db.reader)} {}

  void get(std::string farm, entity what, std::string name, handler<record> done) override {
    if (const auto wrong = unsound_text(name))
      return done(*wrong);
    reader_->submit(std::move(done),
                    [farm = std::move(farm), what, name = std::move(name)](sqlite_db& db) {
                      return storage::get(db, farm, what, name);
                    });
  }
  void list(std::string farm, entity what, record_query query, handler<record_page> done) override {
    if (const auto wrong = unsound_query(what, query))
      return done(*wrong);
    reader_->submit(std::move(done),
                    [farm = std::move(farm), what, query = std::move(query)](sqlite_db& db) {
                      return storage::list(db, farm, what, query);
                    });
  }
  void
  fields_at(std::string farm, geo_position at, handler<std::vector<field_record>> done) override {
    reader_->submit(std::move(done), [farm = std::move(farm), at](sqlite_db& db) {
      return storage::fields_at(db, farm, at);
    });
  }
  void apply(std::string farm, unit_of_work work, handler<unit_outcome> done) override {
    if (const auto wrong = beyond_limits(work))
      return done(*wrong);
    std::size_t place = 0;
    auto unit = std::make_shared<checked_unit>(checked(std::move(work), farm, place));
    if (!unit->invalid.empty())
      return done(unit_outcome{false, unit->invalid, 0});
    writer_->submit(std::move(done), [farm = std::move(farm), unit](sqlite_db& db) {
      return storage::apply(db, farm, *unit);
    });
  }

private:
  std::shared_ptr<sqlite_connection> writer_;
  std::shared_ptr<sqlite_connection> reader_;
};

} // namespace

std::unique_ptr<repositories> sqlite_work::make_repositories(sqlite_connections db) {
  return std::make_unique<sqlite_repositories>(std::move(db));
}

} // namespace furrow::storage
