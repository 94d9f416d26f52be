/// A client's place in the live stream for the coroutine that serves it: waits for the next message, and leaves at the end.
///
/// Threads: the executor of the connection.
#pragma once

#include "tools/furrowd/stream/live_stream.hpp"

#include <memory>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace furrow::http {

class stream_guest {
public:
  stream_guest(std::shared_ptr<live_stream> stream, std::shared_ptr<stream_seat> seat)
    : stream_{std::move(stream)}, seat_{std::move(seat)} {}
  stream_guest(const stream_guest&) = delete;
  stream_guest& operator=(const stream_guest&) = delete;
  ~stream_guest() { stream_->leave(seat_); }

  [[nodiscard]] live_stream& stream() { return *stream_; }
  [[nodiscard]] stream_seat& seat() { return *seat_; }

  /// Before `next`. `cut` closes the connection, from any thread, when the node stops.
  void start(const boost::asio::any_io_executor& executor, std::function<void()> cut) {
    timer_ = std::make_shared<boost::asio::steady_timer>(executor);
    stream_->on_news(
      *seat_,
      [executor, timer = timer_] { boost::asio::post(executor, [timer] { timer->cancel(); }); },
      std::move(cut));
  }
  [[nodiscard]] boost::asio::awaitable<stream_message> next() {
    while (true) {
      auto message = stream_->next(*seat_);
      if (message.text || message.ended)
        co_return message;
      timer_->expires_at(boost::asio::steady_timer::time_point::max());
      // It ends when there is news. A connection that is being closed throws at its next wait.
      auto ended = co_await timer_->async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
      (void)ended;
    }
  }

private:
  std::shared_ptr<live_stream> stream_;
  std::shared_ptr<stream_seat> seat_;
  std::shared_ptr<boost::asio::steady_timer> timer_;
};

} // namespace furrow::http
