#include "storage/postgres/connection/session.hpp"

#include "storage/postgres/connection/url.hpp"

#include <array>

namespace furrow::storage {

result<pq_session> pq_session::open(const store_options& options,
                                    const std::string& lane,
                                    std::chrono::milliseconds statement_timeout) {
  const auto url = check_postgres_url(options.url);
  if (!url)
    return url.error();
  const auto name = options.application_name + "/" + lane;
  const auto patience =
    std::to_string(std::max<std::int64_t>(2, options.connect_timeout.count() / 1'000));
  const std::array<const char*, 4> keywords{"connect_timeout", "dbname", "application_name",
                                            nullptr};
  const std::array<const char*, 4> values{patience.c_str(), options.url.c_str(), name.c_str(),
                                          nullptr};
  pq_session session{pq::connection{PQconnectdbParams(keywords.data(), values.data(), 1)}};
  if (PQstatus(session.connection_.get()) != CONNECTION_OK)
    return session.words();
  PQsetNoticeProcessor(
    session.connection_.get(), [](void* /*nobody*/, const char* /*notice*/) {}, nullptr);
  PQsetErrorContextVisibility(session.connection_.get(), PQSHOW_CONTEXT_NEVER);
  const auto set = session.ask(
    "select set_config('standard_conforming_strings', 'on', false), "
    "set_config('search_path', 'pg_catalog, pg_temp', false), "
    "set_config('intervalstyle', 'postgres', false), "
    "set_config('bytea_output', 'hex', false), "
    "set_config('jit', 'off', false), "
    "set_config('lock_timeout', $1, false), "
    "set_config('statement_timeout', $2, false), "
    "set_config('datestyle', 'ISO, YMD', false), "
    "set_config('timezone', 'UTC', false), "
    "set_config('extra_float_digits', '1', false), "
    // As in set_up.cpp: TimescaleDB would stop a statement that unpacks many rows.
    "(select set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', false) "
    "from pg_extension where extname = 'timescaledb')",
    {std::to_string(options.lock_timeout.count()), std::to_string(statement_timeout.count())});
  if (!set)
    return set.error();
  return session;
}

failure pq_session::words() const {
  static constexpr std::string_view severity = "ERROR:  ";
  std::string said = PQerrorMessage(connection_.get());
  if (said.starts_with(severity))
    said.erase(0, severity.size());
  said.erase(said.find_last_not_of(" \n") + 1);
  for (auto& letter : said)
    letter = letter == '\n' ? ' ' : letter;
  return {PQstatus(connection_.get()) == CONNECTION_OK ? errc::misconfigured : errc::retry_later,
          said.empty() ? "the server said nothing" : said};
}

result<pq::answer> pq_session::ask(const std::string& sql,
                                   const std::vector<std::string>& parameters) {
  std::vector<const char*> values;
  values.reserve(parameters.size());
  for (const auto& parameter : parameters)
    values.push_back(parameter.c_str());
  // Without parameters one call may hold several statements, as one transaction.
  pq::answer rows{parameters.empty()
                    ? PQexec(connection_.get(), sql.c_str())
                    : PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()),
                                   nullptr, values.data(), nullptr, nullptr, 0)};
  const auto status = PQresultStatus(rows.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_COPY_IN
      && status != PGRES_COPY_OUT) {
    const char* state = PQresultErrorField(rows.get(), PG_DIAG_SQLSTATE);
    state_ = state != nullptr ? state : "";
    return words();
  }
  return rows;
}

result<pq::answer> pq_session::ask_binary(const std::string& sql) {
  pq::answer rows{
    PQexecParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 1)};
  const auto status = PQresultStatus(rows.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
    return words();
  return rows;
}

result<std::string> pq_session::value(const std::string& sql,
                                      const std::vector<std::string>& parameters) {
  const auto rows = ask(sql, parameters);
  if (!rows)
    return rows.error();
  return PQntuples(rows->get()) == 0 ? std::string{} : cell(*rows, 0, 0);
}

result<done> pq_session::begin_copy(const std::string& sql) {
  const auto begun = ask(sql);
  if (!begun)
    return begun.error();
  return done{};
}

result<done> pq_session::put(std::string_view bytes) {
  if (PQputCopyData(connection_.get(), bytes.data(), static_cast<int>(bytes.size())) != 1)
    return words();
  return done{};
}

result<done> pq_session::end_copy() {
  if (PQputCopyEnd(connection_.get(), nullptr) != 1)
    return words();
  const pq::answer ended{PQgetResult(connection_.get())};
  if (PQresultStatus(ended.get()) != PGRES_COMMAND_OK)
    return words();
  while (pq::answer{PQgetResult(connection_.get())}) {
  }
  return done{};
}

result<bool> pq_session::next_copied(std::string& out) {
  char* bytes = nullptr;
  const int size = PQgetCopyData(connection_.get(), &bytes, 0);
  const std::unique_ptr<char, void (*)(void*)> given{bytes, PQfreemem};
  if (size > 0) {
    out.assign(bytes, static_cast<std::size_t>(size));
    return true;
  }
  if (size != -1)
    return words();
  const pq::answer ended{PQgetResult(connection_.get())};
  if (PQresultStatus(ended.get()) != PGRES_COMMAND_OK)
    return words();
  while (pq::answer{PQgetResult(connection_.get())}) {
  }
  return false;
}

std::string pq_session::identifier(const std::string& name) {
  const std::unique_ptr<char, void (*)(void*)> quoted{
    PQescapeIdentifier(connection_.get(), name.data(), name.size()), PQfreemem};
  return quoted ? quoted.get() : "\"\"";
}

} // namespace furrow::storage
