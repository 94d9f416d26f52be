/// A database URL as libpq understands it: whether it is valid, its hosts, and its form for logs.
///
/// Errors: misconfigured, with libpq's message.
/// Threads: any.
/// Source: libpq 34.1.1 (connection strings).
#pragma once

#include "storage/store.hpp"

#include <string>
#include <utility>
#include <vector>

namespace furrow::storage {

[[nodiscard]] result<done> check_postgres_url(const std::string& url);

/// Host and port of each host, when there are several. A polled libpq applies no time-out of its
/// own, so the hosts are tried one by one. Empty: leave it to libpq.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> listed_hosts(const std::string& url);

/// Whether the URL itself holds a password, of the role or of its key.
[[nodiscard]] bool has_password(const std::string& url);

/// The URL's parts that say where the server is and how to reach it, without user, password and name of the program.
/// The name of the database is always among them, unless neither it nor a user is there.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> places_of(const std::string& url);

/// The URL's parts with passwords masked.
[[nodiscard]] std::string redacted_postgres(const std::string& url);

} // namespace furrow::storage
