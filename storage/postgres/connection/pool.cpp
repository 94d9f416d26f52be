#include "storage/postgres/connection/pool.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace furrow::storage {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds pause_min{50};
constexpr milliseconds pause_max{5'000};
constexpr milliseconds pause_max_fast{500}; // after an attempt that failed fast
constexpr milliseconds fast_attempt{100};

const failure lane_closed{errc::retry_later, "the lane is closed"};

} // namespace

void outage::ended() {
  why_.reset();
  attempts_ = 0;
  next_attempt_ = {};
  *answered_ = clock::now();
}

void outage::failed(const failure& why, clock::duration took) {
  why_ = why;
  const auto most =
    took < fast_attempt && why.code == errc::retry_later ? pause_max_fast : pause_max;
  const auto pause = std::min(most, pause_min * (1U << std::min(attempts_++, 10U)));
  std::uniform_int_distribution<std::int64_t> jitter{pause.count() / 2, pause.count()};
  failed_at_ = clock::now();
  next_attempt_ = failed_at_ + milliseconds{jitter(random_)};
}

postgres_pool::postgres_pool(std::shared_ptr<asio::io_context> context,
                             last_answer answered,
                             const pq_connection::settings& settings,
                             unsigned connections)
  : context_{std::move(context)}, outage_{std::move(answered)}, patience_{settings.connect_timeout},
    wake_{*context_} {
  wake_.expires_at(asio::steady_timer::time_point::max());
  for (unsigned i = 0; i < std::max(connections, 1U); ++i)
    workers_.push_back(std::make_unique<worker>(*context_, settings));
}

void postgres_pool::start() {
  for (auto& each : workers_)
    asio::co_spawn(
      *context_, [self = shared_from_this(), &one = *each] { return self->work(one); },
      [](const std::exception_ptr& broken) {
        if (broken)
          std::rethrow_exception(
            broken); // out of memory: end the process rather than leave callers without an answer
      });
}

void postgres_pool::submit(pool_job job) {
  if (context_->stopped())
    return job.refuse(lane_closed);
  job.deadline = std::chrono::steady_clock::now() + patience_;
  asio::post(*context_, [self = shared_from_this(), job = std::move(job)]() mutable {
    if (self->closing_)
      return job.refuse(lane_closed);
    self->jobs_.push_back(std::move(job));
    self->wake_.cancel_one();
  });
}

void postgres_pool::close(std::shared_ptr<postgres_pool> pool) {
  const auto context = pool->context_;
  if (!context->stopped())
    asio::post(*context, [own = std::move(pool)] { own->close_now(); });
}

void postgres_pool::close_now() {
  closing_ = true;
  wake_.cancel();
  for (auto& each : workers_) {
    each->connection.cut();
    each->pause.cancel();
  }
  auto waiting = std::move(jobs_);
  jobs_.clear();
  for (const auto& job : waiting)
    job.refuse(lane_closed);
}

task<void> postgres_pool::work(worker& self) {
  const auto alive = shared_from_this();
  while (!closing_) {
    if (jobs_.empty()) {
      boost::system::error_code woken;
      co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
      continue;
    }
    const auto job = std::move(jobs_.front());
    jobs_.pop_front();
    const auto refused = co_await make_ready(self, job);
    if (refused)
      job.refuse(*refused);
    else
      co_await job.run(self.connection);
  }
  self.connection.close();
}

task<std::optional<failure>> postgres_pool::make_ready(worker& self, const pool_job& job) {
  while (!closing_) {
    if (self.connection.still_stands())
      co_return std::nullopt;
    const auto now = outage::clock::now();
    if (outage_.stands(now)) {
      if (!job.patient || now >= job.deadline)
        co_return *outage_.why();
      self.pause.expires_at(std::min(outage_.next_attempt(), job.deadline));
      boost::system::error_code ended;
      co_await self.pause.async_wait(asio::redirect_error(asio::use_awaitable, ended));
      continue;
    }
    const auto error = co_await self.connection.connect();
    if (!error) {
      outage_.ended();
      co_return std::nullopt;
    }
    const auto why = error->as_failure();
    outage_.failed(why, outage::clock::now() - now);
    if (!job.patient || why.code == errc::misconfigured || outage::clock::now() >= job.deadline)
      co_return why;
  }
  co_return lane_closed;
}

} // namespace furrow::storage
