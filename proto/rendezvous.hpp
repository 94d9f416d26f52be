/// Which node a machine prefers, by rendezvous hashing: every gateway and every node comes to the same answer alone.
///
/// Shape: the node with the highest score is the machine's first choice, the next highest its second. When a node
///   goes, only its machines move, and they spread over all that are left.
/// Threads: a plain function.
/// Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998); the hash is XXH3.
#pragma once

#include <cstdint>
#include <string_view>

namespace furrow::proto {

[[nodiscard]] std::uint64_t rendezvous_score(std::string_view machine,
                                             std::string_view node) noexcept;

} // namespace furrow::proto
