/// Turns a coroutine into a pool's job, which answers its caller exactly once.
///
/// Threads: as postgres_pool.
#pragma once

#include "storage/postgres/connection/pool.hpp"
#include "storage/store.hpp"

#include <memory>
#include <utility>

namespace furrow::storage {

template <class T>
task<void> answer_with(task<result<T>> work, std::shared_ptr<handler<T>> answer) {
  auto outcome = co_await std::move(work);
  (*answer)(std::move(outcome));
}

/// A job that ends with `done`.
template <class T, class Work>
pool_job job_of(bool patient, handler<T> done, Work work) {
  auto answer = std::make_shared<handler<T>>(std::move(done));
  pool_job job;
  job.patient = patient;
  job.run = [answer, work = std::move(work)](pq_connection& db) {
    return answer_with<T>(work(db), answer);
  };
  job.refuse = [answer](const failure& why) { (*answer)(why); };
  return job;
}

} // namespace furrow::storage
