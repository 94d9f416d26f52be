/// Seeds that have broken an invariant once: every run plays them first.
///
/// Shape: `simulate` prints a bad seed; it is added here with what it found, and stays. A change of what the world draws
///   makes another world of a seed; it then only is one world more.
#pragma once

#include <array>
#include <cstdint>

namespace furrow::simulation {

inline constexpr std::array<std::uint64_t, 19> bad_seeds{
  19,  // a gateway that has nothing more to send learns of a failover only by its next item
  100, // a standby whose primary lost power never asked again
  205, // a node froze in its COPY after it should have thawed
  344, // the same, with one node
  90, // a node started during a failover: claims went to the old primary, the first beat to the new one
  42654, // a claim that waited replaced the newer one of a gateway that had come meanwhile
  // Judges waited for a standby that was away, and lost their own leases meanwhile.
  5308, 11046, 13488, 15752, 21531, 34677, 36494, 78572, 79291, 98008,
  // A primary that was replaced declared a node dead that asked its successor.
  41650, 58565,
  4016, // a primary that was replaced took items of a restored spool; its successor had others
};

} // namespace furrow::simulation
