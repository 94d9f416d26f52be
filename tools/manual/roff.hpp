/// Text for manual pages: roff in which no character of the text is taken for a command.
///
/// Shape: every result ends with a line end.
#pragma once

#include <string>
#include <string_view>

namespace furrow::manual {

/// Escapes what roff would read as its own inside a line.
[[nodiscard]] std::string escaped(std::string_view text);

/// A heading, as `.SH EXAMPLES`.
[[nodiscard]] std::string heading(std::string_view title);

/// Sentences that are filled, each on its own line as roff wants them. What stands in `backquotes` becomes bold.
[[nodiscard]] std::string prose(std::string_view text);

/// Lines that stay as they are.
[[nodiscard]] std::string verbatim(std::string_view lines);

/// A term and its description. `term` is roff already, on one line.
[[nodiscard]] std::string entry(std::string_view term, std::string_view text);

[[nodiscard]] std::string bold(std::string_view text);
[[nodiscard]] std::string italic(std::string_view text);

} // namespace furrow::manual
