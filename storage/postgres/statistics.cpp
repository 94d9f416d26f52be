#include "storage/statistics.hpp"

#include "storage/postgres/areas.hpp"
#include "storage/postgres/connection/job.hpp"
#include "storage/postgres/connection/rows.hpp"
#include "storage/postgres/work.hpp"

#include <algorithm>
#include <utility>

namespace furrow::storage::postgres_work {

namespace {

constexpr const char* tables_statement =
  "select c.relname::text, "
  "case when c.relname like 'can\\_%' then 'frames' "
  "when c.relname in ('sensor_reading', 'yield_sample', 'token_usage', 'fault', 'item_record', "
  "'quarantine', 'record_batch') then 'records' "
  "when c.relname like 'telemetry%' or c.relname like 'rollup%' or c.relname in "
  "('equipment_state', 'digest', 'signal_name', 'bus_fault', 'clock_ahead') then 'derived' else "
  "'other' end, c.oid in (select inhrelid from pg_inherits), pg_total_relation_size(c.oid), "
  "pg_indexes_size(c.oid), nullif(c.reltuples, -1)::bigint, "
  "case when pg_relation_size(c.oid) <= 32 << 20 then format('select count(*) from furrow.%I', "
  "c.relname) end "
  "from pg_class c where c.relnamespace = 'furrow'::regnamespace and c.relkind = 'r' "
  "order by 4 desc, 1";

/// What TimescaleDB has compressed is in a schema of its own; a row there is a batch of rows.
constexpr const char* compressed_statement =
  "select h.table_name || ' (compressed)', sum(pg_total_relation_size(r.oid))::bigint, "
  "sum(pg_indexes_size(r.oid))::bigint, sum(coalesce(s.numrows_pre_compression, 0))::bigint "
  "from _timescaledb_catalog.hypertable h join _timescaledb_catalog.chunk c on c.hypertable_id = "
  "h.id join _timescaledb_catalog.chunk z on z.id = c.compressed_chunk_id cross join lateral "
  "(select to_regclass(format('%I.%I', z.schema_name, z.table_name)) as oid) r left join "
  "_timescaledb_catalog.compression_chunk_size s on s.chunk_id = c.id where h.schema_name = "
  "'furrow' group by 1 order by 1";

/// Partitions are read one after the other, so that a thousand of them need no more locks than one.
constexpr const char* tiers_statement =
  "select 'fresh', coalesce(sum(b.frames), 0)::bigint, count(*), "
  "pg_total_relation_size('furrow.can_block'), "
  "coalesce(sum(14::bigint * b.frames + 8 * cardinality(b.headers) + "
  "coalesce(length(b.long_payload), 0)), 0)::bigint, "
  "coalesce(sum(pg_column_size(b.headers) + pg_column_size(b.header_index) + "
  "pg_column_size(b.time_offset) + pg_column_size(b.payload) + "
  "coalesce(pg_column_size(b.long_payload), 0)), 0)::bigint from furrow.can_block b "
  "union all select 'sealed', coalesce(sum(p.frames), 0)::bigint, coalesce(sum(p.rows), "
  "0)::bigint, "
  "pg_total_relation_size('furrow.can_chunk') + (select coalesce(sum(pg_total_relation_size("
  "i.inhrelid)), 0)::bigint from pg_inherits i where i.inhparent = 'furrow.can_segment'::regclass),"
  "coalesce(sum(p.columns), 0)::bigint, coalesce(sum(p.stored), 0)::bigint "
  "from furrow.by_partition('select sum(s.frames)::bigint, count(*), "
  "sum(octet_length(s.data) + 8 * cardinality(s.time_anchors))::bigint, "
  "sum(pg_column_size(s.data) + pg_column_size(s.time_anchors))::bigint from furrow.%1$I s') "
  "as p(frames bigint, rows bigint, columns bigint, stored bigint)";

constexpr const char* machines_statement =
  "with held as (select b.equipment_id, b.frames, pg_column_size(b.*) as bytes from "
  "furrow.can_block b "
  "union all select p.equipment_id, p.frames, p.bytes from furrow.by_partition('select "
  "st.equipment_id, sum(s.frames)::bigint, sum(pg_column_size(s.*))::bigint from furrow.%1$I s "
  "join furrow.stream st on st.id = s.stream group by 1') "
  "as p(equipment_id int, frames bigint, bytes bigint)) "
  "select f.name, e.name, sum(h.frames)::bigint, sum(h.bytes)::bigint from held h "
  "join furrow.equipment e on e.id = h.equipment_id join furrow.farm f on f.id = e.farm_id "
  "group by 1, 2 order by 4 desc, 1, 2 limit $1";

/// Small tables are counted: the planner's figures for them are old or missing.
task<result<std::vector<table_size>>> read_tables(pq_connection& db) {
  std::vector<table_size> out;
  const auto tables = co_await db.query(tables_statement);
  if (tables.error)
    co_return tables.error->as_failure();
  const pq_rows rows{tables.rows.get()};
  for (int row = 0; row < rows.size(); ++row) {
    auto& table = out.emplace_back();
    table.name = rows.text(row, 0);
    table.kind = rows.text(row, 1);
    table.partition = rows.integer(row, 2) != 0;
    table.bytes = rows.natural(row, 3);
    table.index_bytes = rows.natural(row, 4);
    if (rows.null(row, 6)) {
      table.rows_estimated = true;
      if (!rows.null(row, 5))
        table.rows = rows.natural(row, 5);
      continue;
    }
    const std::string count{rows.text(row, 6)};
    const auto counted = co_await db.query(count.c_str());
    if (counted.error && counted.error->sqlstate == "42P01") { // a partition that was just dropped
      out.pop_back();
      continue;
    }
    if (counted.error)
      co_return counted.error->as_failure();
    table.rows = pq_rows{counted.rows.get()}.natural(0, 0);
  }
  co_return out;
}

task<std::optional<failure>> add_compressed(pq_connection& db, std::vector<table_size>& to) {
  const auto there =
    co_await db.query("select to_regprocedure('furrow.is_hypertable(text)') is not null");
  if (there.error)
    co_return there.error->as_failure();
  if (pq_rows{there.rows.get()}.integer(0, 0) == 0)
    co_return std::nullopt;
  const auto reply = co_await db.query(compressed_statement);
  if (reply.error)
    co_return reply.error->as_failure();
  const pq_rows rows{reply.rows.get()};
  for (int row = 0; row < rows.size(); ++row) {
    auto& table = to.emplace_back();
    table.name = rows.text(row, 0);
    table.kind = "derived";
    table.partition = true;
    table.bytes = rows.natural(row, 1);
    table.index_bytes = rows.natural(row, 2);
    table.rows = rows.natural(row, 3);
    table.rows_estimated = true; // when they were compressed
  }
  std::stable_sort(to.begin(), to.end(),
                   [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  co_return std::nullopt;
}

task<result<database_statistics>> statistics(pq_connection& db, std::uint32_t machines_max) {
  database_statistics out;
  const auto whole = co_await db.query("select pg_database_size(current_database())");
  if (whole.error)
    co_return whole.error->as_failure();
  out.bytes = pq_rows{whole.rows.get()}.natural(0, 0);
  auto tables = co_await read_tables(db);
  if (!tables)
    co_return tables.error();
  out.tables = std::move(*tables);
  if (const auto unread = co_await add_compressed(db, out.tables))
    co_return *unread;
  const auto tiers = co_await db.query(tiers_statement);
  if (tiers.error)
    co_return tiers.error->as_failure();
  const pq_rows tier_rows{tiers.rows.get()};
  for (int row = 0; row < tier_rows.size(); ++row)
    out.tiers.push_back({tier_rows.text(row, 0), tier_rows.natural(row, 1),
                         tier_rows.natural(row, 2), tier_rows.natural(row, 3),
                         tier_rows.natural(row, 4), tier_rows.natural(row, 5)});
  const auto machines =
    co_await db.query(machines_statement, pq_parameters{}.int8(std::int64_t{machines_max}));
  if (machines.error)
    co_return machines.error->as_failure();
  const pq_rows machine_rows{machines.rows.get()};
  for (int row = 0; row < machine_rows.size(); ++row)
    out.machines.push_back({machine_rows.text(row, 0), machine_rows.text(row, 1),
                            machine_rows.natural(row, 2), machine_rows.natural(row, 3)});
  co_return out;
}

/// Runs on the upkeep connection.
class postgres_sizes : public size_store {
public:
  explicit postgres_sizes(std::shared_ptr<postgres_pool> lane) : lane_{std::move(lane)} {}

  void statistics(std::uint32_t machines_max, handler<database_statistics> done) override {
    lane_->submit(job_of(false, std::move(done), [machines_max](pq_connection& db) {
      return postgres_work::statistics(db, machines_max);
    }));
  }

private:
  std::shared_ptr<postgres_pool> lane_;
};

} // namespace

std::unique_ptr<size_store> make_sizes(std::shared_ptr<postgres_pool> lane) {
  return std::make_unique<postgres_sizes>(std::move(lane));
}

} // namespace furrow::storage::postgres_work
