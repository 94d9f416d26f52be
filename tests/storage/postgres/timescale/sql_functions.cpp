#include "tests/storage/postgres/timescale/sql_functions.hpp"

namespace furrow::tests {

namespace {

const std::string span_sql = "'2026-10-01', '2026-12-01'";
const std::string now_sql = "timestamptz '2026-11-18 00:00:00+00'";
const std::string t1_sql = "furrow.equipment_id('south/T1')";
const std::string speed_sql = "'EEC1.engine_speed'";

/// Without the bytes: a row that was sorted is some bytes shorter, and the plan decides whether it was.
std::string due_of(const std::string& call) {
  return "select to_jsonb(d) - 'bytes' as due from furrow." + call + " d order by due";
}

std::string all_of(const std::string& call) {
  return "select * from furrow." + call;
}

/// The same call for each machine.
std::vector<std::string> of_machines(const std::string& head, const std::string& tail) {
  std::vector<std::string> out;
  for (const auto* machine : {"north/T1", "south/T1", "keeps/T1"})
    out.push_back(all_of(head + "'" + machine + "'" + tail));
  return out;
}

} // namespace

const std::map<std::string, std::vector<std::string>>& sql_calls() {
  static const std::map<std::string, std::vector<std::string>> calls{
    {"assembled", {all_of("assembled(" + t1_sql + ", " + span_sql + ", null)")}},
    {"by_partition",
     {"select sum(n) from furrow.by_partition('select count(*) from furrow.%1$I') p(n bigint)"}},
    {"chunk_days", {all_of("chunk_days(" + t1_sql + ", " + span_sql + ")")}},
    {"cutoffs",
     {all_of("cutoffs('telemetry', " + now_sql + ")"),
      all_of("cutoffs('telemetry_10s', " + now_sql + ")"),
      all_of("cutoffs('telemetry_1m', " + now_sql + ")"),
      all_of("cutoffs('rollup', " + now_sql + ")"), all_of("cutoffs('frames', " + now_sql + ")")}},
    {"databases", {all_of("databases()")}},
    {"day_start", {"select furrow.day_start('2026-11-02', 'Europe/Berlin')"}},
    {"due_bytes", {all_of("due_bytes(" + now_sql + ")")}},
    {"equipment_id", {"select furrow.equipment_id('north/T1')"}},
    {"fast_packets", {all_of("fast_packets(" + t1_sql + ", " + span_sql + ", array[129029])")}},
    {"find_signal", {"select furrow.find_signal(" + t1_sql + ", " + speed_sql + ", null)"}},
    {"forward_holds", {"select furrow.forward_holds(1, 10)"}},
    {"frames", of_machines("frames(", ", " + span_sql + ")")},
    {"groups_of", {"select furrow.groups_of(" + t1_sql + ", " + span_sql + ")"}},
    {"header_frames",
     {all_of("header_frames(" + t1_sql + ", " + span_sql + ", null, 61444, null)")}},
    {"is_settled", {"select furrow.is_settled(1)"}},
    {"kept", {all_of("kept(array[1, 2, 3], array[100000, 100000, 100000])")}},
    {"known_times", {"select furrow.known_times(" + t1_sql + ", " + span_sql + ")"}},
    {"ledger_counts", {all_of("ledger_counts(1, 100000)"), all_of("ledger_counts(2, 100000)")}},
    {"may_seal", {"select furrow.may_seal(1)"}},
    {"messages", of_machines("messages(", ", " + span_sql + ")")},
    {"move_slice", {"select furrow.move_slice(1, 3000, 100)"}},
    {"partition_name",
     {"select furrow.partition_name('2026-11-16 00:00+00', '2026-11-23 00:00+00', 'telemetry')"}},
    {"partitions_due",
     {"select * from furrow.partitions_due(" + now_sql + ") where name like 'can\\_segment%'"}},
    {"position_track", of_machines("position_track(", ", " + span_sql + ")")},
    {"record_rules", {all_of("record_rules(" + now_sql + ")")}},
    {"retention_due",
     {due_of("retention_due(" + now_sql + ")"),
      due_of("retention_due(" + now_sql + " - interval '9 days')"),
      due_of("retention_due(" + now_sql + " + interval '90 days')")}},
    {"rolled_up",
     {"select furrow.rolled_up(" + t1_sql
      + ", n.id, (select max(d.definition) from "
        "furrow.rollup_definition d where d.signal = n.id), "
      + span_sql + ", '1 hour') from furrow.signal_name n where n.name = " + speed_sql}},
    {"rollup_day_in",
     {all_of("rollup_day_in('north')"), all_of("rollup_day_in('south', 'Europe/Berlin')"),
      all_of("rollup_day_in('keeps', 'Asia/Kolkata')")}},
    {"seal_limit", {"select furrow.seal_limit(1)"}},
    {"sealed_runs", {all_of("sealed_runs(1)"), all_of("sealed_runs(2)")}},
    {"segments_of",
     {"select s.* from furrow.can_chunk c cross join lateral furrow.segments_of(c.stream, "
      "array[c.seq_first], c.time_first, c.time_last, null) s"}},
    {"signal", of_machines("signal(", ", " + speed_sql + ", " + span_sql + ")")},
    {"signal_bucket",
     {all_of("signal_bucket('north/T1', " + speed_sql + ", " + span_sql + ", '1 minute')"),
      all_of("signal_bucket('south/T1', " + speed_sql + ", " + span_sql + ", '1 hour')"),
      all_of("signal_bucket('south/T1', " + speed_sql
             + ", '2026-10-05 01:00:10+00', "
               "'2026-11-16 03:00:20+00', '1 day')"),
      all_of("signal_bucket('keeps/T1', " + speed_sql + ", " + span_sql + ", '7 seconds')")}},
    {"signal_sql", {"select furrow.signal_sql(" + t1_sql + ", " + speed_sql + ", null)"}},
    {"streams_of", {all_of("streams_of(2)")}},
    {"telemetry_due",
     {due_of("telemetry_due(" + now_sql + ")"),
      due_of("telemetry_due(" + now_sql + " + interval '90 days')")}},
    {"thin_sql", {"select furrow.thin_sql('gone', 'telemetry_10s')"}},
    {"time_column", {"select furrow.time_column('telemetry')"}},
    {"token_sums",
     {all_of("token_sums(" + span_sql + ")"),
      all_of("token_sums(" + span_sql + ", 'Europe/Berlin')")}},
    {"transported", {all_of("transported(" + t1_sql + ", " + span_sql + ", null)")}},
    {"vehicle_buses", {all_of("vehicle_buses(" + t1_sql + ", " + span_sql + ")")}},
    {"wanted_partitions", {all_of("wanted_partitions(" + now_sql + ")")}},
    {"yield_map", of_machines("yield_map(", ", " + span_sql + ")")},
  };
  return calls;
}

const std::map<std::string, std::string>& sql_not_called() {
  static const std::string layout = "makes, fills or drops a partition: how rows are kept, and no "
                                    "answer; the tables are compared after retention has run";
  static const std::map<std::string, std::string> out{
    {"attach_partition", layout},
    {"check_telemetry", layout},
    {"drop_detached", layout},
    {"drop_partition", layout},
    {"empty_partition", layout},
    {"grant_care", "rights of a role"},
    {"move_rows", layout},
    {"open_partition", layout},
    {"put_aside", layout},
    {"settle_telemetry", layout},
    {"telemetry_past", "its parameter is the name of a partition"},
    {"thin_partition", layout},
    {"expire_rollup", "run by retention; the tables are compared"},
    {"expire_telemetry", "run by retention; the tables are compared"},
    {"let_go", "run by a move; the tables are compared"},
  };
  return out;
}

} // namespace furrow::tests
