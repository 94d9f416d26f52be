#include "storage/postgres/connection/query_pool.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

namespace furrow::storage {

namespace {

const failure store_closed{errc::retry_later, "the store is closed"};

open_fault fault_of(const pq_error& error) {
  if (error.sqlstate == too_many_connections)
    return open_fault::full;
  return error.judge() == verdict::misconfigured ? open_fault::misconfigured : open_fault::away;
}

} // namespace

query_pool::query_pool(std::shared_ptr<asio::io_context> context,
                       last_answer answered,
                       const pq_connection::settings& settings,
                       const pool_options& options,
                       std::shared_ptr<connection_room> room)
  : context_{std::move(context)}, answered_{std::move(answered)},
    ping_limit_{settings.connect_timeout}, monitor_{settings.monitor}, plan_{options},
    room_{std::move(room)}, wake_{*context_} {
  for (std::size_t i = 0; i < plan_.slots(); ++i)
    connections_.push_back(std::make_unique<pq_connection>(*context_, settings));
}

query_pool::~query_pool() {
  if (place_)
    room_->leave(*place_);
}

void query_pool::start() {
  if (room_)
    place_ = room_->enter({connection_use::rest, [this] { return plan_.idle_since(); },
                           [this] { connections_[plan_.give_way()]->close(); }});
  pump();
}

void query_pool::submit(pool_job job) {
  if (context_->stopped())
    return job.refuse(store_closed);
  asio::post(*context_, [self = shared_from_this(), job = std::move(job)]() mutable {
    if (self->closing_)
      return job.refuse(store_closed);
    self->jobs_.push_back(std::move(job));
    self->plan_.asked(clock::now());
    self->pump();
  });
}

void query_pool::close(std::shared_ptr<query_pool> pool) {
  const auto context = pool->context_;
  if (!context->stopped())
    asio::post(*context, [own = std::move(pool)] { own->close_now(); });
}

void query_pool::close_now() {
  closing_ = true;
  wake_.cancel();
  for (auto& each : connections_)
    each->cut();
  auto waiting = std::move(jobs_);
  jobs_.clear();
  for (const auto& job : waiting)
    job.refuse(store_closed);
}

void query_pool::pump() {
  again_ = true;
  if (std::exchange(pumping_, true))
    return; // called inside an action: the outer loop continues
  while (!closing_ && std::exchange(again_, false)) {
    const auto now = clock::now();
    if (*answered_ > failed_at_ && failed_at_ != clock::time_point{}) {
      failed_at_ = {};
      plan_.database_answers();
    }
    while (!closing_) {
      const auto action = plan_.next(now);
      if (!action)
        break;
      carry_out(*action, now);
    }
  }
  pumping_ = false;
  if (place_ && plan_.numbers().waiting == 0)
    room_->gave_up(*place_);
  wake_later();
}

void query_pool::wake_later() {
  const auto at = plan_.wake_at();
  // An early timer does no harm; most queries need no new timer.
  if (closing_ || (at >= wakes_at_ && wakes_at_ > clock::now()))
    return;
  wakes_at_ = at;
  if (at == clock::time_point::max())
    return;
  wake_.expires_at(at);
  wake_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (error || !self)
      return;
    self->wakes_at_ = clock::time_point::max();
    self->pump();
  });
}

void query_pool::spawn(task<void> work) {
  asio::co_spawn(*context_, std::move(work), [](const std::exception_ptr& broken) {
    if (broken)
      std::rethrow_exception(broken); // as postgres_pool: rather than leave callers unanswered
  });
}

void query_pool::carry_out(const pool_action& action, clock::time_point now) {
  switch (action.what) {
  case pool_step::run:
    return run_oldest(action, now);
  case pool_step::open:
    return spawn(open(action.slot));
  case pool_step::ping:
    return spawn(ping(action.slot));
  case pool_step::close:
    return connections_[action.slot]->close();
  case pool_step::refuse:
    return refuse_oldest(action, now);
  }
}

void query_pool::run_oldest(const pool_action& action, clock::time_point now) {
  if (!connections_[action.slot]->still_stands())
    return plan_.was_dead(action.slot, action.asked, now);
  monitor_->acquired(now - action.asked, plan_.numbers().in_use, now);
  auto job = std::move(jobs_.front());
  jobs_.pop_front();
  spawn(run(action.slot, std::move(job)));
}

void query_pool::refuse_oldest(const pool_action& action, clock::time_point now) {
  if (now - action.asked >= plan_.acquire_timeout())
    monitor_->timed_out(now);
  const auto job = std::move(jobs_.front());
  jobs_.pop_front();
  job.refuse(*action.why);
}

task<void> query_pool::open(std::size_t slot) {
  const auto alive = shared_from_this();
  const auto begun = clock::now();
  if (place_ && !room_->may_open(*place_, plan_.numbers().waiting > 0, begun)) {
    plan_.open_failed(slot, open_fault::full, room_->why(), connection_room::poll, begun);
    pump();
    co_return;
  }
  const auto error = co_await connections_[slot]->connect();
  const auto now = clock::now();
  if (place_)
    room_->settled(*place_,
                   error && error->sqlstate == too_many_connections
                     ? std::optional{error->as_failure()}
                     : std::nullopt,
                   now);
  if (error) {
    failed_at_ = now;
    plan_.open_failed(slot, fault_of(*error), error->as_failure(), now - begun, now);
  } else {
    *answered_ = now;
    plan_.opened(slot, now);
  }
  pump();
}

task<void> query_pool::ping(std::size_t slot) {
  const auto alive = shared_from_this();
  const bool stands = co_await connections_[slot]->ping(ping_limit_);
  plan_.checked(slot, stands, clock::now());
  pump();
}

task<void> query_pool::run(std::size_t slot, pool_job job) {
  const auto alive = shared_from_this();
  auto& connection = *connections_[slot];
  co_await job.run(connection);
  bool sound = co_await connection.reset();
  if (sound && place_ && room_->must_yield(*place_, clock::now())) {
    connection.close();
    sound = false;
  }
  plan_.freed(slot, sound, clock::now());
  pump();
}

} // namespace furrow::storage
