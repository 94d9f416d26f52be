#include "tools/furrowd/api/bodies/machine_summary.hpp"

#include "actors/live/wall_clock.hpp"

#include <algorithm>

namespace furrow::http {

namespace {

using actors::clock_wrong_us;

/// When the machine was last heard by its own clock. What came last counts; of two sources, not a time that is ahead.
std::optional<std::int64_t> last_frame_of(const storage::equipment_row* stored,
                                          const actors::live_equipment* live,
                                          std::int64_t now_us) {
  std::optional<std::int64_t> kept;
  if (stored != nullptr)
    kept = stored->state ? stored->state->time_us : stored->last_frame_us;
  if (stored != nullptr && stored->last_frame_us
      && *stored->last_frame_us <= now_us + clock_wrong_us)
    kept = std::max(kept.value_or(0), *stored->last_frame_us);
  if (live == nullptr || live->state->last_frame_us == 0)
    return kept;
  const auto heard = live->state->last_frame_us;
  const bool newer_elsewhere = kept && *kept > heard && *kept <= now_us + clock_wrong_us;
  return newer_elsewhere && !live->connected ? kept : heard;
}

} // namespace

machine_summary summary_of(const storage::equipment_row* stored,
                           std::span<const actors::live_equipment* const> live,
                           std::int64_t now_us) {
  machine_summary made;
  made.stored = stored;
  auto& latest = made.latest;
  auto& sum = made.sum;
  for (const auto* one : live) {
    if (latest == nullptr || one->connected > latest->connected
        || (one->connected == latest->connected
            && one->state->last_frame_us > latest->state->last_frame_us))
      latest = one;
    sum.connected = sum.connected || one->connected;
    sum.adrift = sum.adrift || one->adrift;
    sum.received_seq += one->received_seq;
    sum.durable_seq += one->durable_seq;
    sum.sent_seq += one->sent_seq;
    sum.frames += one->frames;
    sum.frames_ahead += one->frames_ahead;
    if (one->connected) {
      sum.peer = one->peer;
      sum.relayed = one->relayed;
    }
  }
  made.last_frame_us = last_frame_of(stored, latest, now_us);
  return made;
}

} // namespace furrow::http
