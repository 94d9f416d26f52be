/// A test's own query pool on its own thread, and jobs for it.
///
/// Shape: `ask` is one job that runs one statement and answers its first value as text.
/// Threads: the caller's is the test's; the pool has its own.
#pragma once

#include "storage/postgres/connection/query_pool.hpp"
#include "tests/storage/suite/store_bed.hpp"

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

namespace furrow::tests {

class pool_bed {
public:
  pool_bed(const std::string& url,
           const storage::pool_options& options,
           const std::function<void(storage::pq_connection::settings&)>& change = {});
  ~pool_bed();
  pool_bed(const pool_bed&) = delete;
  pool_bed& operator=(const pool_bed&) = delete;

  using answer = storage::result<std::string>;
  [[nodiscard]] std::future<answer> ask_later(const std::string& sql);
  [[nodiscard]] answer ask(const std::string& sql);
  /// Of several statements, in one message, without parameters.
  [[nodiscard]] answer run(const std::string& sql);
  [[nodiscard]] storage::pool_numbers numbers();
  [[nodiscard]] storage::store_activity activity();

private:
  template <class Work>
  std::future<answer> submit(Work work);

  std::shared_ptr<boost::asio::io_context> context_ = std::make_shared<boost::asio::io_context>(1);
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
    context_->get_executor()};
  std::shared_ptr<storage::store_monitor> monitor_;
  std::shared_ptr<storage::query_pool> pool_;
  std::thread thread_;
};

} // namespace furrow::tests
