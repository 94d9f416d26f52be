/// PostgreSQL's own pg_dump, pg_restore and psql as child processes.
///
/// Shape: a child gets the URL without its password, and the password in PGPASSWORD, because other users can see a
///   command line. Its standard error is kept; the first line is the detail of a failure.
/// Errors: misconfigured when no program fits the server, or when the program fails.
/// Threads: a call blocks; the parent of several children uses one thread.
/// Limits: programs of the server's major version, or else newer ones, from /usr/lib/postgresql, /usr/pgsql-N and PATH.
#pragma once

#include "storage/errc.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace furrow::storage {

struct pg_programs {
  std::string folder;
  int major = 0;
  [[nodiscard]] std::string path(const std::string& program) const {
    return folder + "/" + program;
  }
};
[[nodiscard]] result<pg_programs> find_pg_programs(int server_major);

/// The URL as keywords and values without secrets, and PGPASSWORD=... when it has one.
struct child_url {
  std::string connection;
  std::vector<std::string> environment;
};
[[nodiscard]] result<child_url> for_children(const std::string& url);

class pg_child {
public:
  /// `in` and `out` are descriptors for it, -1: /dev/null.
  [[nodiscard]] static result<pg_child> start(const std::vector<std::string>& words,
                                              const std::vector<std::string>& environment,
                                              int in = -1,
                                              int out = -1);
  pg_child(pg_child&& other) noexcept;
  pg_child& operator=(pg_child&&) = delete;
  ~pg_child();

  /// Waits for its end; a failure has the first line of its standard error.
  [[nodiscard]] result<done> wait();

private:
  pg_child(pid_t pid, std::string name, int errors)
    : pid_{pid}, name_{std::move(name)}, errors_{errors} {}
  pid_t pid_;
  std::string name_;
  int errors_; // an unlinked file: unlike a pipe it never fills
};

} // namespace furrow::storage
