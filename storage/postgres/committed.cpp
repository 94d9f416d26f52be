#include "storage/postgres/committed.hpp"

namespace furrow::storage::postgres_work {

task<result<pq::answer>>
committed(pq_connection& db, const char* sql, const pq_parameters& parameters) {
  auto reply = co_await db.query(sql, parameters);
  if (reply.error)
    co_return reply.error->as_failure();
  if (db.warned())
    co_return failure{errc::retry_later, db.warning()};
  co_return std::move(reply.rows);
}

task<std::optional<failure>> make_certain(pq_connection& db) {
  const auto written =
    co_await committed(db, "select pg_logical_emit_message(true, 'furrow', '')", {});
  co_return written ? std::nullopt : std::optional{written.error()};
}

} // namespace furrow::storage::postgres_work
