/// `furrow-edge spool info`: shows what a spool holds, for people or as JSON.
#pragma once

#include "tools/furrow-edge/spool/spool.hpp"

#include <string>

namespace furrow::edge {

[[nodiscard]] std::string spool_info_table(const spool_summary& summary);
[[nodiscard]] std::string spool_info_json(const spool_summary& summary);

} // namespace furrow::edge
