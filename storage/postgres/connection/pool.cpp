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
  const auto most = took < fast_attempt && why.code == errc::retry_later
                      ? std::min(pause_max_fast, pause_max_)
                      : pause_max_;
  const auto pause = std::min(most, pause_min * (1U << std::min(attempts_++, 10U)));
  std::uniform_int_distribution<std::int64_t> jitter{pause.count() / 2, pause.count()};
  failed_at_ = clock::now();
  next_attempt_ = failed_at_ + milliseconds{jitter(random_)};
}

postgres_pool::postgres_pool(std::shared_ptr<asio::io_context> context,
                             last_answer answered,
                             const pq_connection::settings& settings,
                             unsigned connections,
                             std::shared_ptr<connection_room> room,
                             connection_use use)
  : context_{std::move(context)}, outage_{std::move(answered), settings.reconnect_max},
    patience_{settings.connect_timeout}, room_{std::move(room)}, use_{use}, wake_{*context_} {
  wake_.expires_at(asio::steady_timer::time_point::max());
  for (unsigned i = 0; i < std::max(connections, 1U); ++i)
    workers_.push_back(std::make_unique<worker>(*context_, settings));
}

postgres_pool::~postgres_pool() {
  if (place_)
    room_->leave(*place_);
}

postgres_pool::worker* postgres_pool::longest_idle() {
  worker* found = nullptr;
  for (const auto& each : workers_)
    if (each->idle_since && (found == nullptr || *each->idle_since < *found->idle_since))
      found = each.get();
  return found;
}

void postgres_pool::enter_room() {
  place_ = room_->enter({use_,
                         [this]() -> std::optional<outage::clock::time_point> {
                           const auto* one = longest_idle();
                           return one == nullptr ? std::nullopt : one->idle_since;
                         },
                         [this] {
                           auto* one = longest_idle();
                           one->idle_since.reset();
                           one->connection.close();
                         }});
}

void postgres_pool::start() {
  if (room_)
    enter_room();
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
    self.idle_since.reset();
    const auto refused = co_await make_ready(self, job);
    if (refused)
      job.refuse(*refused);
    else
      co_await job.run(self.connection);
    after_job(self);
  }
  self.connection.close();
}

void postgres_pool::after_job(worker& self) {
  const auto now = outage::clock::now();
  if (place_ && room_->must_yield(*place_, now))
    self.connection.close();
  if (self.connection.connected())
    self.idle_since = now;
}

task<void> postgres_pool::pause_until(worker& self, outage::clock::time_point when) {
  self.pause.expires_at(when);
  boost::system::error_code ended;
  co_await self.pause.async_wait(asio::redirect_error(asio::use_awaitable, ended));
}

task<std::optional<failure>> postgres_pool::connect(worker& self) {
  const auto begun = outage::clock::now();
  const auto error = co_await self.connection.connect();
  const auto now = outage::clock::now();
  std::optional<failure> why;
  if (error)
    why = error->as_failure();
  if (place_)
    room_->settled(*place_, error && error->sqlstate == too_many_connections ? why : std::nullopt,
                   now);
  if (why)
    outage_.failed(*why, now - begun);
  else
    outage_.ended();
  co_return why;
}

/// Until it stands, or the job must be refused. While the server grants no more connections every job waits for its
/// turn, not only the patient ones.
task<std::optional<failure>> postgres_pool::make_ready(worker& self, const pool_job& job) {
  while (!closing_) {
    if (self.connection.still_stands())
      co_return std::nullopt;
    const auto now = outage::clock::now();
    const bool scarce = place_ && room_->limit();
    if (now >= job.deadline && (scarce || outage_.stands(now))) {
      if (place_)
        room_->gave_up(*place_);
      co_return scarce ? room_->why() : *outage_.why();
    }
    if (outage_.stands(now)) {
      if (!job.patient && !scarce)
        co_return *outage_.why();
      co_await pause_until(self, std::min(outage_.next_attempt(), job.deadline));
      continue;
    }
    if (place_ && !room_->may_open(*place_, true, now)) {
      co_await pause_until(self, now + connection_room::poll);
      continue;
    }
    const auto why = co_await connect(self);
    if (!why)
      co_return std::nullopt;
    const bool waits = job.patient || (place_ && room_->limit());
    if (!waits || why->code == errc::misconfigured || outage::clock::now() >= job.deadline)
      co_return why;
  }
  co_return lane_closed;
}

} // namespace furrow::storage
