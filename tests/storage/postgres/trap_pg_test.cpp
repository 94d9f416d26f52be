// What others have put into the database is never called, whatever search path a person has.
#include "tests/storage/postgres/chaos_bus.hpp"
#include "tests/storage/postgres/sealing_bed.hpp"

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

/// A schema with a function, an operator or a table for every name of the server that a function of ours may mean.
constexpr const char* plant = R"sql(
create schema trap;
do $plant$
declare
  f record;
  said constant text := (select string_agg(pg_get_functiondef(p.oid), '') from pg_proc p
                         where p.pronamespace = 'furrow'::regnamespace);
begin
  for f in select p.proname, oidvectortypes(p.proargtypes) as arguments,
                  case when p.proretset then 'setof ' else '' end || p.prorettype::regtype as result
           from pg_proc p
           where p.pronamespace = 'pg_catalog'::regnamespace and position(p.proname in said) > 0 loop
    begin
      execute format('create function trap.%I(%s) returns %s language plpgsql as '
                     '$t$ begin raise exception ''trapped''; end $t$', f.proname, f.arguments, f.result);
    exception when others then null; -- of a type that no function of a person takes
    end;
  end loop;
  for f in select o.oid, o.oprname, o.oprleft::regtype as left, o.oprright::regtype as right,
                  o.oprresult::regtype as result, o.oprleft <> 0 as two
           from pg_operator o where o.oprnamespace = 'pg_catalog'::regnamespace loop
    begin
      execute format('create function trap.operator_%s(%s%s) returns %s language plpgsql as '
                     '$t$ begin raise exception ''trapped''; end $t$', f.oid,
                     case when f.two then f.left || ', ' else '' end, f.right, f.result);
      execute format('create operator trap.%s (%s rightarg = %s, function = trap.operator_%s)',
                     f.oprname, case when f.two then 'leftarg = ' || f.left || ', ' else '' end, f.right, f.oid);
    exception when others then null;
    end;
  end loop;
  for f in select c.relname from pg_class c
           where (c.relnamespace = 'furrow'::regnamespace and c.relkind in ('r', 'p', 'v'))
              or c.relname in ('pg_class', 'pg_inherits', 'pg_roles') loop
    execute format('create table trap.%I (trapped int)', f.relname);
  end loop;
end $plant$;
)sql";

const std::string trapped = "create temp table can_block (trapped int); create temp table pg_class "
                            "(trapped int); set search_path = pg_temp, trap, furrow, pg_catalog; ";

} // namespace

TEST_CASE("postgres: every function says by itself where its names are looked up") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  CHECK(bed
          .value("select coalesce(string_agg(p.oid::regprocedure::text, ' '), '') from pg_proc p "
                 "where p.pronamespace = 'furrow'::regnamespace and p.prosqlbody is null and "
                 "(p.proconfig @> array['search_path=pg_catalog, pg_temp', 'jit=off']) is not true")
          .empty());
  // Compiling takes longer than what is asked for, but of these: a query takes them in, or they are one short statement.
  CHECK(
    bed.value("select string_agg(p.proname, ' ' order by p.proname) from pg_proc p join "
              "pg_language l on l.oid = p.prolang where p.pronamespace = 'furrow'::regnamespace "
              "and l.lanname = 'sql' and p.provolatile <> 'i' and (p.proconfig @> "
              "array['jit=off']) is not true")
    == "care_lock cutoffs day_start expire_batch_keys frames header_frames record_rules "
       "rollup_day_in token_sums token_sums transport_steps vehicle_buses");
}

