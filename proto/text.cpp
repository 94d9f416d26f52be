// UTF-8 as RFC 3629 has it: no overlong form, no surrogate, nothing above U+10FFFF; and no NUL,
// which PostgreSQL's text cannot hold. Protobuf's own check logs what it refuses, and a peer must
// not be able to fill our log.
#include "proto/text.hpp"

#include "proto/wire.hpp"

#include <algorithm>
#include <cstdint>

namespace furrow::proto {

namespace {

/// What may follow a lead byte: how many bytes, and the range of the first of them.
struct sequence {
  unsigned more;
  std::uint8_t low;
  std::uint8_t high;
};

constexpr sequence none{0, 1, 0};

constexpr sequence sequence_of(std::uint8_t lead) {
  if (lead >= 0xC2 && lead <= 0xDF)
    return {1, 0x80, 0xBF};
  if (lead == 0xE0)
    return {2, 0xA0, 0xBF};
  if (lead == 0xED)
    return {2, 0x80, 0x9F};
  if (lead >= 0xE1 && lead <= 0xEF)
    return {2, 0x80, 0xBF};
  if (lead == 0xF0)
    return {3, 0x90, 0xBF};
  if (lead >= 0xF1 && lead <= 0xF3)
    return {3, 0x80, 0xBF};
  if (lead == 0xF4)
    return {3, 0x80, 0x8F};
  return none;
}

} // namespace

bool is_clean(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<std::uint8_t>(text[i]);
    if (lead < 0x80) {
      if (lead == 0)
        return false;
      continue;
    }
    const auto next = sequence_of(lead);
    if (next.more == 0 || text.size() - i <= next.more)
      return false;
    const auto first = static_cast<std::uint8_t>(text[i + 1]);
    if (first < next.low || first > next.high)
      return false;
    for (unsigned k = 2; k <= next.more; ++k)
      if ((static_cast<std::uint8_t>(text[i + k]) & 0xC0U) != 0x80U)
        return false;
    i += next.more;
  }
  return true;
}

bool is_clean_text(const std::string& text) {
  return is_clean(text);
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max && is_clean(text)
         && std::none_of(text.begin(), text.end(),
                         [](unsigned char c) { return c < 0x20 || c == 0x7F || c == '/'; });
}

} // namespace furrow::proto
