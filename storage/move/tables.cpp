#include "storage/move/tables.hpp"

#include "can/live/telemetry.hpp"
#include "can/records/kind.hpp"

#include <algorithm>
#include <array>

namespace furrow::storage {

namespace {

using enum copy_type;
using columns = std::vector<copied_column>;

constexpr std::array<left_out, 29> left{{
  {"migration", "each database keeps its own steps"},
  {"definition_set", "made by `furrow db migrate` and `furrow dbc load`; SQLite has none"},
  {"definition_message", "of a definition_set"},
  {"definition_signal", "of a definition_set"},
  {"ddi", "the same in every database: a step of the schema fills it; SQLite has none"},
  {"can_chunk", "SQLite does not seal: all frames arrive as blocks, and the sealer takes them"},
  {"can_segment", "of a can_chunk"},
  {"can_segment_default", "of can_segment"},
  {"telemetry_default", "of telemetry"},
  {"seal", "how far a stream is sealed: not at all, which is how it begins"},
  {"partitioning", "a setting that SQLite does not have"},
  {"node", "leases of several nodes; SQLite has one node"},
  {"cluster", "of the table node"},
  {"machine_home", "of the table node; a node writes it again"},
  {"database", "other databases of a node on PostgreSQL; SQLite has one database"},
  {"farm_home", "of the table database"},
  {"directory_state", "of the table database"},
  {"numbering", "of the table database"},
  {"farm.home", "every farm of a SQLite file is here"},
  {"farm.home_version", "of farm.home"},
  {"farm.home_state", "of farm.home"},
  {"forward_target", "a node that forwards writes it when it starts"},
  {"session", "people log in again"},
  {"identity_state", "each database counts its own changes"},
  {"elsewhere", "a farm that came from SQLite came as a whole"},
  {"arrival", "of the move of a farm between databases; SQLite has one"},
  {"farm_move", "of the move of a farm between databases; SQLite has one"},
  {"digest.paused", "of a farm that has left; none leaves a SQLite file"},
  {"stream_watermark.owner", "who claimed last: the next claim writes it"},
}};

columns people_of(columns own) {
  columns out{{"id", int4}, {"farm_id", int4}, {"name", text}};
  out.insert(out.end(), own.begin(), own.end());
  const columns rest{{"version", int8}, {"created_at", time_s}, {"updated_at", time_s}};
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

copied_table farm_table() {
  return {"farm",
          {{"id", int4},
           {"name", text},
           {"title", text},
           {"attributes", json},
           {"version", int8},
           {"updated_at", time_s},
           {"time_zone", text}},
          "id",
          "id"};
}

copied_table equipment_table() {
  auto list = people_of({{"iso_name", int8},
                         {"address", int2},
                         {"kind", text},
                         {"status", text},
                         {"maker", text},
                         {"model", text},
                         {"serial", text},
                         {"firmware", text},
                         {"attributes", json},
                         {"relayed", truth}});
  return {"equipment", std::move(list), "id", "id"};
}

copied_table field_table() {
  auto list = people_of({{"crop", text},
                         {"soil", text},
                         {"season", text},
                         {"boundary", json},
                         {"area_m2", real8},
                         {"west_deg", real8},
                         {"south_deg", real8},
                         {"east_deg", real8},
                         {"north_deg", real8},
                         {"attributes", json}});
  return {"field", std::move(list), "id", "id"};
}

copied_table user_table() {
  auto list = people_of({{"title", text},
                         {"role", text},
                         {"status", text},
                         {"password", text},
                         {"attributes", json},
                         {"farms", json},
                         {"equipment", json},
                         {"last_login_us", int8}});
  return {"user", std::move(list), "id", "id"};
}

copied_table token_table() {
  auto list = people_of({{"sha256", text},
                         {"role", text},
                         {"status", text},
                         {"user_name", text},
                         {"equipment", json},
                         {"expires_us", int8},
                         {"farms", json},
                         {"created_by", text},
                         {"last_used_us", int8}});
  return {"token", std::move(list), "id", "id"};
}

void add_streams(std::vector<copied_table>& out) {
  out.push_back(
    {"stream",
     {{"id", int4}, {"equipment_id", int4}, {"stream_id", uuid}, {"created_at", time_s}},
     "id",
     "id"});
  out.push_back({"stream_run",
                 {{"stream", int4},
                  {"run", int8},
                  {"first_seq", int8},
                  {"ordinal", int8},
                  {"claimed_at", time_s}},
                 "stream, run",
                 "ordinal"});
  out.push_back({"stream_watermark",
                 {{"stream", int4}, {"epoch", int8}, {"seq", int8}, {"sent", int8}},
                 "stream"});
  out.push_back({"bus", {{"stream", int4}, {"bus", int2}, {"name", text}}, "stream, bus"});
  out.push_back({"expired", {{"stream", int4}, {"first", int8}, {"last", int8}}, "stream, first"});
  out.push_back({"forward",
                 {{"stream", int4},
                  {"acked_seq", int8},
                  {"told_run", int8},
                  {"told_as", uuid},
                  {"acked_at", time_s}},
                 "stream"});
  out.push_back({"source",
                 {{"equipment_id", int4},
                  {"digest", text},
                  {"stream", int4},
                  {"name", text},
                  {"stored_at", time_s}},
                 "equipment_id, digest"});
}

copied_table blocks_table() {
  return {"can_block",
          {{"stream", int4},
           {"seq_first", int8},
           {"equipment_id", int4},
           {"frames", int4},
           {"time_first", time_us},
           {"time_last", time_us},
           {"time_base", time_us},
           {"headers", int8_array},
           {"header_index", int2_array},
           {"time_offset", int4_array},
           {"payload", int8_array},
           {"long_payload", bytes}},
          "stream, seq_first"};
}

copy_type type_of(can::field_type type) {
  switch (type) {
  case can::field_type::real:
    return real8;
  case can::field_type::integer:
  case can::field_type::amount:
    return int8;
  case can::field_type::boolean:
    return truth;
  case can::field_type::text:
  case can::field_type::word:
    return text;
  }
  return text;
}

void add_records(std::vector<copied_table>& out) {
  const columns head{{"stream", int4}, {"seq", int8}, {"equipment_id", int4}, {"time", time_us}};
  for (const auto& kind : can::record_kinds()) {
    auto list = head;
    for (const auto& field : kind.fields) {
      list.push_back({std::string{field.name}, type_of(field.type)});
      if (field.type == can::field_type::amount)
        list.push_back({std::string{field.name} + "_fraction", real8});
    }
    out.push_back({std::string{kind.table}, std::move(list), "stream, seq"});
  }
  auto list = head;
  list.insert(list.end(), {{"kind", bits16}, {"body", json}});
  out.push_back({"item_record", std::move(list), "stream, seq"});
  out.push_back({"quarantine",
                 {{"stream", int4},
                  {"seq", int8},
                  {"equipment_id", int4},
                  {"time", time_us},
                  {"reason", text},
                  {"bytes", bytes},
                  {"created_at", time_s},
                  {"kind", bits16},
                  {"dropped_at", time_s}},
                 "stream, seq"});
  out.push_back({"record_batch",
                 {{"stream", int4},
                  {"key", text},
                  {"equipment_id", int4},
                  {"seq_first", int8},
                  {"records", int4},
                  {"refused", text},
                  {"created_at", time_s},
                  {"sha256", text}},
                 "stream, key"});
}

columns telemetry_columns_with(columns head) {
  head.push_back({"mode", text});
  // Positions and totals need more digits than a float has.
  const std::array<std::string_view, 4> exact{"latitude", "longitude", "engine_hours",
                                              "total_fuel"};
  for (const auto& column : can::telemetry_columns) {
    const bool wide = std::find(exact.begin(), exact.end(), column.name) != exact.end();
    head.push_back({std::string{column.name}, wide ? real8 : real4});
  }
  return head;
}

void add_digest(std::vector<copied_table>& out) {
  out.push_back({"signal_name", {{"id", int4}, {"name", text}}, "id", "id"});
  out.push_back({"rollup_definition",
                 {{"signal", int4}, {"definition", text}, {"since", time_s}},
                 "signal, definition"});
  out.push_back({"digest",
                 {{"stream", int4}, {"seq", int8}, {"state", bytes}, {"moved_at", time_s}},
                 "stream"});
  out.push_back({"bus_fault",
                 {{"stream", int4},
                  {"first_seq", int8},
                  {"spn", int4},
                  {"fmi", int2},
                  {"equipment_id", int4},
                  {"bus", int2},
                  {"source", int2},
                  {"iso_name", int8},
                  {"first_seen", time_us},
                  {"last_seen", time_us},
                  {"cleared", time_us},
                  {"appearances", int4},
                  {"occurrences", int2},
                  {"lamp", text}},
                 "stream, first_seq, spn, fmi",
                 "",
                 true});
  out.push_back({"clock_ahead",
                 {{"stream", int4},
                  {"after", time_us},
                  {"equipment_id", int4},
                  {"first", int8},
                  {"last", int8},
                  {"frames", int8},
                  {"earliest", time_us},
                  {"latest", time_us}},
                 "stream, after",
                 "",
                 true});
  out.push_back({"rollup",
                 {{"equipment_id", int4},
                  {"signal", int4},
                  {"minute", time_us},
                  {"count", int8},
                  {"min", real8},
                  {"max", real8},
                  {"sum", real8},
                  {"last", real8},
                  {"last_time", time_us}},
                 "equipment_id, signal, minute",
                 "",
                 true});
  const columns head{{"equipment_id", int4}, {"time", time_us}, {"stream", int4}, {"seq", int8}};
  for (const auto* tier : {"telemetry", "telemetry_10s", "telemetry_1m"})
    out.push_back({tier, telemetry_columns_with(head), "equipment_id, time", std::string{}, true});
  auto state = head;
  state.push_back({"heard", time_us});
  out.push_back({"equipment_state", telemetry_columns_with(state), "equipment_id", "", true});
}

std::vector<copied_table> make_tables() {
  std::vector<copied_table> out{farm_table(), equipment_table(), field_table(), user_table(),
                                token_table()};
  out.push_back({"retention",
                 {{"farm_id", int4}, {"kind", text}, {"keep_days", int4}, {"changed_at", time_s}},
                 "coalesce(farm_id, 0), kind"});
  out.push_back({"audit",
                 {{"id", int8},
                  {"time", time_s},
                  {"who", text},
                  {"action", text},
                  {"object", text},
                  {"detail", text},
                  {"farm", text},
                  {"origin", text},
                  {"before_change", json},
                  {"after_change", json}},
                 "id",
                 "id"});
  add_streams(out);
  out.push_back({"removed_equipment",
                 {{"equipment_id", int4}, {"durable", int8}, {"removed_at", time_s}},
                 "equipment_id"});
  out.push_back({"dbc",
                 {{"id", int4},
                  {"farm_id", int4},
                  {"equipment_id", int4},
                  {"name", text},
                  {"sha256", text},
                  {"content", bytes},
                  {"encoding", int2},
                  // SQLite marks an active file with 1; there it is the version of its definitions.
                  {"version", int4, "case when version is not null then 1 end"},
                  {"loaded_at", time_s}},
                 "id",
                 "id"});
  out.push_back(blocks_table());
  add_records(out);
  add_digest(out);
  return out;
}

} // namespace

std::string copied_table::column_list() const {
  std::string out;
  for (const auto& column : columns)
    out += (out.empty() ? "\"" : ", \"") + column.name + "\"";
  return out;
}

std::string copied_table::read_list() const {
  std::string out;
  for (const auto& column : columns)
    out.append(out.empty() ? "" : ", ")
      .append(column.read_as.empty() ? "\"" + column.name + "\"" : column.read_as);
  return out;
}

bool copied_table::has(copy_type type) const {
  return std::any_of(columns.begin(), columns.end(),
                     [&](const copied_column& column) { return column.type == type; });
}

std::span<const copied_table> copied_tables() {
  static const auto tables = make_tables();
  return tables;
}

std::span<const left_out> left_out_tables() {
  return left;
}

std::string_view postgres_type(copy_type type) {
  switch (type) {
  case int2:
  case bits16:
    return "smallint";
  case int4:
    return "integer";
  case int8:
    return "bigint";
  case truth:
    return "boolean";
  case real4:
    return "real";
  case real8:
    return "double precision";
  case text:
    return "text";
  case json:
    return "jsonb";
  case bytes:
    return "bytea";
  case uuid:
    return "uuid";
  case time_us:
  case time_s:
    return "timestamp with time zone";
  case int2_array:
    return "smallint[]";
  case int4_array:
    return "integer[]";
  case int8_array:
    return "bigint[]";
  }
  return "";
}

} // namespace furrow::storage
