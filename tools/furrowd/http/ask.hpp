/// Waits in a coroutine for an answer that a callback delivers on another thread.
///
/// Errors: nothing when no answer came within the limit; a later answer is dropped.
/// Threads: the answer is handed to the coroutine's executor. The executor must be a strand or a single thread, and
///   must outlive the callback.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace furrow::http {

/// `start` is called with a callback `void(T)`, which may be called at once, later or never.
template <class T, class Start>
boost::asio::awaitable<std::optional<T>> ask(Start start, std::chrono::milliseconds limit) {
  namespace asio = boost::asio;
  struct waiting {
    explicit waiting(const asio::any_io_executor& executor) : timer{executor} {}
    asio::steady_timer timer;
    std::optional<T> answer;
  };
  auto executor = co_await asio::this_coro::executor;
  auto here = std::make_shared<waiting>(executor);
  here->timer.expires_after(limit);
  start([here, executor](T given) {
    asio::post(executor, [here, given = std::move(given)]() mutable {
      here->answer = std::move(given);
      here->timer.cancel();
    });
  });
  auto [ended] = co_await here->timer.async_wait(asio::as_tuple(asio::use_awaitable));
  // The timer ends early for an answer, or because the connection is being closed.
  if (!here->answer && ended)
    throw boost::system::system_error{ended};
  co_return std::move(here->answer);
}

} // namespace furrow::http
