/// The connections for queries: as many as the load requires, within pool_options.
///
/// Shape: pool_plan decides, this class carries out. A job is answered first; then its connection
///   is reset and becomes free. Lanes and claims have their own connections (postgres_pool).
/// Errors: a job without a connection is refused with retry_later or misconfigured, as the plan
///   decides.
/// Threads: the thread of the io_context, except `submit` and `close`.
#pragma once

#include "storage/postgres/connection/pool.hpp"
#include "storage/postgres/connection/pool_plan.hpp"
#include "storage/postgres/connection/store_monitor.hpp"

#include <deque>
#include <memory>
#include <vector>

namespace furrow::storage {

class query_pool : public std::enable_shared_from_this<query_pool> {
public:
  /// `settings.monitor` must be set.
  query_pool(std::shared_ptr<asio::io_context> context,
             last_answer answered,
             const pq_connection::settings& settings,
             const pool_options& options,
             std::shared_ptr<connection_room> room = nullptr);
  query_pool(const query_pool&) = delete;
  query_pool& operator=(const query_pool&) = delete;
  ~query_pool();

  /// Opens the minimum; call it once.
  void start();
  void submit(pool_job job);
  /// Cuts every connection; jobs that have not begun are refused.
  static void close(std::shared_ptr<query_pool> pool);
  [[nodiscard]] pool_numbers numbers() const { return plan_.numbers(); }

private:
  using clock = std::chrono::steady_clock;

  /// Carries out the plan's actions until there is none.
  void pump();
  void carry_out(const pool_action& action, clock::time_point now);
  void spawn(task<void> work);
  task<void> open(std::size_t slot);
  task<void> ping(std::size_t slot);
  task<void> run(std::size_t slot, pool_job job);
  void run_oldest(const pool_action& action, clock::time_point now);
  void refuse_oldest(const pool_action& action, clock::time_point now);
  void wake_later();
  void close_now();

  std::shared_ptr<asio::io_context> context_; // first: it outlives the connections that use it
  last_answer answered_;
  std::chrono::milliseconds ping_limit_;
  std::shared_ptr<store_monitor> monitor_;
  pool_plan plan_;
  std::vector<std::unique_ptr<pq_connection>> connections_;
  std::deque<pool_job> jobs_;
  std::shared_ptr<connection_room> room_; // nullptr: it takes what it gets
  std::optional<connection_room::id> place_;
  asio::steady_timer wake_;
  clock::time_point wakes_at_ = clock::time_point::max();
  clock::time_point failed_at_{};
  bool pumping_ = false;
  bool again_ = false;
  bool closing_ = false;
};

} // namespace furrow::storage
