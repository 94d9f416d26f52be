#include "storage/dbc/dbc_files.hpp"

#include "storage/identity/audit.hpp"
#include "storage/sqlite/areas.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/work.hpp"

#include <span>
#include <utility>

namespace furrow::storage::sqlite_work {

namespace {

constexpr const char* dbc_columns =
  "select d.id, d.name, ifnull(f.name, ''), ifnull(e.name, ''), d.sha256, d.version is not null, "
  "d.loaded_at, d.encoding, d.content from dbc d left join equipment e on e.id = d.equipment_id "
  "left join farm f on f.id = ifnull(d.farm_id, e.farm_id) ";

stored_dbc stored_of(const sqlite_statement& row, bool content) {
  stored_dbc out;
  out.id = static_cast<std::int32_t>(row.integer(0));
  out.name = row.bytes(1);
  out.farm = row.bytes(2);
  out.equipment = row.bytes(3);
  out.sha256 = row.bytes(4);
  out.active = row.integer(5) != 0;
  out.loaded_us = row.integer(6) * 1'000'000;
  out.encoding = static_cast<can::dbc_encoding>(row.integer(7));
  if (content)
    out.content = row.bytes(8);
  return out;
}

std::vector<stored_dbc> stored_files(sqlite_db& db, const std::string& which, bool content) {
  // Two texts at most: the connection keeps what it has prepared by their address.
  static const std::string every =
    dbc_columns + std::string{"order by f.name, e.name, d.name, d.id desc"};
  static const std::string active =
    dbc_columns
    + std::string{
      "where d.version is not null order by d.equipment_id is null, d.farm_id is null, d.id desc"};
  std::vector<stored_dbc> out;
  auto rows = db.statement((which == "active" ? active : every).c_str());
  while (rows.step())
    out.push_back(stored_of(rows, content));
  return out;
}

result<stored_dbc> read_dbc(sqlite_db& db, std::int32_t id) {
  static const std::string text = dbc_columns + std::string{"where d.id = ?1"};
  auto row = db.statement(text.c_str());
  row.with(id);
  if (!row.step())
    return failure{errc::not_found, "no DBC file " + std::to_string(id)};
  return stored_of(row, true);
}

void note_dbc(sqlite_db& db, const author& by, const char* action, const stored_dbc& file) {
  note_change(db, audit_of_dbc(by, action, file));
}

void make_active(sqlite_db& db, std::int32_t id) {
  db.statement(
      "update dbc as d set version = null from dbc o where o.id = ?1 and d.name = o.name and "
      "d.farm_id is o.farm_id and d.equipment_id is o.equipment_id")
    .with(id)
    .run();
  db.statement("update dbc set version = 1 where id = ?1").with(id).run();
}

struct dbc_scope {
  std::optional<std::int64_t> farm;
  std::optional<std::int64_t> equipment;
};

result<dbc_scope> find_scope(sqlite_db& db, const std::string& scope) {
  if (scope == "all")
    return dbc_scope{};
  auto rows =
    db.statement("select id, null from farm where ?1 in (name, name || '/') union all select "
                 "null, e.id from equipment e join farm f on f.id = e.farm_id where ?1 in (e.name, "
                 "f.name || '/' || e.name)");
  rows.with(scope);
  std::vector<dbc_scope> found;
  while (rows.step()) {
    auto& one = found.emplace_back();
    if (!rows.null(0))
      one.farm = rows.integer(0);
    if (!rows.null(1))
      one.equipment = rows.integer(1);
  }
  if (found.empty())
    return failure{errc::not_found, "no farm or equipment " + scope};
  if (found.size() > 1)
    return failure{errc::not_found,
                   "more than one farm or equipment is called " + scope + ": write farm/equipment"};
  return found.front();
}

result<dbc_load_outcome> load_file(sqlite_db& db, const dbc_upload& file, const author& by) {
  stored_dbc parsed_as;
  parsed_as.name = file.name;
  parsed_as.content = file.content;
  parsed_as.encoding = file.encoding;
  const auto parsed = parse_stored(parsed_as);
  if (!parsed)
    return parsed.error();
  const auto sum = dbc_checksum(*parsed);
  sqlite_transaction transaction{db};
  const auto scope = find_scope(db, file.scope);
  if (!scope)
    return scope.error();
  dbc_load_outcome out;
  bool active = false;
  {
    auto there =
      db.statement("select id, version is not null from dbc where sha256 = ?1 and name = ?2 "
                   "and farm_id is ?3 and equipment_id is ?4 order by id desc limit 1");
    there.with(sum, file.name, scope->farm, scope->equipment);
    if (there.step()) {
      out.id = static_cast<std::int32_t>(there.integer(0));
      active = there.integer(1) != 0;
    }
  }
  if (active)
    return out;
  if (out.id == 0) {
    auto made =
      db.statement("insert into dbc (farm_id, equipment_id, name, sha256, content, encoding) "
                   "values (?1, ?2, ?3, ?4, ?5, ?6) returning id");
    const std::span<const char> bytes{file.content};
    made.with(scope->farm, scope->equipment, file.name, sum, bytes,
              static_cast<std::int64_t>(file.encoding));
    if (made.step())
      out.id = static_cast<std::int32_t>(made.integer(0));
    while (made.step()) {
    }
  }
  make_active(db, out.id);
  const auto stored = read_dbc(db, out.id);
  if (!stored)
    return stored.error();
  note_dbc(db, by, "dbc load", *stored);
  transaction.commit();
  out.added = true;
  return out;
}

result<done> activate_file(sqlite_db& db, std::int32_t id, const author& by) {
  sqlite_transaction transaction{db};
  const auto stored = read_dbc(db, id);
  if (!stored)
    return stored.error();
  make_active(db, id);
  note_dbc(db, by, "dbc activate", *stored);
  transaction.commit();
  return done{};
}

result<done> remove_file(sqlite_db& db, std::int32_t id, const author& by) {
  sqlite_transaction transaction{db};
  const auto stored = read_dbc(db, id);
  if (!stored)
    return stored.error();
  db.statement("delete from dbc where id = ?1").with(id).run();
  note_dbc(db, by, "dbc remove", *stored);
  transaction.commit();
  return done{};
}

result<std::optional<active_dbc>> read_active(sqlite_db& db, const std::string& known) {
  active_dbc out;
  {
    auto row =
      db.statement("select ifnull(group_concat(id, ' '), '') from (select id from dbc where "
                   "version is not null order by id)");
    if (row.step())
      out.stamp = row.bytes(0);
  }
  if (out.stamp == known)
    return std::optional<active_dbc>{};
  out.files = stored_files(db, "active", true);
  return std::optional{std::move(out)};
}

class sqlite_dbc : public dbc_store {
public:
  explicit sqlite_dbc(sqlite_connections db)
    : writer_{std::move(db.writer)}, reader_{std::move(db.reader)} {}

