/// The live state of a machine as JSON of the API: quantities, faults, ECUs, implements.
///
/// Shape: keys in the order in which people read them. A quantity is an object {value, unit, time, age_ms, pgn, source,
///   bus}; can/live/live_state.hpp says which PGN is used where several carry one.
/// Units: beside each value; ages in milliseconds.
/// Errors: absent is null, never zero.
/// Threads: pure functions.
#pragma once

#include "actors/live/live_view.hpp"
#include "can/live/machine_monitor.hpp"
#include "storage/store.hpp"
#include "tools/furrowd/access/gateway_book.hpp"
#include "tools/json/rows_json.hpp"

#include <cstdint>
#include <span>
#include <string>

namespace furrow::http {

using json_rows::json;

[[nodiscard]] json to_json(const can::live_state& state, std::int64_t now_us);
/// The last state that the database has of a machine, in the same form. What is not kept is null.
[[nodiscard]] json to_json(const storage::telemetry_point& kept, std::int64_t now_us);
/// {faults, cleared_faults, ecus, implements}
[[nodiscard]] json to_json(const can::machine_report& report, std::int64_t now_us);
[[nodiscard]] json to_json(const actors::actor_row& row, const std::string& node);
[[nodiscard]] json to_json(const daemon::connected_gateway& one, std::int64_t now_us);
[[nodiscard]] json to_json(const daemon::refused_gateway& one);
/// Merges the stored row and the live state of a machine; either may be missing. While a newer actor replaces an older
/// one there are two live states: numbers are summed, the state is that of the latest frame. `node`: the name of this one.
[[nodiscard]] json to_json(const storage::equipment_row* stored,
                           std::span<const actors::live_equipment* const> live,
                           std::int64_t now_us,
                           const std::string& node);

} // namespace furrow::http
