/// Records and quarantined items as JSON of the API.
///
/// Errors: absent is null, never zero.
/// Threads: pure functions.
#pragma once

#include "can/records/kind.hpp"
#include "storage/quarantine.hpp"
#include "storage/records.hpp"
#include "tools/json/rows_json.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace furrow::http {

using json_rows::json;

/// The name of a kind ("yield"), or its number when it has no name.
[[nodiscard]] std::string kind_text(std::uint16_t kind);
[[nodiscard]] std::optional<std::uint16_t> parse_kind(std::string_view text);

[[nodiscard]] json to_json(const storage::record_row& row, const can::record_kind* kind);
/// `whole` adds the content: `body` of a record that is text, `bytes` in hex of anything else.
[[nodiscard]] json to_json(const storage::quarantine_row& row, bool whole);

/// Cursors of pages and ids of quarantined items, each as one word.
[[nodiscard]] std::string cursor_text(const storage::records_cursor& at);
[[nodiscard]] std::optional<storage::records_cursor> parse_cursor(std::string_view text);
[[nodiscard]] std::string id_text(storage::quarantine_id id);
[[nodiscard]] std::optional<storage::quarantine_id> parse_id(std::string_view text);

} // namespace furrow::http
