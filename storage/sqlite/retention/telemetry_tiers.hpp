/// Rows of telemetry that leave a tier, of which the first of each 10 s or minute stays in the next one.
///
/// Units: microseconds since 1970.
/// Errors, threads: as storage/sqlite/work.hpp.
/// Source: docs/decisions/0037-telemetry-tiers.md.
#pragma once

#include "storage/retention.hpp"
#include "storage/sqlite/db.hpp"

#include <cstdint>

namespace furrow::storage::sqlite_work {

/// Moves rows_a_batch rows at most, in the open transaction, and adds their number. True: there may be more.
[[nodiscard]] bool expire_telemetry(sqlite_db& db, std::int64_t at_us, std::uint64_t& rows_gone);
/// Number, oldest and newest time of the rows of a tier and a farm (?1) before a time (?2). Lives as long as the program.
[[nodiscard]] const char* telemetry_preview(data_kind tier);

} // namespace furrow::storage::sqlite_work
