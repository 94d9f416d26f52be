/// Secrets that a person gives: from a file, or from the terminal without an echo.
///
/// Errors: one line that names the file.
/// Threads: blocks the calling thread.
#pragma once

#include "tools/furrow/exit_code.hpp"

#include <string>

namespace furrow::cli {

/// "-": of standard input.
[[nodiscard]] result<std::string> first_line_of(const std::string& file);
/// Asks on the terminal; without one it reads a line of standard input.
[[nodiscard]] result<std::string> ask_password(const std::string& prompt);

} // namespace furrow::cli
