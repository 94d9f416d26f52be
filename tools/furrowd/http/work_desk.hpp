/// A thread for work that would hold up every connection: parsing a large file, comparing two.
///
/// Shape: one piece of work after the other, in the order in which they came.
/// Errors: an exception of the work becomes one of the coroutine that waits for it.
/// Threads: any. The thread has the lower priority of the threads for people.
/// Limits: waiting_max pieces of work wait; a further one is not taken.
#pragma once

#include "tools/furrowd/http/ask.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <utility>
#include <variant>

#include <boost/asio/thread_pool.hpp>

namespace furrow::http {

class work_desk {
public:
  static constexpr std::size_t waiting_max = 64;

  work_desk();
  work_desk(const work_desk&) = delete;
  work_desk& operator=(const work_desk&) = delete;
  ~work_desk(); // finishes the work that it does; drops what waits

  /// False when too much waits.
  [[nodiscard]] bool post(std::function<void()> work);

private:
  std::atomic<std::size_t> held_ = 0;
  boost::asio::thread_pool thread_{1};
};

/// Runs `work` at the desk; nothing when it is not done within the limit, or was not taken. The work may outlive the
/// coroutine: it must own what it uses.
template <class T>
boost::asio::awaitable<std::optional<T>>
work_at(work_desk& desk, std::function<T()> work, std::chrono::milliseconds limit) {
  using outcome = std::variant<std::monostate, T, std::exception_ptr>;
  const auto start = [&](auto done) {
    const bool taken = desk.post([work, done] {
      try {
        done(outcome{std::in_place_index<1>, work()});
      } catch (...) {
        done(outcome{std::in_place_index<2>, std::current_exception()});
      }
    });
    if (!taken)
      done(outcome{});
  };
  auto said = co_await ask<outcome>(start, limit);
  if (!said || said->index() == 0)
    co_return std::nullopt;
  if (said->index() == 2)
    std::rethrow_exception(std::get<2>(*said));
  co_return std::get<1>(std::move(*said));
}

} // namespace furrow::http
