/// The digest: follows the watermarks of all streams and fills rollups, telemetry and the latest
/// values of each machine.
///
/// Shape: a pass digests each stream that is behind, one run per stream. While nobody reads history the next one waits
///   for `longest`, so that a row of a minute is written once or twice, not six times. The digest rests after each
///   run, so that it is busy for at most `duty` of the time. A digest that falls behind has longer
///   runs, which cost less per frame. No state stays in memory between runs: the database keeps the
///   position and the state of each stream, and any node continues from there.
/// Errors: while the database is away, the digest retries after `interval`. A stream that cannot be
///   digested is logged and skipped until the next pass.
/// Threads: one of its own, of low priority.
/// Limits: memory for one page of frames, 32 states, and one commit.
/// Source: docs/decisions/0011-digest-follows-the-watermark.md.
#pragma once

#include "actors/background/digest_config.hpp"
#include "actors/background/digest_work.hpp"
#include "actors/live/census.hpp"
#include "actors/live/metered_actor.hpp"
#include "actors/messages.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

namespace furrow::actors {

struct digester_state {
  static constexpr const char* name = "digest";
  using clock = std::chrono::steady_clock;

  digest_config config;
  std::shared_ptr<census> people;
  storage::digest_store* lane = nullptr;
  std::optional<digest_work> work;

  std::uint64_t call = 0;       // the current call; answers to other calls are ignored
  bool passing = false;         // true during a pass
  bool passed = false;          // the last pass has come to its end
  std::int32_t last_stream = 0; // last stream that the database listed in this pass
  std::deque<storage::digest_stream> waiting;
  std::size_t alone = 0; // of those waiting: one of them has made a batch fail, each goes by itself
  std::vector<storage::digest_stream> batch;               // under way, of different machines
  std::vector<std::shared_ptr<const own_definitions>> own; // of each of the batch
  std::shared_ptr<const own_definitions> naming; // its signals are being given their numbers
  std::shared_ptr<storage::digest_batch> committing;
  std::vector<std::uint64_t> frames;                // of each commit
  std::vector<std::optional<std::int64_t>> last_us; // its latest time
  clock::time_point pass_began;
  clock::time_point run_began;
  std::uint64_t streams_left = 0; // streams still behind after their run in this pass
  std::uint64_t items_left = 0;
  std::int64_t oldest_left_us = 0;
  bool complained = false; // the current outage is logged
  bool low_priority = false;
};

/// `store` outlives the actor.
digest_actor::behavior_type digester(metered_pointer<digest_actor, digester_state> self,
                                     const digest_config& config,
                                     storage::store* store,
                                     std::shared_ptr<census> people);

} // namespace furrow::actors
