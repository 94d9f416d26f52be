/// The hash that tells whether bytes are what they were: XXH3, 64 bits. Not against an adversary.
#pragma once

#include <cstdint>
#include <string_view>

namespace furrow::edge {

[[nodiscard]] std::uint64_t content_hash(std::string_view bytes, std::uint64_t seed = 0);

} // namespace furrow::edge
