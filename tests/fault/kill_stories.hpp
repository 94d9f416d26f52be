/// Goal: after any kills nothing is lost or doubled, the order is kept, and the replay ends by itself.
/// Method: real programs replay a log of 200,000 frames of a real tractor. At random moments programs are killed with
///   kill -9 and started again. The export must equal the log byte for byte, and the ledger must agree.
#pragma once

#include "tests/fault/rig.hpp"

#include <functional>
#include <string>

namespace furrow::tests {

inline constexpr std::size_t story_frames = 200'000;
inline constexpr int story_rounds = 20;

struct victims {
  bool node = false;
  bool edge = false;
  std::function<void()> database = nullptr; // kills it and starts it again
};

/// `rounds` replays, each with one kill of the victims.
void replay_with_kills(rig& where,
                       const std::string& name,
                       const victims& who,
                       unsigned seed,
                       int rounds = story_rounds);

/// The node dies in the named window of an append; then the replay must complete.
void replay_with_failpoint(rig& where, const std::string& failpoint);

/// Actors are killed one after the other during a replay.
void replay_with_dying_actors(rig& where);

/// The checks after every story.
void check_whole(rig& where, const std::string& equipment, const std::filesystem::path& log);

} // namespace furrow::tests
