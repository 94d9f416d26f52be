#include "storage/archive/frame_import.hpp"

#include "storage/append/quarantine.hpp"

#include <algorithm>
#include <limits>

namespace furrow::storage {

result<std::unique_ptr<frame_return>> frame_return::open(const store_options& options) {
  constexpr std::string_view sqlite_scheme = "sqlite:";
  return options.url.starts_with(sqlite_scheme)
           ? open_sqlite_return(options.url.substr(sqlite_scheme.size()), options)
           : open_postgres_return(options);
}

failure would_go_again(const std::string& farm, std::int64_t keep_days) {
  return {errc::misconfigured, "retention keeps frames of the farm " + as_text(farm) + " for "
                                 + std::to_string(keep_days)
                                 + " days, and would take these away again: `furrow retention set "
                                   "--kind frames --farm '"
                                 + as_text(farm) + "' --keep forever` first"};
}

std::int64_t latest_us(const std::vector<frame_run>& runs) {
  auto out = std::numeric_limits<std::int64_t>::min();
  for (const auto& run : runs)
    out = std::max(out, run.block.time_range_us().second);
  return out;
}

} // namespace furrow::storage
