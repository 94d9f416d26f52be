/// Options that are a moment: a time, a day, or words such as -1h and yesterday.
///
/// Shape: `2026-05-01T06:30:00Z` and `2026-05-01T08:30:00+02:00` say where they are. What has no zone is local time
///   (TZ): `2026-05-01T06:30`, `2026-05-01 06:30:10`, `06:30` (today), `2026-05-01`, `today` and `yesterday` (their
///   first moment). `-90s`, `-15min`, `-1h`, `-2d` and `-1w` are that long before now. `now`, `-infinity`, `infinity`.
/// Errors: one line that names the text and what can be written.
/// Threads: one; the C library reads TZ.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <CLI/App.hpp>

namespace furrow::cli {

inline constexpr const char* first_time_help =
  "first time: 2026-05-01T06:30:00Z, local as 2026-05-01T06:30, yesterday, -1h, or -infinity";
inline constexpr const char* last_time_help = "last time, included; written as --from";

/// The moment as text that a node reads, in UTC; nothing when the text is none of the forms above.
[[nodiscard]] std::optional<std::string> moment_text(std::string_view typed, std::int64_t now_us);

/// Adds an option whose value becomes the moment's text.
CLI::Option*
add_time_option(CLI::App& command, const std::string& name, std::string& into, const char* help);

} // namespace furrow::cli
