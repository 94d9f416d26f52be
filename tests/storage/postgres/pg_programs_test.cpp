// The arguments of PostgreSQL's programs, and the meaning of their exit.
#include "storage/postgres/connection/programs.hpp"

#include <doctest/doctest.h>

using namespace furrow::storage;
using words = std::vector<std::string>;

TEST_CASE("pg programs: pass the password in the environment, which other users cannot see") {
  const auto with =
    for_children("postgresql://me:s%20e%27c@db.example:5433/fleet?sslmode=verify-full");
  REQUIRE(with);
  CHECK(with->environment == words{"PGPASSWORD=s e'c"});
  CHECK(with->connection.find("s e") == std::string::npos);
  CHECK(with->connection.find("password") == std::string::npos);
  for (const auto* part : {"user='me'", "host='db.example'", "port='5433'", "dbname='fleet'",
                           "sslmode='verify-full'"}) {
    CAPTURE(with->connection);
    CHECK(with->connection.find(part) != std::string::npos);
  }
  const auto without = for_children("host=/run/postgresql dbname='a b'");
  REQUIRE(without);
  CHECK(without->environment.empty());
  CHECK(without->connection.find("dbname='a b'") != std::string::npos);
  CHECK(for_children("postgresql://db/fleet?sslpassword=x").code() == errc::misconfigured);
  CHECK(for_children("host='").code() == errc::misconfigured);
}

TEST_CASE("pg programs: the first line of standard error is the reason of a failure; the "
          "environment is its own") {
  const auto run = [](const std::string& script, const words& environment = {}) {
    auto child = pg_child::start({"/bin/sh", "-c", script}, environment);
    REQUIRE(child);
    return child->wait();
  };
  CHECK(run("true"));
  const auto failed = run("echo first >&2; echo second >&2; exit 3");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().detail.find("first") != std::string::npos);
  CHECK(failed.error().detail.find("second") == std::string::npos);
  CHECK(run("test \"$PGPASSWORD\" = secret", {"PGPASSWORD=secret"}));
  CHECK_FALSE(run("kill -9 $$"));
}

TEST_CASE("pg programs: a program that cannot be executed is reported at its start") {
  const auto child = pg_child::start({"/nonexistent/pg_dump"}, {});
  REQUIRE_FALSE(child);
  CHECK(child.code() == errc::retry_later);
  CHECK(child.error().detail == "/nonexistent/pg_dump: No such file or directory");
}
