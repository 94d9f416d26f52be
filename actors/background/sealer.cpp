#include "actors/background/sealer.hpp"

#include "actors/log/log.hpp"
#include "actors/supervision/exceptions.hpp"
#include "storage/sealing.hpp"

namespace furrow::actors {

namespace {

using sealer_pointer = metered_pointer<sealer_actor, sealer_state>;

void ask(sealer_pointer self) {
  auto& state = self->state;
  storage::seal_request request;
  request.due_after = state.config.due_after;
  request.pause = state.config.pause;
  request.chunks_max = state.config.chunks_a_call;
  request.behind_digest = state.config.behind_digest;
  state.store->sealing()->seal(
    std::move(request),
    [call = ++state.call, me = sealer_actor{self}](storage::result<storage::seal_outcome> outcome) {
      using shared = storage::result<storage::seal_outcome>;
      caf::anon_send(me, seal_reply{call, std::make_shared<shared>(std::move(outcome))});
    });
}

/// Whether there is more to do at once.
bool note(sealer_state& state, const storage::result<storage::seal_outcome>& outcome) {
  auto& counters = state.counts->counters;
  if (!outcome) {
    ++counters.seal_failures;
    if (!state.failing)
      log::warn(log::sealing, "sealing_stopped", {.error = outcome.error().detail},
                "{}sealing stopped ({}): {}; retrying, nothing is lost",
                state.counts->prefix_of(state.config.home), storage::to_string(outcome.code()),
                outcome.error().detail);
    state.failing = true;
    return false;
  }
  if (state.failing)
    log::info(log::sealing, "sealing_goes_on", {}, "{}sealing goes on",
              state.counts->prefix_of(state.config.home));
  state.failing = false;
  counters.chunks_sealed += outcome->chunks;
  counters.frames_sealed += outcome->frames;
  if (outcome->chunks > 0)
    log::debug(log::sealing, "sealed", {.count = outcome->frames}, "sealed {} frames in {} chunks",
               outcome->frames, outcome->chunks);
  return outcome->more;
}

} // namespace

sealer_actor::behavior_type sealer(sealer_pointer self,
                                   const sealer_config& config,
                                   storage::store* store,
                                   std::shared_ptr<census> counts) {
  report_exceptions(self);
  self->state.config = config;
  self->state.store = store;
  self->state.counts = std::move(counts);
  self->delayed_send(self, config.look_every, seal_due{});
  return {
    [self](seal_due) { ask(self); },
    [self](seal_reply& reply) {
      if (reply.call != self->state.call)
        return;
      if (note(self->state, *reply.outcome))
        ask(self);
      else
        self->delayed_send(self, self->state.config.look_every, seal_due{});
    },
  };
}

} // namespace furrow::actors
