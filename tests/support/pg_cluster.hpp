/// A private PostgreSQL cluster for one test program, in a fresh folder. The destructor removes it.
///
/// Errors: std::runtime_error with the command or statement and the server's message; a test program
///   without PostgreSQL fails.
/// Threads: one thread uses an object. The server dies with the *thread* that last called start()
///   (so that a killed test leaves none behind): call it from the main thread.
/// Limits: listens on 127.0.0.1, at one port below the ephemeral range for its whole life, and on a
///   socket in its folder.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace furrow::tests {

using pg_rows = std::vector<std::vector<std::string>>; // text as psql shows it; NULL is empty

/// The programs of the newest PostgreSQL of the machine.
std::filesystem::path server_programs();
/// Below the ephemeral range, so that no client gets the port of a stopped server as its own.
int free_port();
/// Processes whose parent is `parent`.
std::vector<pid_t> children_of(pid_t parent);
/// Runs statements on a connection of their own; returns the rows of the last one.
pg_rows pg_exec(const std::string& url, const std::string& sql);

class pg_cluster {
public:
  /// Runs initdb, starts the server and makes the database `furrow`. `settings` are lines of
  /// postgresql.conf.
  explicit pg_cluster(const std::vector<std::string>& settings = {});
  /// A hot standby of `primary`, which must be running.
  struct standby_of {
    const pg_cluster& primary;
  };
  explicit pg_cluster(standby_of whose);
  pg_cluster(const pg_cluster&) = delete;
  pg_cluster& operator=(const pg_cluster&) = delete;
  ~pg_cluster();

  /// Returns when the server accepts connections; does nothing when it already runs.
  void start();
  /// As pg_ctl stop -m immediate: no checkpoint, recovery at the next start.
  void stop_immediate();
  /// As pg_ctl stop -m fast.
  void stop_fast();
  /// Promotes a standby; returns when it accepts writes.
  void promote() const;
  /// SIGSTOP and SIGCONT for the postmaster and all its processes: a server that hangs.
  void freeze();
  void thaw();

  [[nodiscard]] std::string url(const std::string& database = "furrow") const;
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] std::string log() const;

  /// Creates a database and returns its URL. `settings` are in the form of ALTER DATABASE ... SET.
  /// `model` is the database that it is a copy of; no session may be connected to that.
  std::string make_database(const std::string& name,
                            const std::vector<std::string>& settings = {},
                            const std::string& model = "template1");
  /// Runs statements on a connection of their own; returns the rows of the last one.
  pg_rows exec(const std::string& sql, const std::string& database = "furrow") const;
  /// The first column of the only row.
  [[nodiscard]] std::string value(const std::string& sql,
                                  const std::string& database = "furrow") const;

private:
  void make_folder();
  /// Programs of the server, run to their end.
  void run(std::vector<std::string> command) const;
  void configure(const std::vector<std::string>& settings) const;
  void signal_all(int signal) const;
  void stop(int signal);

  std::filesystem::path folder_;
  std::filesystem::path programs_;
  int port_ = 0;
  pid_t server_ = 0;
};

} // namespace furrow::tests
