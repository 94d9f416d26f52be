/// Asks a person before something is taken away for good, and says who the person is.
///
/// Errors: usage, when nobody can be asked (standard input is no terminal) and --yes was not given.
/// Threads: blocks the calling thread.
#pragma once

#include "tools/furrow/exit_code.hpp"

#include <string>

namespace furrow::cli {

/// True: go on. `yes` was --yes.
[[nodiscard]] result<bool> confirmed(const std::string& question, bool yes);

/// "USER@HOST": for the audit.
[[nodiscard]] std::string person();

} // namespace furrow::cli