  void load(dbc_upload file, author by, handler<dbc_load_outcome> done) override {
    writer_->submit(std::move(done), [file = std::move(file), by = std::move(by)](sqlite_db& db) {
      return load_file(db, file, by);
    });
  }
  void list(handler<std::vector<stored_dbc>> done) override {
    reader_->submit(std::move(done), [](sqlite_db& db) -> storage::result<std::vector<stored_dbc>> {
      return stored_files(db, "every", false);
    });
  }
  void read(std::int32_t id, handler<stored_dbc> done) override {
    reader_->submit(std::move(done), [id](sqlite_db& db) { return read_dbc(db, id); });
  }
  void activate(std::int32_t id, author by, handler<furrow::done> done) override {
    writer_->submit(std::move(done),
                    [id, by = std::move(by)](sqlite_db& db) { return activate_file(db, id, by); });
  }
  void remove(std::int32_t id, author by, handler<furrow::done> done) override {
    writer_->submit(std::move(done),
                    [id, by = std::move(by)](sqlite_db& db) { return remove_file(db, id, by); });
  }
  void read_active(std::string known, handler<std::optional<active_dbc>> done) override {
    reader_->submit(std::move(done), [known = std::move(known)](sqlite_db& db) {
      return sqlite_work::read_active(db, known);
    });
  }

private:
  std::shared_ptr<sqlite_connection> writer_;
  std::shared_ptr<sqlite_connection> reader_;
};

} // namespace

std::unique_ptr<dbc_store> make_dbc(sqlite_connections db) {
  return std::make_unique<sqlite_dbc>(std::move(db));
}

} // namespace furrow::storage::sqlite_work
