#include "proto/rendezvous.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace furrow::proto {

std::uint64_t rendezvous_score(std::string_view machine, std::string_view node) noexcept {
  return XXH3_64bits_withSeed(node.data(), node.size(),
                              XXH3_64bits(machine.data(), machine.size()));
}

} // namespace furrow::proto
