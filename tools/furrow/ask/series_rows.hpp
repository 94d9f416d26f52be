/// History in columns, as a node answers it, as rows: one for each time, as the other lists of `furrow` have them.
///
/// Errors: an answer without its columns throws, as every answer that is not understood.
/// Threads: pure functions.
#pragma once

#include "tools/furrow/client.hpp"
#include "tools/furrow/output.hpp"

namespace furrow::cli {

/// Of `/signals/{signal}`: time and value, or time and what a bucket has.
[[nodiscard]] json signal_rows(const json& series);
[[nodiscard]] table signal_table(const json& rows);

/// Of `/telemetry/series`: time and the columns that were asked for.
[[nodiscard]] json telemetry_rows(const json& series);
[[nodiscard]] table chosen_telemetry_table(const json& rows);

} // namespace furrow::cli
