/// Finds the row of a DBC file, without its content.
///
/// Threads: as resources.hpp.
#pragma once

#include "storage/dbc/dbc_files.hpp"
#include "tools/furrowd/api/resources.hpp"

#include <cstdint>
#include <variant>

namespace furrow::http {

/// The row of that id, if the caller sees it.
[[nodiscard]] boost::asio::awaitable<std::variant<storage::stored_dbc, problem>>
dbc_row(api_context& of, const call& call, std::int32_t id);

} // namespace furrow::http