TEST_CASE("postgres: functions, operators and tables of another schema are never called") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_half_sealed(*store, chaos_bus{1}.blocks(1'700'000'000'000'000, 4'000));
  bed.tamper(
    "insert into retention (kind, keep_days) values ('frames', 1), ('tokens', 1), "
    "('telemetry', 1); insert into telemetry (equipment_id, stream, time, seq) select id, 1, "
    "'2025-12-20', 1 from equipment");
  bed.tamper(plant);
  CHECK(bed.value("select count(*) > 1000 from pg_proc where pronamespace = 'trap'::regnamespace")
        == "t");
  const auto ask = [&](const std::string& sql) {
    CAPTURE(sql);
    pg_rows rows;
    CHECK_NOTHROW(rows = shared_cluster().exec(trapped + sql, bed.name()));
    return rows.size();
  };
  // A trap that nothing falls into would prove nothing.
  CHECK_THROWS_WITH_AS(shared_cluster().exec(trapped + "select 1 + 1", bed.name()),
                       doctest::Contains("trapped"), std::runtime_error);
  const std::string ever = "('T1', '-infinity', 'infinity')";
  CHECK(ask("select * from furrow.frames" + ever) > 0);
  CHECK(ask("select * from furrow.frames('T1', '-infinity', 'infinity', pgn => 61444)") > 0);
  CHECK(ask("select * from furrow.messages" + ever) > 0);
  CHECK(ask("select * from furrow.signal('T1', 'EEC1.engine_speed', '-infinity', 'infinity')") > 0);
  CHECK(ask("select * from furrow.signal_whole('T1', 'EEC1.engine_speed', '-infinity', 'infinity')")
        == 0); // no whole number
  CHECK(ask("select * from furrow.signal_bucket('T1', 'EEC1.engine_speed', '-infinity', "
            "'infinity', '1 minute')")
        > 0);
  for (const auto* view : {"ledger", "held", "sealed_run", "sealing", "segment_partition",
                           "stored_farm", "time_partition"})
    CHECK(ask(std::string{"select * from furrow."} + view) > 0);
  for (const auto* call :
       {"furrow.position_track('T1', '-infinity', 'infinity')",
        "furrow.yield_map('T1', '-infinity', 'infinity')",
        "furrow.retention_due('2100-01-01')",
        "furrow.by_partition('select s.chunk from furrow.%1$I s') r(chunk bigint)",
        "furrow.segments_of(1, '{1}', '-infinity', 'infinity', null)",
        "furrow.chunk_days(1, '-infinity', 'infinity')",
        "furrow.column_bytes('\\x010203', 1, 1, 3)",
        "furrow.column_bytes('\\x010203', 1, 1, 65)",
        "furrow.sum_of_bytes('\\x010203')",
        "furrow.databases()",
        "furrow.place_farm('north')",
        "furrow.can_segment s cross join lateral furrow.segment_part(s, '2023-11-14 "
        "22:13:20.5+00', "
        "'infinity', null, null, null)",
        "furrow.token_sums('-infinity', 'infinity')",
        "furrow.token_sums('-infinity', 'infinity', 'farm')",
        "furrow.rollup_day_in('default', 'Europe/Berlin')",
        "furrow.partitions_due('2100-01-01')",
        "furrow.wanted_partitions('2026-01-01')",
        "furrow.record_rules('2100-01-01')",
        "furrow.rollup_hour",
        "furrow.rollup_day",
        "furrow.enter('{f}', '{T2}', '{00000000-0000-0000-0000-000000000001}', '{null}')",
        "furrow.claim('{1}', '{0}', '{0}', '{}', '{}', '{}')",
        "furrow.claim('{1}', '{0}', '{0}', '{}', '{}', '{}', null, '{0}')",
        "furrow.expire_records('1990-01-01', 10)",
        "furrow.expire_chunks('1990-01-01', 10)",
        "furrow.expire_telemetry('2026-01-01', 10)",
        "furrow.expire_telemetry('2100-01-01', 10, 'telemetry_10s')",
        "furrow.expire_telemetry('2100-01-01', 10, 'telemetry_1m')",
        "furrow.expire_rollup('1990-01-01', 10)",
        "furrow.note_expired(1, '{[900000,900002)}')",
        "furrow.note_returned(1, '{[900000,900001)}')",
        "furrow.seal_limit(1)",
        "furrow.open_partition('2031-01-06 00:00:00+00', '2031-01-13 00:00:00+00')",
        "furrow.attach_partition('2031-01-06 00:00:00+00', '2031-01-13 00:00:00+00')",
        "furrow.drop_partition('can_segment_w20310106')",
        "furrow.wanted_partitions('2026-01-01', 'telemetry')",
        "furrow.open_partition('2021-01-04 00:00:00+00', '2021-01-11 00:00:00+00', 'telemetry')",
        "furrow.attach_partition('2021-01-04 00:00:00+00', '2021-01-11 00:00:00+00', 'telemetry')",
        "furrow.empty_partition('telemetry_w20210104', '2026-01-01')",
        "furrow.drop_partition('telemetry_w20210104', '2026-01-01')",
        "furrow.drop_detached('2026-01-01')",
        "furrow.check_telemetry()",
        "furrow.settle_telemetry()",
        "furrow.make_roles()",
        "furrow.grant_care()",
        "furrow.beat('n1', '00000000-0000-0000-0000-000000000001', true, false, '', '', '', '', "
        "'{1,1}', 0, 0, 0)",
        "furrow.steer('n1', true, 50)",
        "furrow.judge('n1', '00000000-0000-0000-0000-000000000001')",
        "furrow.settle('n1', '00000000-0000-0000-0000-000000000001', '{f}', '{T2}')",
        "furrow.leave('n1', '00000000-0000-0000-0000-000000000001')",
        "furrow.end_sessions('00000000-0000-0000-0000-000000000001')"})
    (void)ask(std::string{"select * from "} + call);
}
