/// The hash that detects changed bytes: XXH3, 64 bits. It does not protect against an attacker.
#pragma once

#include <cstdint>
#include <string_view>

namespace furrow::edge {

[[nodiscard]] std::uint64_t content_hash(std::string_view bytes, std::uint64_t seed = 0);

} // namespace furrow::edge
