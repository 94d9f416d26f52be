/// Secrets that a person gives: from a file, or from the terminal without an echo; and the session of `furrow login` on disk.
///
/// Errors: one line that names the file.
/// Threads: blocks the calling thread.
/// Limits: the file of the session is readable by its owner alone.
#pragma once

#include "tools/furrow/exit_code.hpp"
#include "tools/furrow/globals.hpp"

#include <string>

namespace furrow::cli {

/// "-": of standard input.
[[nodiscard]] result<std::string> first_line_of(const std::string& file);
/// Asks on the terminal; without one it reads a line of standard input.
[[nodiscard]] result<std::string> ask_password(const std::string& prompt);

[[nodiscard]] result<done> save_session(const std::string& at, const std::string& token);
void forget_session();

} // namespace furrow::cli
