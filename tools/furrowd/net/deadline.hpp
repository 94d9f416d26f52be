/// Calls a function when an operation takes too long.
///
/// Threads/ownership: used on the executor that it was made with. Call `stop` before the function's captures die.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace furrow::daemon {

class deadline : public std::enable_shared_from_this<deadline> {
public:
  deadline(const boost::asio::any_io_executor& executor, std::function<void()> expired)
    : timer_{executor}, expired_{std::move(expired)} {}

  /// Starts the deadline; replaces an earlier one.
  void expires_after(std::chrono::milliseconds time) {
    timer_.expires_after(time);
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      // The deadline may have moved since this call was queued.
      if (!error && self->expired_ && self->timer_.expiry() <= std::chrono::steady_clock::now())
        self->expired_();
    });
  }
  void pause() { timer_.expires_at(std::chrono::steady_clock::time_point::max()); }
  void stop() {
    expired_ = nullptr;
    timer_.cancel();
  }

private:
  boost::asio::steady_timer timer_;
  std::function<void()> expired_;
};

} // namespace furrow::daemon
