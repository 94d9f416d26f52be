#include "storage/statistics.hpp"

#include "storage/sqlite/areas.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/work.hpp"

#include <algorithm>
#include <utility>

namespace furrow::storage::sqlite_work {

namespace {

std::string kind_of(const std::string& table) {
  if (table.starts_with("can_"))
    return "frames";
  for (const auto* name : {"sensor_reading", "yield_sample", "token_usage", "fault", "item_record",
                           "quarantine", "record_batch"})
    if (table == name)
      return "records";
  for (const auto* name : {"rollup", "telemetry", "telemetry_10s", "telemetry_1m",
                           "equipment_state", "digest", "signal_name", "bus_fault", "clock_ahead"})
    if (table == name)
      return "derived";
  return "other";
}

/// Sizes from dbstat, which Debian's SQLite has; without it the sizes of single tables are unknown. A row is a cell of
/// a leaf page, or of any page in a table without rowids.
std::vector<table_size> read_tables(sqlite_db& db) {
  std::vector<table_size> out;
  auto rows = db.statement(
    "select s.tbl_name, sum(d.pgsize), sum(case when s.type = 'index' then d.pgsize else 0 end), "
    "sum(case when s.type = 'table' and (d.pagetype = 'leaf' or s.sql like '%without rowid%') then "
    "d.ncell else 0 end) "
    "from dbstat d join sqlite_schema s on s.name = d.name "
    "group by s.tbl_name order by 2 desc, 1");
  while (rows.step()) {
    std::string name{rows.bytes(0)};
    const auto kind = kind_of(name);
    auto& table = out.emplace_back();
    table.name = std::move(name);
    table.kind = kind;
    table.bytes = rows.natural(1);
    table.index_bytes = rows.natural(2);
    table.rows = rows.natural(3);
  }
  return out;
}

result<database_statistics> statistics(sqlite_db& db, std::uint32_t machines_max) {
  database_statistics out;
  {
    auto size = db.statement("select (select page_count from pragma_page_count()) * (select "
                             "page_size from pragma_page_size())");
    if (size.step())
      out.bytes = size.natural(0);
  }
  try {
    out.tables = read_tables(db);
  } catch (const sqlite_error&) {
    out.tables.clear(); // built without dbstat: the other figures are known
  }
  const auto blocks =
    std::find_if(out.tables.begin(), out.tables.end(),
                 [](const table_size& table) { return table.name == "can_block"; });
  {
    auto row = db.statement(
      "select ifnull(sum(frames), 0), count(*), ifnull(sum(length(headers) + length(header_index) "
      "+ length(time_offset) + length(payload) + ifnull(length(long_payload), 0)), 0) from "
      "can_block");
    if (row.step())
      out.tiers.push_back({"fresh", row.natural(0), row.natural(1),
                           blocks == out.tables.end() ? 0 : blocks->bytes, row.natural(2),
                           row.natural(2)});
  }
  auto machines = db.statement(
    "select f.name, e.name, sum(b.frames), sum(length(b.headers) + length(b.header_index) + "
    "length(b.time_offset) + length(b.payload) + ifnull(length(b.long_payload), 0)) from can_block "
    "b join equipment e on e.id = b.equipment_id join farm f on f.id = e.farm_id group by e.id "
    "order by 4 desc, 1, 2 limit ?1");
  machines.with(std::int64_t{machines_max});
  while (machines.step())
    out.machines.push_back({std::string{machines.bytes(0)}, std::string{machines.bytes(1)},
                            machines.natural(2), machines.natural(3)});
  return out;
}

/// Reads on the reading connection.
class sqlite_sizes : public size_store {
public:
  explicit sqlite_sizes(sqlite_connections db) : reader_{std::move(db.reader)} {}

  void statistics(std::uint32_t machines_max, handler<database_statistics> done) override {
    reader_->submit(std::move(done), [machines_max](sqlite_db& db) {
      return sqlite_work::statistics(db, machines_max);
    });
  }

private:
  std::shared_ptr<sqlite_connection> reader_;
};

} // namespace

std::unique_ptr<size_store> make_sizes(sqlite_connections db) {
  return std::make_unique<sqlite_sizes>(std::move(db));
}

} // namespace furrow::storage::sqlite_work
