#include "storage/sqlite/db.hpp"

#include <array>
#include <charconv>
#include <filesystem>
#include <system_error>

namespace furrow::storage {

void sqlite_statement::check(int code) const {
  if (code != SQLITE_OK)
    throw sqlite_error{sqlite3_extended_errcode(db_), sqlite3_errmsg(db_)};
}

bool sqlite_statement::step() {
  const int code = sqlite3_step(prepared_);
  if (code == SQLITE_ROW)
    return true;
  if (code == SQLITE_DONE)
    return false;
  throw sqlite_error{sqlite3_extended_errcode(db_), sqlite3_errmsg(db_)};
}

std::string_view sqlite_statement::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(prepared_, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(prepared_, column))};
}

std::string sqlite_statement::text(int column) const {
  if (sqlite3_column_type(prepared_, column) == SQLITE_FLOAT) {
    std::array<char, 40> raw{};
    const auto value = sqlite3_column_double(prepared_, column);
    return {raw.data(), std::to_chars(raw.data(), raw.data() + raw.size(), value).ptr};
  }
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(prepared_, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(prepared_, column))};
}

result<done> check_sqlite_file(const std::string& path) {
  std::error_code failed;
  if (path.empty())
    return failure{errc::misconfigured, "names no file: sqlite:PATH"};
  if (std::filesystem::is_directory(path, failed))
    return failure{errc::misconfigured, path + ": is a folder; name the file in it"};
  if (!std::filesystem::is_regular_file(path, failed))
    return failure{errc::retry_later, path + ": there is no such database"};
  return done{};
}

result<std::unique_ptr<sqlite_db>>
sqlite_db::open(const std::string& path, access mode, std::chrono::milliseconds busy_timeout) {
  sqlite3* raw = nullptr;
  const int flags =
    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  std::unique_ptr<sqlite_db> db{new sqlite_db{raw}};
  if (code != SQLITE_OK)
    return failure{errc::misconfigured,
                   path + ": " + (raw != nullptr ? sqlite3_errmsg(raw) : sqlite3_errstr(code))};
  sqlite3_busy_timeout(raw, static_cast<int>(busy_timeout.count()));
  try {
    db->run("pragma foreign_keys = on; pragma temp_store = memory");
    // FULL: a commit is flushed to disk before it is answered. A larger WAL means fewer checkpoints
    // inside commits.
    db->run(
      "pragma journal_mode = wal; pragma synchronous = full; pragma wal_autocheckpoint = 4000");
    if (mode == access::read)
      db->run("pragma query_only = on");
  } catch (const sqlite_error& error) {
    return failure{errc::misconfigured, path + ": " + error.detail};
  }
  return db;
}

result<std::unique_ptr<sqlite_db>> sqlite_db::open_foreign(const std::string& path,
                                                           std::chrono::milliseconds busy_timeout) {
  sqlite3* raw = nullptr;
  const int code =
    sqlite3_open_v2(path.c_str(), &raw,
                    SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  std::unique_ptr<sqlite_db> db{new sqlite_db{raw}};
  if (code != SQLITE_OK)
    return failure{errc::misconfigured,
                   path + ": " + (raw != nullptr ? sqlite3_errmsg(raw) : sqlite3_errstr(code))};
  sqlite3_busy_timeout(raw, static_cast<int>(busy_timeout.count()));
  return db;
}

sqlite_db::~sqlite_db() {
  for (auto& [sql, prepared] : prepared_)
    sqlite3_finalize(prepared);
  sqlite3_close(db_);
}

sqlite_statement sqlite_db::statement(const char* sql) {
  for (auto at = prepared_.begin(); at != prepared_.end(); ++at)
    if (at->first == sql) {
      prepared_.splice(prepared_.begin(), prepared_, at);
      return sqlite_statement{prepared_.front().second, db_};
    }
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared, nullptr)
      != SQLITE_OK) {
    std::string why = sqlite3_errmsg(db_);
    if (why.starts_with("no such table") || why.starts_with("no such column"))
      why += "; the schema of the database is missing or older than this program: `furrow db "
             "migrate` brings it up to date";
    throw sqlite_error{sqlite3_extended_errcode(db_), why};
  }
  prepared_.emplace_front(sql, prepared);
  return sqlite_statement{prepared, db_};
}

void sqlite_db::run(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    throw sqlite_error{sqlite3_extended_errcode(db_), sqlite3_errmsg(db_)};
}

sqlite_transaction::~sqlite_transaction() {
  if (!open_)
    return;
  try {
    db_.run("rollback");
  } catch (const sqlite_error&) {
    // SQLite has rolled back already (disk full, I/O error).
  }
}

void sqlite_transaction::commit() {
  db_.run("commit");
  open_ = false;
}

verdict judge_sqlite(int code) {
  if (code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE)
    return verdict::duplicate;
  switch (code & 0xFF) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
  case SQLITE_SCHEMA:
  case SQLITE_INTERRUPT:
    return verdict::again;
  case SQLITE_CONSTRAINT:
  case SQLITE_TOOBIG:
  case SQLITE_MISMATCH:
    return verdict::poison;
  case SQLITE_ERROR:
  case SQLITE_PERM:
  case SQLITE_READONLY:
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
  case SQLITE_AUTH:
    return verdict::misconfigured;
  default:
    return verdict::retry_later; // FULL, IOERR, NOMEM, CANTOPEN ...
  }
}

} // namespace furrow::storage
