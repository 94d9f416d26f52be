#include "tools/json/rows_json.hpp"

#include "tools/json/rfc3339.hpp"

#include <nlohmann/json.hpp>

namespace furrow::json_rows {

std::string to_text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

json to_json(const storage::ledger_row& row) {
  return {{"equipment", row.equipment},
          {"stream_id", can::to_string(row.stream_id)},
          {"sent", row.sent},
          {"durable", row.durable},
          {"stored", row.stored},
          {"lost", row.lost},
          {"doubled", row.doubled},
          {"farm", row.farm},
          {"quarantined", row.quarantined},
          {"dropped", row.dropped},
          {"lost_at_gateway", row.lost_at_gateway},
          {"expired", row.expired},
          {"elsewhere", row.elsewhere}};
}

json to_json(const storage::digest_status& status) {
  return {
    {"streams", status.streams},
    {"streams_behind", status.streams_behind},
    {"items_behind", status.items_behind},
    {"oldest_frame", status.oldest_us ? json(format_time(*status.oldest_us)) : json(nullptr)}};
}

json to_json(const storage::migration_row& row) {
  return {{"number", row.number},
          {"name", row.name},
          {"checksum", row.checksum},
          {"applied", row.applied},
          {"fault", row.fault.empty() ? json(nullptr) : json(row.fault)}};
}

json to_json(const storage::store_health& health) {
  return {{"up", health.up},
          {"mode", health.mode},
          {"detail", health.detail},
          {"latency_us", health.up ? json(health.latency.count()) : json(nullptr)}};
}

} // namespace furrow::json_rows
