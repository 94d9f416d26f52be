/// What a database's error code means for a transaction.
///
/// Shape: the codes of both databases become one `verdict`, on which `append_plan` and the other
///   callers act.
/// Errors: an unknown code is `retry_later`: an unknown code never causes a drop.
/// Source: PostgreSQL Appendix A (SQLSTATE classes). SQLite's codes: storage/sqlite/db.hpp.
#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <string_view>

namespace furrow::storage {

enum class verdict : std::uint8_t {
  again = 0,         // a deadlock, a lock, a cancel: repeat the same transaction after a pause
  retry_later = 1,   // away, read-only, full
  misconfigured = 2, // credentials, schema, rights
  poison = 3,        // a value that the database will always reject
  duplicate = 4,     // a key exists already: poison, or another claim was faster
  fenced = 5,        // our own compare-and-set found another watermark or epoch
  held = 6,          // another transaction holds the row of a stream
};

/// SQLSTATE raised by furrow.advance.
inline constexpr std::string_view fenced_sqlstate = "FW001";

/// Raised by furrow.advance, too: it names the streams whose rows another transaction holds.
inline constexpr std::string_view held_sqlstate = "FW005";

[[nodiscard]] verdict judge_sqlstate(std::string_view sqlstate);

/// The verdict for a caller without a plan for retries.
[[nodiscard]] errc to_errc(verdict what);

} // namespace furrow::storage
