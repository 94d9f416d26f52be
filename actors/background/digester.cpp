#include "actors/background/digester.hpp"

#include "actors/log/log.hpp"
#include "actors/supervision/exceptions.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

namespace furrow::actors {

namespace {

using digester_pointer = metered_pointer<digest_actor, digester_state>;
using std::chrono::milliseconds;

constexpr std::size_t streams_a_call = 128; // their states are in memory
constexpr std::size_t streams_a_batch = 32;
constexpr milliseconds rest_max{5'000};
constexpr int low_priority = 10;

/// Sends an answer of the store back as a message with the number of its call.
template <class T>
storage::handler<T> answer_to(digester_pointer self) {
  const auto call = ++self->state.call;
  return [call, me = digest_actor{self}](storage::result<T> outcome) {
    caf::anon_send(me,
                   digest_reply{call, std::make_shared<digest_reply::answer>(std::move(outcome))});
  };
}

void begin_pass(digester_pointer self) {
  auto& state = self->state;
  state.pass_began = self->clock().now();
  state.passing = true;
  state.last_stream = 0;
  state.streams_left = state.items_left = 0;
  state.oldest_left_us = 0;
  if (state.work->knows())
    state.lane->pending(0, streams_a_call, answer_to<std::vector<storage::digest_stream>>(self));
  else
    state.lane->signal_ids(state.work->signals(), answer_to<std::vector<std::int32_t>>(self));
}

void end_pass(digester_pointer self) {
  auto& state = self->state;
  state.passing = false;
  state.passed = true;
  state.people->note_left(state.config.home, [&](home_backlog& left) {
    left.streams_behind = state.streams_left;
    left.items_behind = state.items_left;
    left.oldest_us = state.oldest_left_us;
  });
  // Streams with more items wait for their turn, not for the interval.
  const auto since = self->clock().now() - state.pass_began;
  const auto wait = state.items_left != 0
                      ? milliseconds{0}
                      : std::chrono::duration_cast<milliseconds>(state.config.interval - since);
  self->delayed_send(self, std::max(wait, milliseconds{1}), digest_due{});
}

/// Between two passes: whether the next one is due.
bool is_due(digester_pointer self) {
  const auto& state = self->state;
  const auto now = self->clock().now();
  return !state.passed || state.items_left != 0 || now - state.pass_began >= state.config.longest
         || state.people->read_lately.reads_any(now);
}

/// The next waiting streams, one per machine: a batch must not contain rows of one machine twice.
std::vector<storage::digest_stream> next_batch(digester_state& state) {
  std::vector<storage::digest_stream> batch;
  std::deque<storage::digest_stream> later;
  const auto count_max = state.alone > 0 ? 1 : streams_a_batch;
  while (!state.waiting.empty() && batch.size() < count_max) {
    auto& next = state.waiting.front();
    const bool met = std::any_of(batch.begin(), batch.end(),
                                 [&](const auto& one) { return one.equipment == next.equipment; });
    if (met)
      later.push_back(std::move(next));
    else
      batch.push_back(std::move(next));
    state.waiting.pop_front();
  }
  state.waiting.insert(state.waiting.begin(), std::make_move_iterator(later.begin()),
                       std::make_move_iterator(later.end()));
  state.alone -= std::min<std::size_t>(state.alone, 1);
  return batch;
}

/// Signals of people's own files get their numbers before the first frames are read for them.
void read_batch(digester_pointer self) {
  auto& state = self->state;
  for (const auto& own : state.own)
    if (!state.work->knows(own)) {
      state.naming = own;
      state.lane->signal_ids(own->signals, answer_to<std::vector<std::int32_t>>(self));
      return;
    }
  std::vector<storage::digest_span> spans;
  spans.reserve(state.batch.size());
  for (const auto& one : state.batch)
    spans.push_back({one.stream, one.digested, one.durable});
  state.lane->read(std::move(spans), answer_to<std::vector<storage::digest_page>>(self));
}

void go_on(digester_pointer self) {
  auto& state = self->state;
  state.run_began = self->clock().now();
  state.batch = next_batch(state);
  if (state.batch.empty()) {
    state.lane->pending(state.last_stream, streams_a_call,
                        answer_to<std::vector<storage::digest_stream>>(self));
    return;
  }
  state.own.clear();
  for (const auto& one : state.batch)
    state.own.push_back(state.people->dbc.of(one.farm, one.name));
  read_batch(self);
}

/// Puts the streams of the batch from element `first` on back to the front of the queue.
void put_back(digester_state& state, std::size_t first) {
  const auto from = state.batch.begin() + static_cast<std::ptrdiff_t>(first);
  state.waiting.insert(state.waiting.begin(), std::make_move_iterator(from),
                       std::make_move_iterator(state.batch.end()));
  state.batch.resize(first);
}

/// The rest after a run: the run then took `duty` of the time.
void rest(digester_pointer self) {
  const auto& state = self->state;
  const auto took = self->clock().now() - state.run_began;
  const auto duty = std::clamp(state.config.duty_pct, 1U, 100U);
  const auto pause = std::chrono::duration_cast<milliseconds>(took * (100 - duty) / duty);
  self->delayed_send(self, std::min(pause, rest_max), digest_due{});
}

void leave_behind(digester_state& state,
                  std::uint64_t items,
                  const std::optional<std::int64_t>& oldest_us) {
  ++state.streams_left;
  state.items_left += items;
  if (oldest_us && (state.oldest_left_us == 0 || *oldest_us < state.oldest_left_us))
    state.oldest_left_us = *oldest_us;
}

/// Skips streams that cannot be digested because of their data or the database.
void fail_batch(digester_pointer self, const storage::failure& why) {
  auto& state = self->state;
  if (state.batch.size() > 1) {
    state.alone += state.batch.size();
    put_back(state, 0);
  } else {
    const auto& one = state.batch.front();
    log::error(log::digest, "digest_skips", {.error = why.detail},
               "{}the digest skips stream {} after item {}: {}",
               state.people->prefix_of(state.config.home), one.stream, one.digested, why.detail);
    ++state.people->counters.digest_failures;
    leave_behind(state, 0, one.oldest_us);
    state.batch.clear();
  }
  rest(self);
}

void fail(digester_pointer self, const storage::failure& why) {
  auto& state = self->state;
  state.committing.reset();
  state.naming.reset();
  if (!state.batch.empty()
      && (why.code == storage::errc::reject_row || why.code == storage::errc::misconfigured))
    return fail_batch(self, why);
  if (!std::exchange(state.complained, true))
    log::warn(log::digest, "digest_waits", {.error = why.detail}, "{}the digest waits ({}): {}",
              state.people->prefix_of(state.config.home), storage::to_string(why.code), why.detail);
  state.waiting.clear();
  state.batch.clear();
  state.alone = 0;
  state.passing = state.passed = false; // the next pass starts from the beginning
  self->delayed_send(self, state.config.interval, digest_due{});
}

void commit(digester_pointer self) {
  auto& state = self->state;
  state.work->number(*state.committing);
  state.lane->commit(state.committing, answer_to<std::vector<bool>>(self));
}

void take(digester_pointer self, const std::vector<std::int32_t>& ids) {
  if (const auto own = std::exchange(self->state.naming, nullptr)) {
    self->state.work->know(own, ids);
    return read_batch(self);
  }
  auto& state = self->state;
  if (state.committing) { // the numbers of signals that this run met first
    state.work->know_process(ids);
    return commit(self);
  }
  state.work->know(ids);
  state.lane->pending(0, streams_a_call, answer_to<std::vector<storage::digest_stream>>(self));
}

void take(digester_pointer self, std::vector<storage::digest_stream>& streams) {
  auto& state = self->state;
  if (streams.empty())
    return end_pass(self);
  state.last_stream = streams.back().stream;
  std::move(streams.begin(), streams.end(), std::back_inserter(state.waiting));
  go_on(self);
}

void take(digester_pointer self, const std::vector<storage::digest_page>& pages) {
  auto& state = self->state;
  auto commits = std::make_shared<storage::digest_batch>();
  state.frames.clear();
  state.last_us.clear();
  std::size_t rows = 0;
  for (std::size_t i = 0; i < pages.size() && rows <= digest_work::rows_max; ++i) {
    const auto& page = pages[i];
    auto run = state.work->take(state.batch[i], page, state.own[i]);
    if (!run.understood)
      log::warn(log::digest, "digest_forgot", {},
                "the digest of stream {} goes on after item {} without its last values: another "
                "version has saved them",
                state.batch[i].stream, state.batch[i].digested);
    rows += run.commit.rows.rollups.size() + run.commit.rows.telemetry.size()
            + run.commit.rows.faults.size();
    commits->push_back(std::move(run.commit));
    state.frames.push_back(run.frames);
    state.last_us.push_back(page.runs.empty()
                              ? std::nullopt
                              : std::optional{page.runs.back().block.time_range_us().second});
  }
  put_back(state, commits->size()); // blocks beyond the row limit are read again
  state.committing = std::move(commits);
  auto unknown = state.work->unknown(*state.committing);
  if (unknown.empty())
    commit(self);
  else
    state.lane->signal_ids(std::move(unknown), answer_to<std::vector<std::int32_t>>(self));
}

void take(digester_pointer self, const std::vector<bool>& moved) {
  auto& state = self->state;
  auto& counters = state.people->counters;
  for (std::size_t i = 0; i < moved.size(); ++i) {
    if (!moved[i])
      continue;
    counters.digest_frames += state.frames[i];
    ++counters.digest_commits;
    const auto durable = state.batch[i].durable;
    const auto to = (*state.committing)[i].to;
    if (durable > to)
      leave_behind(state, durable - to, state.last_us[i]);
  }
  state.committing.reset();
  state.batch.clear();
  rest(self);
}

} // namespace

digest_actor::behavior_type digester(digester_pointer self,
                                     const digest_config& config,
                                     storage::store* store,
                                     std::shared_ptr<census> people) {
  report_exceptions(self);
  auto& state = self->state;
  state.config = config;
  state.people = std::move(people);
  state.lane = store->digest();
  state.work.emplace(read_catalogue(),
                     can::telemetry_settings{.period_us = config.telemetry_period.count() * 1'000});
  // The schema may not be complete yet.
  self->delayed_send(self, std::min(config.interval, milliseconds{1'000}), digest_due{});
  return {
    [self](digest_due) {
      if (!std::exchange(self->state.low_priority, true))
        static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), low_priority));
      if (self->state.passing)
        go_on(self);
      else if (is_due(self))
        begin_pass(self);
      else
        self->delayed_send(self, self->state.config.interval, digest_due{});
    },
    [self](digest_reply& reply) {
      if (reply.call != self->state.call)
        return;
      std::visit(
        [&](auto& outcome) {
          if (!outcome)
            return fail(self, outcome.error());
          if (std::exchange(self->state.complained, false))
            log::info(log::digest, "digest_goes_on", {}, "{}the digest goes on",
                      self->state.people->prefix_of(self->state.config.home));
          take(self, outcome.value());
        },
        *reply.outcome);
    },
  };
}

} // namespace furrow::actors
