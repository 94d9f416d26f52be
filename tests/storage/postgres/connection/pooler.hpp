/// A connection pooler in front of a server, as much of one as tests need: clients share the server's connections, for a
/// session each or for a transaction each.
///
/// Shape: as PgBouncer: a connection of the server is opened when none is idle, and the one that was used last is lent first.
///   All clients come with the startup message of the first one.
/// Threads: one of its own, gone with the object.
/// Source: PostgreSQL 15, chapter 55 (frontend/backend protocol).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace furrow::tests {

class pooler {
public:
  enum class mode : std::uint8_t { session, transaction };

  pooler(int server_port, mode lends);
  pooler(const pooler&) = delete;
  pooler& operator=(const pooler&) = delete;
  ~pooler();

  [[nodiscard]] std::string url(const std::string& database) const;

private:
  struct machine;
  std::unique_ptr<machine> machine_;
};

} // namespace furrow::tests
