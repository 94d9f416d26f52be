/// Reads DBC files at the desk, and gives what was read as JSON piece by piece.
///
/// Errors: a problem with the code "bad_dbc" and the parser's line.
/// Threads: as resources.hpp; the work is done at the desk.
/// Limits: work_limit for a file.
#pragma once

#include "storage/dbc/dbc_files.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/http/work_desk.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <variant>

namespace furrow::http {

inline constexpr std::chrono::seconds work_limit{60};

using read_dbc = std::shared_ptr<const can::dbc_file>;

[[nodiscard]] problem bad_dbc(std::string line);
[[nodiscard]] problem desk_is_busy();
[[nodiscard]] problem too_many_dbc();

/// What was read from the file: name, content and encoding are used.
[[nodiscard]] boost::asio::awaitable<std::variant<read_dbc, problem>>
read_at_desk(work_desk& desk, std::shared_ptr<const storage::stored_dbc> file);

/// The row of a file as the API shows it.
[[nodiscard]] json row_json(const storage::stored_dbc& file);

/// The row with what was read under "content". Holds its place until the end.
[[nodiscard]] std::unique_ptr<body_source>
content_body(work_desk& desk, const json& row, read_dbc file, place taken);
/// The bytes of the file as they were loaded.
[[nodiscard]] std::unique_ptr<body_source> bytes_body(std::string bytes, place taken);

} // namespace furrow::http
