/// What the values of a signal mean: its unit and, for process data, the name of its DDI.
///
/// Errors: nothing where neither the catalogue nor the list of DDIs says it.
/// Threads: pure functions.
#pragma once

#include <optional>
#include <string>

namespace furrow::http {

[[nodiscard]] std::optional<std::string> unit_of(const std::string& signal);
[[nodiscard]] std::optional<std::string> title_of(const std::string& signal);

} // namespace furrow::http
