/// Connections that run jobs: the lanes of the PostgreSQL store. A pool of one is an appender's lane, the claims', the
/// digest's ... Queries have query_pool, so that neither takes the other's connections.
///
/// Shape: jobs wait in one queue; a free connection takes the next job and connects first if necessary. While the
///   database is away, a patient job (append, claim) waits up to the connect time-out; other jobs are refused at once
///   while the last attempt has just failed. Attempts are made only while a job waits, 50 ms to reconnect_max apart,
///   doubling, with jitter. An attempt that failed fast (no listener, server starting) is repeated within 500 ms.
/// Errors: a job without a connection is refused with retry_later, or with misconfigured when the server says so.
/// Threads: the thread of the io_context, except `submit` and `close`.
#pragma once

#include "storage/postgres/connection/connection.hpp"
#include "storage/postgres/connection/connection_room.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace furrow::storage {

/// When any pool of a store last connected: then the other pools need not wait for their next
/// attempt.
using last_answer = std::shared_ptr<std::chrono::steady_clock::time_point>;

/// A pool's record of a database outage. A failure of one pool's connection is not reported to the
/// jobs of another.
class outage {
public:
  using clock = std::chrono::steady_clock;

  explicit outage(last_answer answered,
                  std::chrono::milliseconds pause_max = std::chrono::milliseconds{5'000})
    : answered_{std::move(answered)}, pause_max_{pause_max} {}

  void ended();
  void failed(const failure& why, clock::duration took);
  /// Whether attempts are paused now.
  [[nodiscard]] bool stands(clock::time_point now) const {
    return why_ && now < next_attempt_ && *answered_ <= failed_at_;
  }
  /// When the next attempt may be made; in the past when there is no outage.
  [[nodiscard]] clock::time_point next_attempt() const { return next_attempt_; }
  [[nodiscard]] const std::optional<failure>& why() const { return why_; }

private:
  last_answer answered_;
  std::chrono::milliseconds pause_max_;
  std::optional<failure> why_;
  unsigned attempts_ = 0;
  clock::time_point failed_at_{};
  clock::time_point next_attempt_{};
  std::minstd_rand random_{std::random_device{}()};
};

struct pool_job {
  bool patient = false;
  std::function<task<void>(pq_connection&)> run; // answers its caller
  std::function<void(const failure&)> refuse;    // answers its caller when it is not run
  std::chrono::steady_clock::time_point deadline{};
};

class postgres_pool : public std::enable_shared_from_this<postgres_pool> {
public:
  postgres_pool(std::shared_ptr<asio::io_context> context,
                last_answer answered,
                const pq_connection::settings& settings,
                unsigned connections,
                std::shared_ptr<connection_room> room = nullptr,
                connection_use use = connection_use::rest);
  postgres_pool(const postgres_pool&) = delete;
  postgres_pool& operator=(const postgres_pool&) = delete;
  ~postgres_pool();

  /// Starts the connections' work; once.
  void start();
  void submit(pool_job job);
  /// Cuts every connection; jobs that have not begun are refused. Takes the caller's share, so that
  /// the pool is destroyed on its own thread.
  static void close(std::shared_ptr<postgres_pool> pool);

private:
  struct worker {
    explicit worker(asio::io_context& context, const pq_connection::settings& settings)
      : connection{context, settings}, pause{context} {}
    pq_connection connection;
    asio::steady_timer pause; // between attempts to connect
    std::optional<std::chrono::steady_clock::time_point> idle_since;
  };

  task<void> work(worker& self);
  task<std::optional<failure>> make_ready(worker& self, const pool_job& job);
  task<std::optional<failure>> connect(worker& self);
  task<void> pause_until(worker& self, std::chrono::steady_clock::time_point when);
  void after_job(worker& self);
  void enter_room();
  [[nodiscard]] worker* longest_idle();
  void close_now();

  std::shared_ptr<asio::io_context> context_; // first: it outlives the connections that use it
  outage outage_;
  std::chrono::milliseconds patience_;
  std::shared_ptr<connection_room> room_; // nullptr: it takes what it gets
  connection_use use_;
  std::optional<connection_room::id> place_;
  std::vector<std::unique_ptr<worker>> workers_;
  std::deque<pool_job> jobs_;
  asio::steady_timer wake_;
  bool closing_ = false;
};

} // namespace furrow::storage
