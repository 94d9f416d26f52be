/// The digest: follows the watermarks of all streams and fills rollups, telemetry and the latest of
/// each machine.
///
/// Shape: passes over the streams that are behind, one run of a stream after the other. After each
///   run it rests, so that it is busy for `duty` of the time at most: a digest that cannot keep up
///   has longer runs, which cost less a frame. Nothing is kept between runs: the place and the
///   state of a stream stand in the database, where any node goes on with them.
/// Errors: the database is away: it looks again after `interval`. A stream that cannot be digested
///   is told of and left out until the next pass.
/// Threads: one of its own, of low priority.
/// Limits: memory for one page of frames, 32 states, and one commit.
/// Source: docs/decisions/0011-digest-follows-the-watermark.md.
#pragma once

#include "actors/background/digest_config.hpp"
#include "actors/background/digest_work.hpp"
#include "actors/live/census.hpp"
#include "actors/messages.hpp"

#include <caf/stateful_actor.hpp>
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

  std::uint64_t call = 0;       // the one under way; answers to others are late
  bool passing = false;         // over the streams; else between two passes
  std::int32_t last_stream = 0; // that the database has named in this pass
  std::deque<storage::digest_stream> waiting;
  std::size_t alone = 0; // of those waiting: one of them has made a batch fail, each goes by itself
  std::vector<storage::digest_stream> batch;               // under way, of different machines
  std::vector<std::shared_ptr<const own_definitions>> own; // of each of the batch
  std::shared_ptr<const own_definitions> naming; // its signals are being given their numbers
  std::shared_ptr<const storage::digest_batch> committing;
  std::vector<std::uint64_t> frames;                // of each commit
  std::vector<std::optional<std::int64_t>> last_us; // its latest time
  clock::time_point pass_began;
  clock::time_point run_began;
  std::uint64_t streams_left = 0; // behind after their run of this pass
  std::uint64_t items_left = 0;
  std::int64_t oldest_left_us = 0;
  bool complained = false; // of the outage that lasts
  bool low_priority = false;
};

/// `store` outlives the actor.
digest_actor::behavior_type digester(digest_actor::stateful_pointer<digester_state> self,
                                     const digest_config& config,
                                     storage::store* store,
                                     std::shared_ptr<census> people);

} // namespace furrow::actors
