// A session as ours begins: with settings of its own, and no transaction pooler in between.
#include "storage/postgres/connection/connection.hpp"

#include <random>
#include <utility>

namespace furrow::storage {

namespace {

/// What our SQL relies on, and what a role or a database may have set otherwise. Names of ours are written with their schema,
/// and all else is the server's: no other schema is looked into, a temporary one last.
constexpr std::string_view session_settings =
  "set standard_conforming_strings = on; set client_min_messages = warning; "
  "set default_transaction_isolation = 'read committed'; set default_transaction_deferrable = off; "
  "set search_path = pg_catalog, pg_temp; set datestyle = 'ISO, YMD'; set intervalstyle = "
  "postgres; "
  "set timezone = 'UTC'; set extra_float_digits = 1; set bytea_output = hex; set array_nulls = on; "
  "set transform_null_equals = off; set jit = off; ";

/// The first column of the only row, as text.
std::string only_text(const pq_reply& reply) {
  return reply.rows && PQntuples(reply.rows.get()) == 1 ? PQgetvalue(reply.rows.get(), 0, 0) : "";
}

} // namespace

task<std::optional<pq_error>> pq_connection::set_up() {
  // What an ack rests on must not hang on the database's own settings. TimescaleDB would stop a statement that unpacks
  // many rows, and retention would never get past them.
  const auto sql = std::string{session_settings} + "set lock_timeout = "
                   + std::to_string(settings_.lock_timeout.count()) + "; set statement_timeout = "
                   + std::to_string(settings_.statement_timeout.count())
                   + "; select set_config('synchronous_commit', 'on', false) "
                     "where current_setting('synchronous_commit') not in ('on', 'remote_apply'); "
                     "select set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', "
                     "'0', false) from pg_extension where extname = 'timescaledb'; "
                     "select pg_backend_pid()";
  if (!pq::send_query(connection_.get(), sql.c_str()))
    co_return lost("connect");
  const bool sent = co_await flush();
  if (!sent)
    co_return lost("connect");
  auto reply = co_await rest_of_results();
  if (reply.error) {
    close();
    co_return std::move(reply.error);
  }
  pooled_ = only_text(reply) != std::to_string(PQbackendPID(connection_.get()));
  if (settings_.monitor && !std::exchange(counted_, true))
    settings_.monitor->lane_opened();
  marked_ = false;
  co_return std::nullopt;
}

task<bool> pq_connection::shares_servers() {
  if (!pooled_)
    co_return false;
  const auto mark = "furrow " + std::to_string(std::random_device{}());
  constexpr const char* look = "select current_setting('furrow.session', true)";
  (void)co_await run("select set_config('furrow.session', '" + mark + "', false)");
  auto quiet = settings_;
  quiet.monitor.reset();
  pq_connection other{context_, std::move(quiet)};
  auto refused = co_await other.connect();
  bool shared = false;
  for (int round = 0; round < 3 && !shared && !refused && connected(); ++round) {
    // The other one holds a server's connection while this one asks: it may be this one's.
    const auto theirs = co_await other.run(std::string{"begin; "} + look);
    const auto ours = co_await run(look);
    refused = theirs.error ? theirs.error : ours.error;
    shared = !refused && (only_text(theirs) == mark || only_text(ours) != mark);
    (void)co_await other.run("rollback");
  }
  co_return shared;
}

} // namespace furrow::storage
