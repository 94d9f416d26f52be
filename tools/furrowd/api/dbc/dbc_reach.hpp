/// Which DBC files a caller sees and may change, and what `for` of a request means.
///
/// Shape: a caller sees the files for all machines, those of the farm that the request names, and those of its machines
///   that the credential covers. Without a farm in the request these are all farms of the caller. A file for all
///   machines is changed by an admin of the node, one of a farm by an admin of the whole farm, one of a machine by an
///   admin whose credential covers the machine.
/// Errors: a problem: 404 for another farm, 403 for the rest.
/// Threads: pure functions.
#pragma once

#include "storage/dbc/dbc_files.hpp"
#include "tools/furrowd/http/router.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace furrow::http {

[[nodiscard]] bool sees_dbc(const call& call, const storage::stored_dbc& file);

[[nodiscard]] problem no_such_dbc(std::string_view id);
/// The id of a file in a path or parameter.
[[nodiscard]] std::variant<std::int32_t, problem> parse_dbc_id(const char* name,
                                                               const std::string& text);

/// Where a file applies.
struct dbc_target {
  std::string farm;      // empty: everywhere
  std::string equipment; // empty: the farm, or everywhere
  std::string scope;     // as storage::dbc_upload::scope: names one farm or machine only
};

/// Why the caller may not change files for the target; absent: the caller may.
[[nodiscard]] std::optional<problem>
may_change_dbc(const call& call, const std::string& farm, const std::string& equipment);

/// `given`: "all", a farm, a machine, FARM/MACHINE; nullptr: the caller's farm. Only the store knows whether it exists.
[[nodiscard]] std::variant<dbc_target, problem> dbc_target_of(const call& call,
                                                              const std::string* given);

} // namespace furrow::http
