#include "tools/furrow-edge/spool/hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace furrow::edge {

std::uint64_t content_hash(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

} // namespace furrow::edge
