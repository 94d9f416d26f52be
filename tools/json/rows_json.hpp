/// Rows of the store as JSON: the API and the command line print the same.
///
/// Shape: keys in the order in which people read them; units in the names of the keys.
/// Errors: absent is null, never zero. Invalid UTF-8 in names becomes replacement characters.
/// Threads: pure functions.
#pragma once

#include "storage/history.hpp"
#include "storage/store.hpp"

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace furrow::json_rows {

using json = nlohmann::ordered_json;

[[nodiscard]] std::string to_text(const json& value); // one line, with a line end

[[nodiscard]] json to_json(const storage::ledger_row& row);
[[nodiscard]] json to_json(const storage::digest_status& status);
[[nodiscard]] json to_json(const storage::migration_row& row);
[[nodiscard]] json to_json(const storage::store_health& health);

} // namespace furrow::json_rows
