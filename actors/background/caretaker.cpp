#include "actors/background/caretaker.hpp"

#include "actors/log/log.hpp"
#include "actors/supervision/exceptions.hpp"

#include <algorithm>
#include <utility>

namespace furrow::actors {

namespace {

constexpr std::int64_t held_days_told = 30; // a parked fleet is no news

using caretaker_pointer = metered_pointer<caretaker_actor, caretaker_state>;

void ask_for_partitions(caretaker_pointer self) {
  auto& state = self->state;
  state.store->partitions()->keep_partitions(
    std::nullopt, [call = ++state.call, me = caretaker_actor{self}](auto outcome) {
      using shared = storage::result<storage::partition_outcome>;
      caf::anon_send(me, partitions_reply{call, std::make_shared<shared>(std::move(outcome))});
    });
}

/// First what the clock is to be compared with.
void ask_for_newest(caretaker_pointer self) {
  auto& state = self->state;
  state.store->list_equipment("", [call = ++state.call, me = caretaker_actor{self}](auto outcome) {
    using shared = storage::result<std::vector<storage::equipment_row>>;
    caf::anon_send(me, newest_reply{call, std::make_shared<shared>(std::move(outcome))});
  });
}

void ask_for_retention(caretaker_pointer self) {
  auto& state = self->state;
  storage::expire_request request;
  request.at_us = state.moment_us;
  request.pause = state.config.pause;
  request.steps_max = state.config.steps_a_call;
  state.store->retention()->expire(
    request, [call = ++state.call, me = caretaker_actor{self}](auto outcome) {
      using shared = storage::result<storage::expire_outcome>;
      caf::anon_send(me, expire_reply{call, std::make_shared<shared>(std::move(outcome))});
    });
}

void note_moment(caretaker_state& state, const std::vector<storage::equipment_row>& machines) {
  state.moment_us = retention_moment(machines, state.config.wall_us());
  const auto behind =
    state.moment_us ? (state.config.wall_us() - *state.moment_us) / clock_wrong_us : 0;
  state.counts->note_left(state.config.home, [&](home_backlog& left) {
    left.retention_held_seconds = static_cast<std::uint64_t>(behind) * 86'400;
  });
  const bool held = behind >= held_days_told;
  if (held && !std::exchange(state.told_held, true))
    log::warn(log::care, "clock_ahead", {},
              "{}the clock of this node is {} days after the newest frame: retention counts from "
              "that frame; if the clock is right, `furrow retention run` goes by it",
              state.counts->prefix_of(state.config.home), behind);
  state.told_held = held;
}

void note_failure(caretaker_state& state, const storage::failure& why) {
  ++state.counts->counters.care_failures;
  if (!state.failing)
    log::warn(log::care, "care_stopped", {.error = why.detail},
              "{}the care of the database stopped ({}): {}; retrying, nothing is lost",
              state.counts->prefix_of(state.config.home), storage::to_string(why.code), why.detail);
  state.failing = true;
}

void note_success(caretaker_state& state) {
  if (state.failing)
    log::info(log::care, "care_goes_on", {}, "{}the care of the database goes on",
              state.counts->prefix_of(state.config.home));
  state.failing = false;
}

/// Updates the counters and logs what has changed since the last log line.
void note(caretaker_state& state, const storage::partition_outcome& outcome) {
  auto& counters = state.counts->counters;
  counters.partitions_made += outcome.made;
  state.counts->note_left(state.config.home, [&](home_backlog& left) {
    left.partitions_waiting = outcome.waiting;
    left.rows_stray = outcome.stray;
  });
  const auto of = state.counts->prefix_of(state.config.home);
  if (outcome.mode != state.told_mode)
    log::info(log::care, "partition_mode", {}, "{}sealed frames are kept in {}", of, outcome.mode);
  state.told_mode = outcome.mode;
  if (outcome.made > 0)
    log::info(log::care, "partitions_made", {.count = outcome.made},
              "{}made {} partitions, {} rows moved into them", of, outcome.made, outcome.moved);
  if (outcome.fault != state.told_fault && !outcome.fault.empty())
    log::warn(log::care, "partitions_missing", {.error = outcome.fault, .count = outcome.waiting},
              "{}{} partitions are needed and could not be made: {}", of, outcome.waiting,
              outcome.fault);
  state.told_fault = outcome.fault;
  if (outcome.stray > 0 && outcome.stray != state.told_stray)
    log::warn(log::care, "rows_stray", {.count = outcome.stray},
              "{}{} rows of can_segment have no partition of their time: partitions were missing, "
              "or a clock was before 2000 or in the future; queries read these rows all the same",
              of, outcome.stray);
  if (outcome.stray == 0 && state.told_stray > 0)
    log::info(log::care, "rows_placed", {},
              "{}all rows of can_segment are in their partitions again", of);
  state.told_stray = outcome.stray;
}

void note(caretaker_state& state, const storage::expire_outcome& outcome) {
  auto& counters = state.counts->counters;
  counters.partitions_dropped += outcome.partitions;
  counters.frames_expired += outcome.frames;
  counters.records_expired += outcome.records;
  if (outcome.frames + outcome.records + outcome.telemetry + outcome.rollup + outcome.faults > 0)
    log::info(log::care, "retention_deleted", {.count = outcome.frames},
              "{}retention deleted {} frames ({} whole partitions), {} records, {} rows of "
              "telemetry, {} of rollups, {} faults of the bus",
              state.counts->prefix_of(state.config.home), outcome.frames, outcome.partitions,
              outcome.records, outcome.telemetry, outcome.rollup, outcome.faults);
}

} // namespace

std::optional<std::int64_t> retention_moment(const std::vector<storage::equipment_row>& machines,
                                             std::int64_t now_us) {
  std::optional<std::int64_t> newest;
  const auto consider = [&](std::int64_t time_us) {
    if (time_us <= now_us + clock_wrong_us)
      newest = std::max(newest.value_or(time_us), time_us);
  };
  for (const auto& one : machines) {
    if (one.last_frame_us)
      consider(*one.last_frame_us);
    if (one.state)
      consider(one.state->time_us);
  }
  if (!newest || now_us - *newest <= clock_wrong_us)
    return std::nullopt;
  return newest;
}

caretaker_actor::behavior_type caretaker(caretaker_pointer self,
                                         const caretaker_config& config,
                                         storage::store* store,
                                         std::shared_ptr<census> counts) {
  report_exceptions(self);
  self->state.config = config;
  self->state.store = store;
  self->state.counts = std::move(counts);
  self->delayed_send(self, config.first_look, care_due{});
  return {
    [self](care_due) {
      if (self->state.store->capabilities().partitions)
        ask_for_partitions(self);
      else
        ask_for_newest(self);
    },
    [self](newest_reply& reply) {
      auto& state = self->state;
      if (reply.call != state.call)
        return;
      if (const auto& machines = *reply.outcome; machines) {
        note_moment(state, *machines);
        ask_for_retention(self);
      } else {
        note_failure(state, machines.error());
        self->delayed_send(self, state.config.retry, care_due{});
      }
    },
    [self](partitions_reply& reply) {
      auto& state = self->state;
      if (reply.call != state.call)
        return;
      if (const auto& outcome = *reply.outcome; outcome) {
        note(state, *outcome);
        ask_for_newest(self);
      } else {
        note_failure(state, outcome.error());
        self->delayed_send(self, state.config.retry, care_due{});
      }
    },
    [self](expire_reply& reply) {
      auto& state = self->state;
      if (reply.call != state.call)
        return;
      const auto& outcome = *reply.outcome;
      if (!outcome) {
        note_failure(state, outcome.error());
        self->delayed_send(self, state.config.retry, care_due{});
        return;
      }
      note_success(state);
      note(state, *outcome);
      if (outcome->more)
        ask_for_retention(self);
      else
        self->delayed_send(self, outcome->busy ? state.config.retry : state.config.look_every,
                           care_due{});
    },
  };
}

} // namespace furrow::actors
