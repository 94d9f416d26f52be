/// A call of every SQL function of the schema whose answer depends on what is stored.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace furrow::tests {

/// By name; a call is a query.
[[nodiscard]] const std::map<std::string, std::vector<std::string>>& sql_calls();

/// Functions that name telemetry, rollups or partitions and have no call there, and why.
[[nodiscard]] const std::map<std::string, std::string>& sql_not_called();

} // namespace furrow::tests
