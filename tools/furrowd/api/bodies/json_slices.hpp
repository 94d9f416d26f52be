/// Cuts a JSON text into its parts without reading their values, so that a part is stored as the client wrote it: a
/// parser would lose the digits of large numbers.
///
/// Errors: nothing when the text is not the JSON value that was asked for.
/// Threads: pure functions; slices point into the caller's text.
/// Source: RFC 8259.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace furrow::http {

/// Whether the whole text is one JSON value in UTF-8, with numbers of any size.
[[nodiscard]] bool is_json(std::string_view text);

/// The elements of an array. The text must be JSON.
[[nodiscard]] std::optional<std::vector<std::string_view>> elements_of(std::string_view text);
/// The members of an object: decoded names, values as they stand. The text must be JSON.
[[nodiscard]] std::optional<std::vector<std::pair<std::string, std::string_view>>>
members_of(std::string_view text);
/// The text of a string value; nothing for another value.
[[nodiscard]] std::optional<std::string> text_of_string(std::string_view value);

} // namespace furrow::http
