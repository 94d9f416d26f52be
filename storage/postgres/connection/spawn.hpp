/// Starts a program as a child process: PostgreSQL's tools, and the programs of a benchmark.
///
/// Errors: retry_later, with the program's name and the system's reason, also when the program cannot be executed.
/// Threads: any, also beside other threads: posix_spawn executes none of our code in the child.
#pragma once

#include "storage/errc.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace furrow::storage {

/// Descriptors for the child; -1: /dev/null.
struct child_files {
  int in = -1;
  int out = -1;
  int errors = -1;
};

/// `words` begins with the program, which is searched in PATH unless its name has a slash. `environment` (NAME=value)
/// is added to our own. The caller waits for the child. SIGPIPE ends the child, also when we ignore that signal.
[[nodiscard]] result<pid_t>
spawn(std::vector<std::string> words, std::vector<std::string> environment, child_files files);

} // namespace furrow::storage
