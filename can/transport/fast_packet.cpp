#include "can/transport/fast_packet.hpp"

#include <array>

namespace furrow::can {

namespace {

struct pgn_range {
  std::uint32_t first;
  std::uint32_t last;
};

// Of the standard PGNs 126976 .. 130815 (1F000 .. 1FEFF), those that are fast; all others are
// single frames.
constexpr std::array fast_ranges{
  pgn_range{126983, 126988}, pgn_range{126996, 126996}, pgn_range{126998, 126998},
  pgn_range{127233, 127233}, pgn_range{127237, 127237}, pgn_range{127489, 127491},
  pgn_range{127494, 127498}, pgn_range{127503, 127504}, pgn_range{127506, 127507},
  pgn_range{127509, 127514}, pgn_range{128275, 128275}, pgn_range{128520, 128520},
  pgn_range{128538, 128538}, pgn_range{129029, 129029}, pgn_range{129038, 129041},
  pgn_range{129044, 129045}, pgn_range{129284, 129285}, pgn_range{129301, 129302},
  pgn_range{129538, 129538}, pgn_range{129540, 129542}, pgn_range{129545, 129545},
  pgn_range{129547, 129547}, pgn_range{129549, 129549}, pgn_range{129551, 129551},
  pgn_range{129556, 129556}, pgn_range{129792, 129816}, pgn_range{130052, 130054},
  pgn_range{130060, 130061}, pgn_range{130064, 130074}, pgn_range{130320, 130324},
  pgn_range{130329, 130330}, pgn_range{130561, 130575}, pgn_range{130577, 130578},
  pgn_range{130580, 130581}, pgn_range{130583, 130584}, pgn_range{130586, 130586}};

constexpr std::uint32_t standard_first = 0x1F000;
constexpr std::uint32_t proprietary_first = 0x1FF00;

constexpr auto fast_bits = [] {
  std::array<std::uint64_t, (proprietary_first - standard_first) / 64> bits{};
  for (const auto range : fast_ranges)
    for (auto pgn = range.first; pgn <= range.last; ++pgn)
      bits[(pgn - standard_first) / 64] |= std::uint64_t{1} << (pgn % 64);
  return bits;
}();
static_assert(standard_first % 64 == 0);

} // namespace

packet_type packet_type_of(std::uint32_t pgn) {
  if (pgn >= standard_first && pgn < proprietary_first)
    return (fast_bits[(pgn - standard_first) / 64] >> (pgn % 64) & 1U) != 0 ? packet_type::fast
                                                                            : packet_type::single;
  if (pgn >= proprietary_first && pgn <= 0x1FFFF)
    return packet_type::proprietary;
  switch (pgn) {
  case 0x1ED00: // 126208 group function
  case 0x1EE00: // 126464 list of PGNs
    return packet_type::fast;
  case 0x1EF00: // 126720
    return packet_type::proprietary;
  default:
    return packet_type::single;
  }
}

} // namespace furrow::can
