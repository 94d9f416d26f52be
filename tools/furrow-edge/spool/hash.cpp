#include "tools/furrow-edge/spool/hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace furrow::edge {

struct content_digest::state {
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> hash{XXH3_createState(),
                                                                       XXH3_freeState};
};

content_digest::content_digest() : state_{std::make_unique<state>()} {
  XXH3_128bits_reset(state_->hash.get());
}

content_digest::~content_digest() = default;

void content_digest::add(std::string_view bytes) {
  XXH3_128bits_update(state_->hash.get(), bytes.data(), bytes.size());
  bytes_ += bytes.size();
}

std::string content_digest::text() const {
  const auto sum = XXH3_128bits_digest(state_->hash.get());
  std::string out = "xxh3-128:";
  for (const auto half : {sum.high64, sum.low64})
    for (int shift = 60; shift >= 0; shift -= 4)
      out += "0123456789abcdef"[half >> static_cast<unsigned>(shift) & 0xFU];
  return out + ":" + std::to_string(bytes_);
}

std::uint64_t content_hash(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

} // namespace furrow::edge
