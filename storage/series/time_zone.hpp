/// Time zones of the IANA database on this computer: when the days of a zone begin.
///
/// Shape: a zone is a list of moments from which another distance from UTC holds. The rule at the end of a file is
///   unrolled to the year 2200. A default object is UTC.
/// Units: microseconds since 1970; days since 1970-01-01.
/// Errors: nothing for an unknown name and for an invalid file.
/// Threads: a plain value.
/// Limits: a file of 64 KiB. Days do not overlap, but for a clock that is set back to before midnight after it: St. John's
///   until 2011.
/// Source: RFC 8536 (TZif), POSIX.1 (TZ).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

class time_zone {
public:
  time_zone() = default;
  /// The content of a file of /usr/share/zoneinfo, from version 2 of its format on.
  [[nodiscard]] static std::optional<time_zone> parse(std::string_view content);

  [[nodiscard]] std::int64_t offset_s(std::int64_t at_s) const;
  /// The local day that a time is in.
  [[nodiscard]] std::int64_t day_of(std::int64_t time_us) const;
  /// The first moment of a local day: midnight, or what follows it where the clock leaves midnight out.
  [[nodiscard]] std::int64_t start_us(std::int64_t day) const;

  struct change {
    std::int64_t at_s = 0;
    std::int64_t offset_s = 0;
  };

private:
  std::int64_t first_offset_s_ = 0; // before all changes
  std::vector<change> changes_;     // by time
};

/// "Europe/Berlin". The files are in $TZDIR, or in /usr/share/zoneinfo.
[[nodiscard]] std::optional<time_zone> find_time_zone(const std::string& name);
/// An error about an unknown name begins with this text. Its code is reject_row.
inline constexpr std::string_view unknown_zone_text = "no time zone has the name ";
/// The whole message.
[[nodiscard]] std::string unknown_zone(std::string_view name);

} // namespace furrow::storage
