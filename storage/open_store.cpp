// Picks the database by the scheme of its URL: the only file of storage/ itself that knows both
// databases.
#include "storage/postgres/connection/url.hpp"
#include "storage/postgres/store.hpp"
#include "storage/sqlite/store.hpp"
#include "storage/store.hpp"

namespace furrow::storage {

namespace {
constexpr std::string_view sqlite_scheme = "sqlite:";
} // namespace

result<std::unique_ptr<store>> open_store(const store_options& options) {
  if (options.url.starts_with(sqlite_scheme))
    return open_sqlite_store(options.url.substr(sqlite_scheme.size()), options);
  return open_postgres_store(options);
}

result<done> check_url(const std::string& url) {
  if (!url.starts_with(sqlite_scheme))
    return check_postgres_url(url);
  return check_sqlite_path(url.substr(sqlite_scheme.size()));
}

std::string redacted(const std::string& url) {
  return url.starts_with(sqlite_scheme) ? url : redacted_postgres(url);
}

} // namespace furrow::storage
