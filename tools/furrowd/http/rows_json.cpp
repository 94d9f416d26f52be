#include "tools/furrowd/http/rows_json.hpp"

#include "tools/furrowd/http/machine_json.hpp"
#include "tools/furrowd/http/rfc3339.hpp"

#include <fmt/format.h>

#include <optional>

#include <nlohmann/json.hpp>

namespace furrow::http {

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
          {"expired", row.expired}};
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

json to_json(const actors::actor_row& row) {
  return {{"id", row.id},       {"parent", row.parent},     {"name", row.name},
          {"state", row.state}, {"restarts", row.restarts}, {"detail", row.detail}};
}

json to_json(const storage::equipment_row* stored,
             const std::vector<const actors::live_equipment*>& live,
             std::int64_t now_us) {
  json row{{"name", stored != nullptr ? stored->name : live.front()->equipment},
           {"farm", stored != nullptr ? stored->farm : live.front()->farm}};
  const bool named = stored != nullptr && stored->iso_name;
  row["iso_name"] = named ? json(fmt::format("{:016X}", *stored->iso_name)) : json(nullptr);
  row["streams"] = stored != nullptr ? json(stored->streams) : json(nullptr);
  row["stored_durable_seq"] = stored != nullptr ? json(stored->durable) : json(nullptr);
  std::optional<std::int64_t> last_frame_us =
    stored != nullptr ? stored->last_frame_us : std::nullopt;

  const actors::live_equipment* latest = nullptr;
  actors::live_standing sum;
  for (const auto* one : live) {
    if (latest == nullptr || one->state.last_frame_us > latest->state.last_frame_us)
      latest = one;
    sum.connected = sum.connected || one->connected;
    sum.adrift = sum.adrift || one->adrift;
    sum.received_seq += one->received_seq;
    sum.durable_seq += one->durable_seq;
    sum.sent_seq += one->sent_seq;
    sum.frames += one->frames;
    if (one->connected)
      sum.peer = one->peer;
  }
  row["connected"] = sum.connected;
  row["peer"] = sum.connected ? json(sum.peer) : json(nullptr);
  const auto if_live = [latest](const json& value) {
    return latest != nullptr ? value : json(nullptr);
  };
  row["received_seq"] = if_live(sum.received_seq);
  row["durable_seq"] = if_live(sum.durable_seq);
  row["sent_seq"] = if_live(sum.sent_seq);
  row["frames"] = if_live(sum.frames);
  row["adrift"] = if_live(sum.adrift);
  if (latest != nullptr && latest->state.last_frame_us > last_frame_us.value_or(0))
    last_frame_us = latest->state.last_frame_us;
  row["last_frame"] = last_frame_us ? json(format_time(*last_frame_us)) : json(nullptr);
  row["ecu_count"] = if_live(latest != nullptr ? latest->ecus : 0);
  row["fault_count"] = if_live(latest != nullptr ? latest->faults_active : 0);
  row["state"] = latest != nullptr ? to_json(latest->state, now_us) : json(nullptr);
  return row;
}

} // namespace furrow::http
