// Which frames a client selects. Apart from the rest of frames_body.hpp, because a fuzzer needs this alone.
#include "can/frame/identifier.hpp"
#include "tools/furrowd/api/bodies/frame_text.hpp"
#include "tools/furrowd/api/bodies/frames_body.hpp"

#include <charconv>

namespace furrow::http {

bool frames_filter::takes(can::frame_header header) const {
  if (can_id
      && (header.error() || header.id() != can_id->id || header.extended() != can_id->extended))
    return false;
  return !pgn || (has_pgn(header) && can::pgn_of(header.id()) == *pgn);
}

std::optional<frames_filter::identifier> parse_can_id(std::string_view hex) {
  if (hex.starts_with("0x") || hex.starts_with("0X"))
    hex.remove_prefix(2);
  frames_filter::identifier wanted;
  const auto* end = hex.data() + hex.size();
  const auto [at, error] = std::from_chars(hex.data(), end, wanted.id, 16);
  if (error != std::errc{} || at != end || hex.size() > 8)
    return std::nullopt;
  wanted.extended = hex.size() > 3;
  return wanted.id <= (wanted.extended ? 0x1FFFFFFFU : 0x7FFU) ? std::optional{wanted}
                                                               : std::nullopt;
}

std::optional<std::uint32_t> parse_pgn(std::string_view text) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex)
    text.remove_prefix(2);
  std::uint32_t pgn = 0;
  const auto* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, pgn, hex ? 16 : 10);
  return error == std::errc{} && at == end && pgn <= can::pgn_max ? std::optional{pgn}
                                                                  : std::nullopt;
}

} // namespace furrow::http
