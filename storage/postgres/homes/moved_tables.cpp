#include "storage/postgres/homes/moved_tables.hpp"

#include <array>

namespace furrow::storage {

namespace {

using enum moved_as;

constexpr std::array tables{
  moved_table{"farm", admitted},
  moved_table{"equipment", admitted},
  moved_table{"field", admitted},
  moved_table{"retention", admitted},
  moved_table{"stream", admitted},
  moved_table{"stream_run", admitted},
  moved_table{"stream_watermark", admitted},
  moved_table{"bus", admitted},
  moved_table{"source", admitted},
  moved_table{"seal", admitted},
  moved_table{"digest", admitted},
  moved_table{"forward", admitted},
  moved_table{"machine_home", admitted},
  moved_table{"removed_equipment", admitted},
  moved_table{"equipment_state", admitted},
  moved_table{"signal_name", admitted},
  moved_table{"rollup_definition", admitted},
  moved_table{"definition_set", admitted},
  moved_table{"definition_message", admitted},
  moved_table{"definition_signal", admitted},
  moved_table{"dbc", admitted},
  moved_table{"can_block", numbered},
  moved_table{"can_chunk", numbered},
  moved_table{"can_segment", numbered},
  moved_table{"sensor_reading", numbered},
  moved_table{"yield_sample", numbered},
  moved_table{"token_usage", numbered},
  moved_table{"fault", numbered},
  moved_table{"item_record", numbered},
  moved_table{"quarantine", numbered},
  moved_table{"expired", numbered},
  moved_table{"record_batch", part},
  moved_table{"telemetry", part},
  moved_table{"telemetry_10s", part},
  moved_table{"telemetry_1m", part},
  moved_table{"rollup", part},
  moved_table{"bus_fault", part},
  moved_table{"clock_ahead", part},
  moved_table{"migration", stays, "each database keeps its own steps"},
  moved_table{"ddi", stays, "the same in every database"},
  moved_table{"partitioning", stays, "a setting of the database"},
  moved_table{"numbering", stays, "of the database"},
  moved_table{"elsewhere", stays, "says what a database does not have yet"},
  moved_table{"arrival", stays, "the state of a move"},
  moved_table{"farm_move", stays, "the state of a move, in main"},
  moved_table{"database", stays, "the directory, in main"},
  moved_table{"farm_home", stays, "the directory, in main"},
  moved_table{"directory_state", stays, "the directory, in main"},
  moved_table{"user", stays, "identities are in main"},
  moved_table{"token", stays, "identities are in main"},
  moved_table{"session", stays, "identities are in main"},
  moved_table{"identity_state", stays, "identities are in main"},
  moved_table{"audit", stays, "what was changed in a database is in its log"},
  moved_table{"node", stays, "the cluster, in main"},
  moved_table{"cluster", stays, "the cluster, in main"},
  moved_table{"forward_target", stays, "where a site forwards to; a node writes it"},
};

constexpr std::string_view of_machine = "t.equipment_id = $1";
/// What the target derived from later items stays.
constexpr std::string_view newer = "on conflict do nothing";

/// As the digest decides. Rollups and marks add up: source and target have digested different items. Batch keys come
/// first, because a client may send a batch again.
constexpr std::array parts{
  moved_part{"record_batch",
             "t.stream = any (array(select s.id from furrow.stream s where s.equipment_id = $1))",
             "", "", newer}, // a machine's at once
  moved_part{"telemetry", of_machine, "time", "::timestamptz",
             "on conflict (equipment_id, time) do update set {sets} where (excluded.stream, "
             "excluded.seq) > (t.stream, t.seq)"},
  moved_part{"rollup", of_machine, "signal, minute", "::int, ::timestamptz",
             "on conflict (equipment_id, signal, minute) do update set count = t.count + "
             "excluded.count, min = least(t.min, excluded.min), max = greatest(t.max, "
             "excluded.max), sum = t.sum + excluded.sum, last = case when (excluded.last_time, "
             "excluded.last) > (t.last_time, t.last) then excluded.last else t.last end, "
             "last_time = greatest(t.last_time, excluded.last_time)"},
  moved_part{"bus_fault", of_machine, "stream, first_seq, spn, fmi",
             "::int, ::bigint, ::int, ::smallint", newer},
  moved_part{"clock_ahead", of_machine, "stream, after", "::int, ::timestamptz",
             "on conflict (stream, after) do update set first = least(t.first, excluded.first), "
             "last = greatest(t.last, excluded.last), frames = t.frames + excluded.frames, "
             "earliest = least(t.earliest, excluded.earliest), latest = greatest(t.latest, "
             "excluded.latest)"},
  moved_part{"telemetry_10s", of_machine, "time", "::timestamptz", newer},
  moved_part{"telemetry_1m", of_machine, "time", "::timestamptz", newer},
};

} // namespace

std::span<const moved_table> moved_tables() {
  return tables;
}

std::span<const moved_part> moved_parts() {
  return parts;
}

} // namespace furrow::storage
