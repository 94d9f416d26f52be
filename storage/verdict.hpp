/// What a database's refusal means for a transaction, told from its code alone.
///
/// Shape: both databases' codes are brought to one `verdict`, which `append_plan` and the other
///   callers act upon.
/// Errors: an unknown code is `retry_later`: nothing is dropped on the strength of a code that we
///   do not know.
/// Source: PostgreSQL Appendix A (SQLSTATE classes). SQLite's codes: storage/sqlite/db.hpp.
#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <string_view>

namespace furrow::storage {

enum class verdict : std::uint8_t {
  again = 0,         // a deadlock, a lock, a cancel: the same transaction, a moment later
  retry_later = 1,   // away, read-only, out of room
  misconfigured = 2, // credentials, schema, rights
  poison = 3,        // a value in it will never be taken
  duplicate = 4,     // a key stands already: poison, or a claim that another has passed
  fenced = 5,        // our own compare-and-set found another watermark or epoch
  held = 6,          // another transaction holds the row of a stream
};

/// SQLSTATE raised by furrow.advance.
inline constexpr std::string_view fenced_sqlstate = "FW001";

/// Raised by furrow.advance, too: it names the streams whose rows another transaction holds.
inline constexpr std::string_view held_sqlstate = "FW005";

[[nodiscard]] verdict judge_sqlstate(std::string_view sqlstate);

/// The verdict for a caller who has no plan to retry by.
[[nodiscard]] errc to_errc(verdict what);

} // namespace furrow::storage
