#include "storage/homes/deadlines.hpp"

#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace furrow::storage {

namespace asio = boost::asio;

struct deadlines::impl {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::thread thread{[this] { context.run(); }};
};

deadlines::deadlines() : impl_{std::make_unique<impl>()} {}

deadlines::~deadlines() {
  impl_->context.stop();
  impl_->thread.join();
}

void deadlines::after(std::chrono::milliseconds wait, std::function<void()> run) {
  asio::post(impl_->context, [this, wait, run = std::move(run)]() mutable {
    auto timer = std::make_shared<asio::steady_timer>(impl_->context, wait);
    timer->async_wait([timer, run = std::move(run)](boost::system::error_code error) {
      if (!error)
        run();
    });
  });
}

} // namespace furrow::storage
