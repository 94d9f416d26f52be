/// The libpq calls of this folder, as owners and plain functions; a test can make each call fail.
///
/// Shape: a call that a test makes fail returns libpq's documented failure and leaves the
///   connection as it is; the caller must treat both alike.
/// Threads: as libpq: a connection is used by one thread at a time. `fail_call` counts calls of the
///   whole process.
/// Source: PostgreSQL 15, chapter 34 (libpq).
#pragma once

#include <libpq-fe.h>

#include <atomic>
#include <cstdint>
#include <memory>

namespace furrow::storage::pq {

struct closer {
  void operator()(PGconn* connection) const { PQfinish(connection); }
  void operator()(PGresult* answer) const { PQclear(answer); }
};
using connection = std::unique_ptr<PGconn, closer>;
using answer = std::unique_ptr<PGresult, closer>;

namespace seam {
inline std::atomic<std::int64_t> until_failure{0}; // 0: none; 1: the next call fails
[[nodiscard]] inline bool fails() {
  return until_failure.load(std::memory_order_relaxed) != 0
         && until_failure.fetch_sub(1, std::memory_order_relaxed) == 1;
}
} // namespace seam

/// For tests: the n-th call from now fails, once; 0: none.
inline void fail_call(std::int64_t n) {
  seam::until_failure.store(n);
}
/// For tests: whether it has failed.
[[nodiscard]] inline bool call_failed() {
  return seam::until_failure.load() <= 0;
}

[[nodiscard]] inline connection start(const char* const* keywords, const char* const* values) {
  return connection{seam::fails() ? nullptr : PQconnectStartParams(keywords, values, 1)};
}
[[nodiscard]] inline PostgresPollingStatusType poll(PGconn* c) {
  return seam::fails() ? PGRES_POLLING_FAILED : PQconnectPoll(c);
}
[[nodiscard]] inline int socket(PGconn* c) {
  return seam::fails() ? -1 : PQsocket(c);
}
[[nodiscard]] inline bool set_nonblocking(PGconn* c) {
  return !seam::fails() && PQsetnonblocking(c, 1) == 0;
}
[[nodiscard]] inline bool send_query(PGconn* c, const char* sql) {
  return !seam::fails() && PQsendQuery(c, sql) == 1;
}
[[nodiscard]] inline bool send_query_params(PGconn* c,
                                            const char* sql,
                                            int count,
                                            const Oid* types,
                                            const char* const* values,
                                            const int* lengths,
                                            const int* formats) {
  return !seam::fails()
         && PQsendQueryParams(c, sql, count, types, values, lengths, formats, 1) == 1;
}
/// 0: all is sent; 1: more remains; -1: failed.
[[nodiscard]] inline int flush(PGconn* c) {
  return seam::fails() ? -1 : PQflush(c);
}
[[nodiscard]] inline bool consume_input(PGconn* c) {
  return !seam::fails() && PQconsumeInput(c) == 1;
}
[[nodiscard]] inline answer get_result(PGconn* c) {
  return answer{seam::fails() ? PQmakeEmptyPGresult(c, PGRES_FATAL_ERROR) : PQgetResult(c)};
}
/// 1: taken; 0: wait until the socket takes more; -1: failed.
[[nodiscard]] inline int put_copy_data(PGconn* c, const char* data, int size) {
  return seam::fails() ? -1 : PQputCopyData(c, data, size);
}
[[nodiscard]] inline int put_copy_end(PGconn* c) {
  return seam::fails() ? -1 : PQputCopyEnd(c, nullptr);
}

} // namespace furrow::storage::pq
