#include "actors/digester.hpp"

#include "actors/exceptions.hpp"

#include <spdlog/spdlog.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace furrow::actors {

namespace {

using self_pointer = digest_actor::stateful_pointer<digester_state>;
using std::chrono::milliseconds;

constexpr std::size_t streams_a_call = 32; // their states are in memory
constexpr milliseconds rest_max{5'000};
constexpr int low_priority = 10;

/// An answer of the store comes back as a message that says which call it answers.
template <class T>
storage::handler<T> answer_to(self_pointer self) {
  const auto call = ++self->state.call;
  return [call, me = digest_actor{self}](storage::result<T> outcome) {
    caf::anon_send(me,
                   digest_reply{call, std::make_shared<digest_reply::answer>(std::move(outcome))});
  };
}

void begin_pass(self_pointer self) {
  auto& state = self->state;
  state.pass_began = digester_state::clock::now();
  state.waiting.clear();
  state.current.reset();
  state.last_stream = 0;
  state.streams_left = state.items_left = 0;
  state.oldest_left_us = 0;
  if (state.work->knows())
    state.lane->pending(0, streams_a_call, answer_to<std::vector<storage::digest_stream>>(self));
  else
    state.lane->signal_ids(state.work->signal_names(), answer_to<std::vector<std::int32_t>>(self));
}

void end_pass(self_pointer self) {
  auto& state = self->state;
  auto& counters = state.people->counters;
  counters.digest_streams_behind = state.streams_left;
  counters.digest_items_behind = state.items_left;
  counters.digest_oldest_us = state.oldest_left_us;
  // Streams that have more wait for their turn, not for the interval.
  const auto since = digester_state::clock::now() - state.pass_began;
  const auto wait = state.items_left != 0
                      ? milliseconds{0}
                      : std::chrono::duration_cast<milliseconds>(state.config.interval - since);
  self->delayed_send(self, std::max(wait, milliseconds{1}), digest_due{});
}

void next_stream(self_pointer self) {
  auto& state = self->state;
  state.current.reset();
  if (state.waiting.empty()) {
    state.lane->pending(state.last_stream, streams_a_call,
                        answer_to<std::vector<storage::digest_stream>>(self));
    return;
  }
  state.current = std::move(state.waiting.front());
  state.waiting.pop_front();
  state.last_stream = state.current->stream;
  state.run_began = digester_state::clock::now();
  state.lane->read(state.current->stream, state.current->digested, state.current->durable,
                   answer_to<storage::digest_page>(self));
}

/// So long that the run before it was `duty` of the time.
void rest(self_pointer self) {
  const auto& state = self->state;
  const auto took = digester_state::clock::now() - state.run_began;
  const auto duty = std::clamp(state.config.duty_pct, 1U, 100U);
  const auto pause = std::chrono::duration_cast<milliseconds>(took * (100 - duty) / duty);
  self->delayed_send(self, std::min(pause, rest_max), digest_due{});
}

void leave_behind(digester_state& state, std::uint64_t items) {
  ++state.streams_left;
  state.items_left += items;
  if (const auto oldest = state.current->oldest_us;
      oldest && (state.oldest_left_us == 0 || *oldest < state.oldest_left_us))
    state.oldest_left_us = *oldest;
}

void fail(self_pointer self, const storage::failure& why) {
  auto& state = self->state;
  const bool of_stream =
    state.current
    && (why.code == storage::errc::reject_row || why.code == storage::errc::misconfigured);
  if (of_stream) {
    spdlog::error("the digest leaves out stream {} after item {}: {}", state.current->stream,
                  state.current->digested, why.detail);
    ++state.people->counters.digest_failures;
    leave_behind(state, 0);
    rest(self);
    return;
  }
  if (!std::exchange(state.complained, true))
    spdlog::warn("the digest waits ({}): {}", storage::to_string(why.code), why.detail);
  state.waiting.clear();
  state.current.reset();
  state.last_stream = -1; // begin anew
  self->delayed_send(self, state.config.interval, digest_due{});
}

void take(self_pointer self, const std::vector<std::int32_t>& ids) {
  self->state.work->know(ids);
  self->state.lane->pending(0, streams_a_call,
                            answer_to<std::vector<storage::digest_stream>>(self));
}

void take(self_pointer self, std::vector<storage::digest_stream>& streams) {
  auto& state = self->state;
  if (streams.empty())
    return end_pass(self);
  std::move(streams.begin(), streams.end(), std::back_inserter(state.waiting));
  next_stream(self);
}

void take(self_pointer self, const storage::digest_page& page) {
  auto& state = self->state;
  auto run = state.work->take(*state.current, page);
  if (!run.understood)
    spdlog::warn("the digest of stream {} goes on after item {} without its last values: another "
                 "version has saved them",
                 state.current->stream, state.current->digested);
  state.frames = run.frames;
  state.page_last_us.reset();
  if (!page.runs.empty())
    state.page_last_us = page.runs.back().block.time_range_us().second;
  state.committing = std::make_shared<const storage::digest_commit>(std::move(run.commit));
  state.lane->commit(state.committing, answer_to<bool>(self));
}

void take(self_pointer self, bool committed) {
  auto& state = self->state;
  if (committed) {
    auto& counters = state.people->counters;
    counters.digest_frames += state.frames;
    ++counters.digest_commits;
    if (state.current->durable > state.committing->to) {
      state.current->oldest_us = state.page_last_us;
      leave_behind(state, state.current->durable - state.committing->to);
    }
  }
  state.committing.reset();
  rest(self);
}

} // namespace

digest_actor::behavior_type digester(self_pointer self,
                                     const digest_config& config,
                                     storage::store* store,
                                     std::shared_ptr<census> people) {
  report_exceptions(self);
  auto& state = self->state;
  state.config = config;
  state.people = std::move(people);
  state.lane = store->open_digest();
  state.work.emplace(catalogue_plan(),
                     can::telemetry_settings{.period_us = config.telemetry_period.count() * 1'000});
  state.last_stream = -1;
  // The schema may still be made.
  self->delayed_send(self, std::min(config.interval, milliseconds{1'000}), digest_due{});
  return {
    [self](digest_due) {
      if (!std::exchange(self->state.low_priority, true))
        static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), low_priority));
      if (self->state.current)
        next_stream(self);
      else
        begin_pass(self);
    },
    [self](digest_reply& reply) {
      if (reply.call != self->state.call)
        return;
      std::visit(
        [&](auto& outcome) {
          if (!outcome)
            return fail(self, outcome.error());
          self->state.complained = false;
          take(self, outcome.value());
        },
        *reply.outcome);
    },
  };
}

} // namespace furrow::actors
