#include "tools/furrow-edge/spool/sqlite.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <utility>

namespace furrow::edge {

namespace {

/// SQLite keeps the system's error for some failures and loses it for others (a failed commit), so the calls below
/// clear errno first.
bool out_of_room(sqlite3* database) {
  const auto kept = database != nullptr ? sqlite3_system_errno(database) : 0;
  const auto system_error = kept != 0 ? kept : errno;
  return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG;
}

failure failure_of(sqlite3* database, int code) {
  const bool full = out_of_room(database);
  const auto extended = database != nullptr ? sqlite3_extended_errcode(database) : code;
  const std::string words = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  const auto detail = words + " (SQLite " + std::to_string(extended) + ")";
  switch (code & 0xFF) {
  case SQLITE_FULL:
    return {errc::full, detail};
  case SQLITE_IOERR:
    if (full)
      return {errc::full, detail};
    return {errc::io, detail};
  case SQLITE_CORRUPT:
    return {errc::damaged, detail};
  case SQLITE_NOTADB:
    return {errc::foreign, "not a SQLite file"};
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return {errc::locked, detail};
  case SQLITE_CANTOPEN:
    if (full)
      return {errc::full, detail};
    return {errc::missing, detail};
  default:
    return {errc::io, detail};
  }
}

} // namespace

void sqlite_statement::finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

sqlite_statement& sqlite_statement::bind(int at, std::int64_t value) {
  sqlite3_bind_int64(handle_.get(), at, value);
  return *this;
}

sqlite_statement& sqlite_statement::bind(int at, std::string_view text) {
  sqlite3_bind_text64(handle_.get(), at, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

sqlite_statement& sqlite_statement::bind_blob(int at, std::span<const std::uint8_t> bytes) {
  sqlite3_bind_blob64(handle_.get(), at, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
  return *this;
}

sqlite_statement& sqlite_statement::bind_blob(int at, std::string_view bytes) {
  // Static: the bytes outlive the next step, and are not copied again.
  sqlite3_bind_blob64(handle_.get(), at, bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

result<bool> sqlite_statement::step() {
  errno = 0;
  const auto code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW)
    return true;
  if (code == SQLITE_DONE) {
    reset();
    return false;
  }
  auto why = failure_of(sqlite3_db_handle(handle_.get()), code);
  reset();
  return why;
}

result<done> sqlite_statement::run() {
  for (;;) {
    const auto row = step();
    if (!row)
      return row.error();
    if (!*row)
      return done{};
  }
}

void sqlite_statement::reset() {
  sqlite3_reset(handle_.get());
  sqlite3_clear_bindings(handle_.get());
}

std::int64_t sqlite_statement::integer(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

bool sqlite_statement::is_null(int column) const {
  return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

std::string sqlite_statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column));
  return bytes == nullptr ? std::string{} : std::string{bytes, size};
}

void sqlite_database::close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

result<sqlite_database> sqlite_database::open(const std::string& path, mode how) {
  int flags = SQLITE_OPEN_READONLY;
  if (how != mode::read)
    flags = SQLITE_OPEN_READWRITE | (how == mode::create ? SQLITE_OPEN_CREATE : 0);
  sqlite3* handle = nullptr;
  errno = 0;
  const auto code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_EXRESCODE, nullptr);
  sqlite_database database;
  database.handle_.reset(handle);
  if (code != SQLITE_OK)
    return failure_of(handle, code);
  sqlite3_busy_timeout(handle, 5'000);
  return database;
}

result<done> sqlite_database::execute(const char* sql) {
  errno = 0;
  const auto code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK)
    return failure_of(handle_.get(), code);
  return done{};
}

result<sqlite_statement> sqlite_database::prepare(const char* sql) {
  sqlite3_stmt* handle = nullptr;
  const auto code =
    sqlite3_prepare_v3(handle_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  sqlite_statement statement;
  statement.handle_.reset(handle);
  if (code != SQLITE_OK)
    return failure_of(handle_.get(), code);
  return statement;
}

result<std::optional<std::int64_t>> sqlite_database::number(const char* sql) {
  auto statement = prepare(sql);
  if (!statement)
    return statement.error();
  const auto row = statement->step();
  if (!row)
    return row.error();
  if (!*row || statement->is_null(0))
    return std::optional<std::int64_t>{};
  return std::optional{statement->integer(0)};
}

result<sqlite_transaction> sqlite_transaction::begin(sqlite_database& database) {
  if (auto ok = database.execute("begin immediate"); !ok)
    return ok.error();
  return sqlite_transaction{&database};
}

sqlite_transaction::sqlite_transaction(sqlite_transaction&& other) noexcept
  : database_{std::exchange(other.database_, nullptr)} {}

sqlite_transaction::~sqlite_transaction() {
  // After some failures SQLite has rolled back already; then this fails and changes nothing.
  if (database_ != nullptr)
    (void)database_->execute("rollback");
}

result<done> sqlite_transaction::commit() {
  auto ok = database_->execute("commit");
  if (ok)
    database_ = nullptr;
  return ok;
}

} // namespace furrow::edge
