/// One call of every function of the schema, with arguments for all machines of a database.
///
/// Shape: the machine T1 has frames of engine speed, half of them sealed; any number of machines may stand beside it.
#pragma once

#include <array>

namespace furrow::tests {

struct function_call {
  const char* function; // name/number of arguments
  const char* sql;      // each is run in a transaction of its own that is rolled back
};

// $STREAMS are all streams, $EPOCHS and $SEQS what stands of each in stream_watermark, $NULLS a null for each; $FARMS,
// $MACHINES and $UUIDS are as a gateway names them; $NODE is a node.
inline constexpr std::array function_calls{
  function_call{"advance/5", "select furrow.advance($STREAMS, $EPOCHS, $SEQS, $SEQS, $SEQS)"},
  function_call{"asked/5",
                "select furrow.asked('T1', 'EEC1.engine_speed', '-infinity', 'infinity')"},
  function_call{"assembled/4",
                "select count(*) from furrow.assembled(1, '-infinity', 'infinity', 65226)"},
  function_call{"attach_partition/3",
                "select furrow.open_partition('2031-01-06 00:00+00', '2031-01-13 00:00+00'); "
                "select furrow.attach_partition('2031-01-06 00:00+00', '2031-01-13 00:00+00')"},
  function_call{
    "beat/12",
    "select * from furrow.beat('n1', $NODE, true, false, '', '', '', '', '{1,1}', 1000, 0, 0)"},
  function_call{
    "begin_farm_move/3",
    "insert into furrow.database (name, url) values ('second', 'postgresql://second/'); "
    "select furrow.begin_farm_move('default', 'second', 'anna')"},
  function_call{"by_partition/1", "select count(*) from furrow.by_partition('select s.chunk from "
                                  "furrow.%1$I s') r(chunk bigint)"},
  function_call{"care_lock/0", "select furrow.care_lock()"},
  function_call{"change_view/0", "select furrow.change_view()"},
  function_call{"channels/3", "select furrow.channels(null, 61444, null)"},
  function_call{"check_telemetry/0", "select furrow.check_telemetry()"},
  function_call{"chunk_days/3",
                "select count(*) from furrow.chunk_days(1, '-infinity', 'infinity')"},
  function_call{"claim/6",
                "select count(*) from furrow.claim($STREAMS, $EPOCHS, $SEQS, '{}', '{}', '{}')"},
  function_call{"claim/8", "select count(*) from furrow.claim($STREAMS, $EPOCHS, $SEQS, $STREAMS, "
                           "$SEQS, $SEQS, $NODE, $EPOCHS)"},
  function_call{"column_bytes/4", "select furrow.column_bytes('\\x010203', 1, 1, 3)"},
  function_call{"comes_in_several/2", "select furrow.comes_in_several(65226, 20)"},
  function_call{"cutoffs/2", "select count(*) from furrow.cutoffs('frames', '2100-01-01')"},
  function_call{"databases/0", "select count(*) from furrow.databases()"},
  function_call{"day_start/2", "select furrow.day_start('2026-03-29', 'Europe/Berlin')"},
  function_call{"drop_detached/1", "select furrow.drop_detached('2100-01-01')"},
  function_call{"drop_partition/2",
                "select furrow.open_partition('2031-01-06 00:00+00', '2031-01-13 00:00+00'); "
                "select furrow.attach_partition('2031-01-06 00:00+00', '2031-01-13 00:00+00'); "
                "select furrow.drop_partition('can_segment_w20310106')"},
  function_call{"due_bytes/1", "select count(*) from furrow.due_bytes('2100-01-01')"},
  function_call{"empty_partition/2",
                "select furrow.open_partition('2021-01-04 00:00+00', '2021-01-11 00:00+00'); "
                "select furrow.attach_partition('2021-01-04 00:00+00', '2021-01-11 00:00+00'); "
                "select furrow.empty_partition('can_segment_w20210104', '2026-01-01')"},
  function_call{"end_sessions/1", "select furrow.end_sessions($NODE)"},
  function_call{"enter/4", "select count(*) from furrow.enter($FARMS, $MACHINES, $UUIDS, $NULLS)"},
  function_call{"equipment_id/1", "select furrow.equipment_id('T1')"},
  function_call{"expect_farm/3", "select furrow.expect_farm('other', 'main', 1)"},
  function_call{"expire_batch_keys/2", "select furrow.expire_batch_keys('2100-01-01', 1000)"},
  function_call{"expire_chunks/2", "select furrow.expire_chunks('2100-01-01', 1000)"},
  function_call{"expire_faults/2", "select furrow.expire_faults('2100-01-01', 1000)"},
  function_call{"expire_records/2", "select furrow.expire_records('2100-01-01', 1000)"},
  function_call{"expire_rollup/2", "select furrow.expire_rollup('2100-01-01', 1000)"},
  function_call{"expire_telemetry/3", "select furrow.expire_telemetry('2100-01-01', 1000)"},
  function_call{"fast_packets/4",
                "select count(*) from furrow.fast_packets(1, '-infinity', 'infinity', '{129029}')"},
  function_call{"find_signal/3", "select furrow.find_signal(1, 'EEC1.engine_speed', null)"},
  function_call{"float_of/2", "select furrow.float_of(1, 32)"},
  function_call{"forward_holds/2", "select furrow.forward_holds(1, 1)"},
  function_call{"frames/5", "select count(*) from furrow.frames('T1', '-infinity', 'infinity')"},
  function_call{"grant_care/0", "select furrow.grant_care()"},
  function_call{"group_of/1", "select furrow.group_of(2163213056)"},
  function_call{"groups_of/3", "select furrow.groups_of(1, '-infinity', 'infinity')"},
  function_call{
    "header_frames/6",
    "select count(*) from furrow.header_frames(1, '-infinity', 'infinity', null, 61444, null)"},
  function_call{"header_matches/3", "select furrow.header_matches(2163213056, null, 61444)"},
  function_call{"header_wanted/4", "select furrow.header_wanted(2163213056, null, 61444, null)"},
  function_call{
    "identifier_of/1",
    "select furrow.identifier_of(m) from furrow.messages('T1', '-infinity', 'infinity') m limit 1"},
  function_call{"is_group/2", "select furrow.is_group(61444, 61444)"},
  function_call{"is_settled/1", "select furrow.is_settled(1)"},
  function_call{"judge/2", "select * from furrow.judge('n1', $NODE)"},
  function_call{"kept/2", "select count(*) from furrow.kept($STREAMS, $SEQS)"},
  function_call{"known_times/3", "select furrow.known_times(1, '-infinity', 'infinity')"},
  function_call{"leave/2", "select furrow.leave('n1', $NODE)"},
  function_call{"leave_farm/3", "select furrow.leave_farm('default', 'second', 1)"},
  function_call{"ledger_counts/2", "select furrow.ledger_counts(1, 1000)"},
  function_call{"let_go/2", "update furrow.farm set home_state = 'gone', home = 'second'; select "
                            "furrow.let_go('default', 1000)"},
  function_call{"make_roles/0", "select furrow.make_roles()"},
  function_call{"may_seal/1", "select furrow.may_seal(1)"},
  function_call{"messages/4",
                "select count(*) from furrow.messages('T1', '-infinity', 'infinity')"},
  function_call{
    "move_rows/4",
    "select furrow.move_rows('can_segment_default', 'can_segment', '2031-01-06', '2031-01-13')"},
  function_call{"move_slice/3", "select furrow.move_slice(1, 1000, 100)"},
  function_call{"note_arrived/3", "select furrow.note_arrived(1, 1, 1000)"},
  function_call{"note_expired/2", "select furrow.note_expired(1, '{[900000,900002)}')"},
  function_call{"note_returned/2", "select furrow.note_returned(1, '{[900000,900001)}')"},
  function_call{
    "number_ids/1",
    "do $$ begin perform furrow.number_ids(1); exception when object_in_use then null; end $$"},
  function_call{
    "only_tried/0",
    "do $$ begin perform furrow.only_tried(); exception when sqlstate 'FW003' then null; end $$"},
  function_call{"open_partition/3",
                "select furrow.open_partition('2031-01-06 00:00+00', '2031-01-13 00:00+00')"},
  function_call{"packet_type/1", "select furrow.packet_type(129029)"},
  function_call{"partition_name/3",
                "select furrow.partition_name('2031-01-06 00:00+00', '2031-01-13 00:00+00')"},
  function_call{"partitions_due/1", "select count(*) from furrow.partitions_due('2100-01-01')"},
  function_call{"place_farm/1", "select * from furrow.place_farm('other')"},
  function_call{"plane_sql/2", "select furrow.plane_sql('byte', 2)"},
  function_call{"position_track/3",
                "select count(*) from furrow.position_track('T1', '-infinity', 'infinity')"},
  function_call{"present_sql/3",
                "select furrow.present_sql(s, 'byte', 1) from furrow.definition_signal s where "
                "s.name = 'engine_speed' limit 1"},
  function_call{"process_sql/1", "select furrow.process_sql('PD.element_1.ddi_7')"},
  function_call{"raw_sql/2", "select furrow.raw_sql(s, 'byte') from furrow.definition_signal s "
                             "where s.name = 'engine_speed' limit 1"},
  function_call{"record_rules/1", "select count(*) from furrow.record_rules('2100-01-01')"},
  function_call{"release/2", "select furrow.release('{}', '{}')"},
  function_call{"remove_chunks/4",
                "select furrow.remove_chunks($STREAMS, $SEQS, '-infinity', 'infinity')"},
  function_call{"retention_due/1", "select count(*) from furrow.retention_due('2100-01-01')"},
  function_call{
    "rolled_up/6",
    "select furrow.rolled_up(1, r.signal, r.definition, '-infinity', 'infinity', '1 minute') "
    "from furrow.rollup_definition r limit 1"},
  function_call{"rollup_day_in/2",
                "select count(*) from furrow.rollup_day_in('default', 'Europe/Berlin')"},
  function_call{"seal_limit/1", "select furrow.seal_limit(1)"},
  function_call{"sealed_runs/1", "select count(*) from furrow.sealed_runs(1)"},
  function_call{
    "segment_part/6",
    "select count(*) from furrow.can_segment s cross join lateral "
    "furrow.segment_part(s, '-infinity', 'infinity', null, null, null) where s.stream = 1"},
  function_call{"segments_of/5",
                "select count(*) from furrow.chunk_days(1, '-infinity', 'infinity') c "
                "cross join lateral furrow.segments_of(1, c.chunks, c.low, c.high, null)"},
  function_call{"settle/4", "select furrow.settle('n1', $NODE, $FARMS, $MACHINES)"},
  function_call{"settle_telemetry/0", "select furrow.settle_telemetry()"},
  function_call{
    "signal/5",
    "select count(*) from furrow.signal('T1', 'EEC1.engine_speed', '-infinity', 'infinity')"},
  function_call{"signal_bucket/6", "select count(*) from furrow.signal_bucket('T1', "
                                   "'EEC1.engine_speed', '-infinity', 'infinity', '1 minute')"},
  function_call{"signal_whole/5",
                "select count(*) from furrow.signal_whole('T1', (select 'EEC1.' || s.name from "
                "furrow.definition_signal s join furrow.definition_message m using (version, "
                "message) where m.name = 'EEC1' and s.scale = 1 limit 1), '-infinity', "
                "'infinity')"},
  function_call{"signal_sql/3", "select furrow.signal_sql(1, 'EEC1.engine_speed', null)"},
  function_call{"slot_bytes/2", "select furrow.slot_bytes(1, 8)"},
  function_call{"steer/3", "select furrow.steer('n1', true, 50)"},
  function_call{"streams_of/1", "select count(*) from furrow.streams_of(1)"},
  function_call{"sum_of_bytes/1", "select furrow.sum_of_bytes('\\x010203')"},
  function_call{"telemetry_due/1", "select count(*) from furrow.telemetry_due('2100-01-01')"},
  function_call{"telemetry_past/3",
                "select furrow.telemetry_past('telemetry_default', '2031-01-13', '2100-01-01')"},
  function_call{"thin_partition/2",
                "select furrow.thin_partition('telemetry_default', '2100-01-01')"},
  function_call{"thin_sql/2", "select furrow.thin_sql('telemetry', 'telemetry_10s')"},
  function_call{"time_column/1", "select furrow.time_column('telemetry')"},
  function_call{"token_sums/2", "select count(*) from furrow.token_sums('-infinity', 'infinity')"},
  function_call{"token_sums/3",
                "select count(*) from furrow.token_sums('-infinity', 'infinity', 'Europe/Berlin')"},
  function_call{"transport_steps/5", "select count(*) from furrow.transport_steps(1, '-infinity', "
                                     "'-infinity', 'infinity', '{60416,60160}')"},
  function_call{"transported/4",
                "select count(*) from furrow.transported(1, '-infinity', 'infinity', 65226)"},
  function_call{"vehicle_buses/3",
                "select count(*) from furrow.vehicle_buses(1, '-infinity', 'infinity')"},
  function_call{"wal_timeline/0", "select furrow.wal_timeline()"},
  function_call{"wanted_partitions/2",
                "select count(*) from furrow.wanted_partitions('2026-01-01')"},
  function_call{"yield_map/3",
                "select count(*) from furrow.yield_map('equipment:T1', '-infinity', 'infinity')"},
};

} // namespace furrow::tests
