/// Two PostgreSQL servers under Patroni with one etcd, all of Debian's packages, with the settings of deploy/patroni.
/// Ports, folders and passwords are the pair's own.
///
/// Shape: members are 0 and 1. A member is a host: its Patroni and its server.
/// Errors: a step that does not end in time fails the test; std::runtime_error for a statement.
/// Threads: the processes end with the thread that started them.
#pragma once

#include "tests/support/certificate.hpp"
#include "tests/support/pg_cluster.hpp"

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace furrow::tests {

class child_process;

class patroni_pair {
public:
  /// The program that is not installed; nothing when all are.
  [[nodiscard]] static std::optional<std::string> missing();

  /// Returns when there is a primary and a synchronous standby. A host that is gone is replaced after `ttl_s`.
  explicit patroni_pair(int ttl_s);
  patroni_pair(const patroni_pair&) = delete;
  patroni_pair& operator=(const patroni_pair&) = delete;
  ~patroni_pair();

  /// Of a role that owns the database `furrow`; names both members and asks for TLS.
  [[nodiscard]] std::string url() const;
  [[nodiscard]] pg_rows exec(const std::string& sql) const { return pg_exec(url(), sql); }

  /// The member that etcd names as the leader; nothing while there is none.
  [[nodiscard]] std::optional<std::size_t> leader() const;
  /// Whether both members run, and the standby is synchronous.
  [[nodiscard]] bool whole() const;

  /// SIGKILL for the server alone.
  void kill_server(std::size_t member) const;
  /// SIGKILL for Patroni, the server and each of its processes.
  void kill_host(std::size_t member);
  void start_host(std::size_t member);
  /// SIGSTOP and SIGCONT for Patroni, the server and each of its processes.
  void freeze_host(std::size_t member) const;
  void thaw_host(std::size_t member) const;
  /// Asks the leader to hand over. Returns when another member leads.
  void switch_over();

  [[nodiscard]] std::string log(std::size_t member) const;

private:
  struct one_member {
    int port = 0;
    int rest_port = 0;
    std::filesystem::path folder;
    std::unique_ptr<child_process> patroni;
  };

  void start_etcd();
  void configure(std::size_t member) const;
  [[nodiscard]] std::string ask(std::size_t member, const std::string& path) const;
  void tell(std::size_t member,
            const std::string& method,
            const std::string& path,
            const std::string& body) const;
  [[nodiscard]] pid_t server(std::size_t member) const;
  void signal_host(std::size_t member, int number) const;
  [[nodiscard]] std::string url_of(const std::string& role, const std::string& database) const;

  certificate tls_;
  std::filesystem::path folder_;
  std::string password_;
  int etcd_port_ = 0;
  std::unique_ptr<child_process> etcd_;
  std::array<one_member, 2> members_;
};

} // namespace furrow::tests
