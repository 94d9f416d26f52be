/// Rows of the store and the node as the JSON that the API answers with.
///
/// Shape: keys in the order in which people read them; units in the names of the keys.
/// Errors: absent is null, never zero. Names that are not UTF-8 come out with replacement signs.
/// Threads: pure functions.
#pragma once

#include "actors/node.hpp"
#include "storage/store.hpp"

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace furrow::http {

using json = nlohmann::ordered_json;

[[nodiscard]] std::string to_text(const json& value); // one line, with its end

[[nodiscard]] json to_json(const storage::ledger_row& row);
[[nodiscard]] json to_json(const storage::digest_status& status);
[[nodiscard]] json to_json(const storage::migration_row& row);
[[nodiscard]] json to_json(const storage::store_health& health);
[[nodiscard]] json to_json(const actors::actor_row& row);
/// What the database knows of a machine, and what its actors know now; either may be missing. While
/// a machine's actor gives way to a newer one there are two: numbers are summed, the state is that
/// of the machine's latest frame.
[[nodiscard]] json to_json(const storage::equipment_row* stored,
                           const std::vector<const actors::live_equipment*>& live,
                           std::int64_t now_us);

} // namespace furrow::http
