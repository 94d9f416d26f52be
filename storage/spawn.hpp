/// Starts a program as a child process: PostgreSQL's tools, and what a benchmark runs.
///
/// Errors: retry_later, with the program's name and the system's reason; also where it cannot be executed.
/// Threads: any, whatever else runs: posix_spawn executes none of our code in the child.
#pragma once

#include "storage/errc.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace furrow::storage {

/// Descriptors that the child gets as its own; -1: /dev/null.
struct child_files {
  int in = -1;
  int out = -1;
  int errors = -1;
};

/// `words` begins with the program, which PATH is searched for unless its name has a slash. `environment` (NAME=value)
/// comes on top of our own. The caller waits for the child. SIGPIPE ends it, also where we ignore that signal.
[[nodiscard]] result<pid_t>
spawn(std::vector<std::string> words, std::vector<std::string> environment, child_files files);

} // namespace furrow::storage
