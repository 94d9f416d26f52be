/// The database for people's SQL over all homes: tables, views and functions of the same names and columns as in a home.
///
/// Shape: PL/Proxy calls a function in the home of the machine that it names; postgres_fdw reads tables and views of each
///   home, and a view puts them together. Written in one transaction, from what main has; run again after a home came or
///   went, or after an upgrade.
/// Errors: retry_later when a database cannot be reached; otherwise misconfigured, with the server's message and what to do.
///   The detail begins with the URL of the database that failed, without its password.
/// Threads: blocks its caller: it is for a command line.
/// Source: docs/sql-front.md; PL/Proxy 2.10, postgres_fdw of PostgreSQL 15.
#pragma once

#include "storage/store.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace furrow::storage {

struct front_wish {
  std::string main;     // URL of the main database, whose directory names the others
  std::string front;    // URL of the database to write, as a superuser
  std::string user;     // reads the homes
  std::string password; // empty: the server of the front has a certificate or a password file
};

struct front_outcome {
  std::vector<std::string> homes; // main first
  std::size_t relations = 0;
  std::size_t functions = 0;
};

[[nodiscard]] result<front_outcome> create_front(const front_wish& wish);

} // namespace furrow::storage
