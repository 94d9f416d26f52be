// Symptom: a migration adds a column, and a move from SQLite to PostgreSQL silently omits it.
#include "storage/maintenance.hpp"
#include "storage/move/tables.hpp"
#include "tests/storage/move/move_bed.hpp"

#include <algorithm>
#include <map>
#include <set>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

bool is_left_out(const std::string& table) {
  return std::ranges::any_of(left_out_tables(), [&](const left_out& each) {
    return each.table == table && !each.why.empty();
  });
}

const copied_table* find_table(const std::string& name) {
  const auto at = std::ranges::find_if(copied_tables(),
                                       [&](const copied_table& each) { return each.name == name; });
  return at == copied_tables().end() ? nullptr : &*at;
}

/// "table.column" of each column of the schema with its type, without the omitted tables.
using schema = std::map<std::string, std::string>;

schema described() {
  schema out;
  for (const auto& table : copied_tables())
    for (const auto& column : table.columns)
      out[table.name + "." + column.name] = postgres_type(column.type);
  return out;
}

/// A database with an empty schema.
const std::string& migrated() {
  static const std::string name = [] {
    store_options options;
    options.url = copy_cluster().make_database("described");
    (void)must(migrate_database(options, {}, false));
    return "described";
  }();
  return name;
}

schema in_postgres(const std::string& name) {
  schema out;
  for (const auto& row : copy_cluster().exec(
         "select c.relname, a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a "
         "join pg_class c on c.oid = a.attrelid where c.relnamespace = 'furrow'::regnamespace and "
         "c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped",
         name))
    if (!is_left_out(row[0]) && !is_left_out(row[0] + "." + row[1]))
      out[row[0] + "." + row[1]] = row[2];
  return out;
}

std::string affinity(copy_type type) {
  switch (type) {
  case copy_type::real4:
  case copy_type::real8:
    return "real";
  case copy_type::text:
  case copy_type::json:
    return "text";
  case copy_type::bytes:
  case copy_type::uuid:
  case copy_type::int2_array:
  case copy_type::int4_array:
  case copy_type::int8_array:
    return "blob";
  default:
    return "integer";
  }
}

} // namespace

TEST_CASE("copy: every column of both schemas is moved, or its table is left out for a reason") {
  const auto wanted = described();
  const auto found = in_postgres(migrated());
  for (const auto& [column, type] : found)
    if (!wanted.contains(column) || wanted.at(column) != type)
      FAIL_CHECK("PostgreSQL has " << column << " " << type);
  for (const auto& [column, type] : wanted)
    if (!found.contains(column))
      FAIL_CHECK("PostgreSQL has no " << column);

  sqlite_bed bed;
  (void)bed.open_migrated();
  const auto columns = bed.value(
    "select group_concat(m.name || '.' || c.name || ' ' || lower(c.type)) from sqlite_schema m, "
    "pragma_table_info(m.name) c where m.type = 'table' and m.name not like 'sqlite_%'");
  std::set<std::string> there;
  for (std::size_t at = 0; at < columns.size();) {
    const auto end = std::min(columns.find(',', at), columns.size());
    const auto one = columns.substr(at, end - at);
    if (!is_left_out(one.substr(0, one.find('.'))))
      there.insert(one);
    at = end + 1;
  }
  std::set<std::string> moved;
  for (const auto& table : copied_tables())
    for (const auto& column : table.columns)
      moved.insert(table.name + "." + column.name + " " + affinity(column.type));
  for (const auto& column : there)
    if (!moved.contains(column))
      FAIL_CHECK("SQLite has " << column);
  for (const auto& column : moved)
    if (!there.contains(column))
      FAIL_CHECK("SQLite has no " << column);
}

TEST_CASE(
  "copy: each omitted table exists in PostgreSQL, and is not in the list of copied tables") {
  for (const auto& each : left_out_tables()) {
    CAPTURE(each.table);
    const std::string name{each.table.substr(0, each.table.find('.'))};
    const std::string column{each.table == name ? "" : each.table.substr(name.size() + 1)};
    CHECK(copy_cluster().value("select count(*) from pg_attribute where attrelid = 'furrow." + name
                                 + "'::regclass and attname = coalesce(nullif('" + column
                                 + "', ''), attname) and attnum > 0",
                               migrated())
          != "0");
    CHECK(find_table(std::string{each.table}) == nullptr);
  }
}

TEST_CASE("copy: a move advances every identity, and every table has an order") {
  for (const auto& row : copy_cluster().exec(
         "select c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid "
         "where c.relnamespace = 'furrow'::regnamespace and a.attidentity <> ''",
         migrated())) {
    CAPTURE(row[0]);
    const auto* table = find_table(row[0]);
    if (!is_left_out(row[0])) {
      REQUIRE(table != nullptr);
      CHECK(table->identity == row[1]);
    }
  }
  for (const auto& table : copied_tables())
    CHECK(!table.order.empty());
}
