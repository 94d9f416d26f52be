/// A database that belongs to a role of its own, which may lack rights or connections.
#pragma once

#include "tests/support/pg_cluster.hpp"

#include <string>

namespace furrow::tests {

/// The role may open so many connections (-1: any); the URL is the role's.
inline std::string owned_by(pg_cluster& server,
                            const std::string& role,
                            const std::string& database,
                            int connections = -1) {
  auto url = server.make_database(database);
  server.exec("create role " + role + " login connection limit " + std::to_string(connections),
              "postgres");
  server.exec("alter database " + database + " owner to " + role, "postgres");
  const std::string owner = "postgres@";
  return url.replace(url.find(owner), owner.size(), role + "@");
}

} // namespace furrow::tests
