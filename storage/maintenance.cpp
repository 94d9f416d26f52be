#include "storage/maintenance.hpp"

#include "storage/database_maintenance.hpp"
#include "storage/migrations/migrations.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace furrow::storage {

namespace {

bool is_sqlite(const store_options& options) {
  return options.url.starts_with("sqlite:");
}

std::string path_of(const store_options& options) {
  return options.url.substr(std::string_view{"sqlite:"}.size());
}

/// Flushes the folder, so that the file's name is durable too.
bool flush_to_disk(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool flushed = file >= 0 && ::fsync(file) == 0;
  if (file >= 0)
    ::close(file);
  return flushed;
}

failure trouble(const std::string& file) {
  return {errc::misconfigured, file + ": " + std::strerror(errno)};
}

} // namespace

result<std::vector<migration_row>>
migrate_database(const store_options& options, migration_wish wish, bool rehearse) {
  const auto steps = is_sqlite(options) ? sqlite_migrations() : postgres_migrations();
  if (wish.to && (*wish.to == 0 || *wish.to > steps.back().number))
    return failure{errc::misconfigured, "there is no migration " + std::to_string(*wish.to)
                                          + ": this program knows 1 to "
                                          + std::to_string(steps.back().number)};
  return is_sqlite(options) ? sqlite_maintenance::migrate(path_of(options), options, wish, rehearse)
                            : postgres_maintenance::migrate(options, wish, rehearse);
}

result<std::string> timescale_version(const store_options& options) {
  if (is_sqlite(options))
    return failure{errc::misconfigured, "SQLite has no TimescaleDB: leave out --timescale"};
  return postgres_maintenance::timescale_version(options);
}

result<hypertables> make_hypertables(const store_options& options,
                                     const hypertable_listener& told) {
  if (is_sqlite(options))
    return failure{errc::misconfigured, "SQLite has no TimescaleDB: leave out --timescale"};
  return postgres_maintenance::make_hypertables(options, told);
}

result<std::vector<finding>> validate_database(const store_options& options) {
  return is_sqlite(options) ? sqlite_maintenance::validate(path_of(options), options)
                            : postgres_maintenance::validate(options);
}

result<saved_file> backup_database(const store_options& options, const std::string& file) {
  struct stat there {};
  if (::lstat(file.c_str(), &there) == 0)
    return failure{errc::misconfigured, file + " is there already: name another file, or move it"};
  const auto partial = file + ".partial";
  const int made = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (made < 0)
    return trouble(partial);
  ::close(made);
  auto saved = is_sqlite(options) ? sqlite_maintenance::backup(path_of(options), options, partial)
                                  : postgres_maintenance::backup(options, partial);
  if (!saved) {
    ::unlink(partial.c_str());
    return saved;
  }
  if (!flush_to_disk(partial) || ::link(partial.c_str(), file.c_str()) != 0)
    return trouble(file);
  ::unlink(partial.c_str());
  const auto folder = std::filesystem::path{file}.parent_path().string();
  if (!flush_to_disk(folder.empty() ? "." : folder))
    return trouble(file);
  saved->bytes = std::filesystem::file_size(file);
  return saved;
}

result<saved_file>
restore_database(const store_options& options, const std::string& file, bool replace) {
  if (::access(file.c_str(), R_OK) != 0)
    return trouble(file);
  auto restored = is_sqlite(options)
                    ? sqlite_maintenance::restore(path_of(options), options, file, replace)
                    : postgres_maintenance::restore(options, file, replace);
  if (restored)
    restored->bytes = std::filesystem::file_size(file);
  return restored;
}

} // namespace furrow::storage
