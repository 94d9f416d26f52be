/// The sessions of `furrow login`, one for each node, in the file `session` of the user.
///
/// Shape: two lines each: the node's URL as --at has it, and the token.
/// Errors: one line that names the file. A file that cannot be read has no sessions.
/// Threads: any.
/// Limits: 256 sessions; the oldest goes. The file is readable by its owner alone.
#pragma once

#include "tools/config/errc.hpp"

#include <string>

namespace furrow::cli {

/// Empty: the user has no folder for it.
[[nodiscard]] std::string session_file();
/// The token of the session at this node; empty: none.
[[nodiscard]] std::string session_at(const std::string& at);
[[nodiscard]] config::result<done> save_session(const std::string& at, const std::string& token);
[[nodiscard]] config::result<done> forget_session(const std::string& at);

} // namespace furrow::cli
