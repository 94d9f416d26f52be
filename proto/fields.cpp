#include "proto/fields.hpp"

#include "proto/text.hpp"

#include <algorithm>

namespace furrow::proto {

std::string at_most(std::string_view what, std::uint64_t is, std::uint64_t limit) {
  return std::to_string(is) + " " + std::string{what} + ", at most " + std::to_string(limit);
}

failure too_many(std::string_view what, std::uint64_t is, std::uint64_t limit) {
  return {errc::limit, at_most(what, is, limit)};
}

result<done> check_text(const std::string& text,
                        std::string_view what,
                        std::size_t bytes_max,
                        bool may_be_empty) {
  if (text.size() > bytes_max)
    return too_many("bytes of " + std::string{what}, text.size(), bytes_max);
  if (text.empty() && !may_be_empty)
    return failure{errc::text, "an empty " + std::string{what}};
  if (!is_clean(text))
    return failure{errc::text, std::string{what} + " is not UTF-8 or contains a NUL"};
  return done{};
}

result<done> first_failure(std::initializer_list<result<done>> all) {
  const auto* bad = std::find_if(all.begin(), all.end(), [](const auto& one) { return !one; });
  return bad == all.end() ? result<done>{done{}} : *bad;
}

void append_length(std::size_t bytes, std::string& out) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>(bytes >> static_cast<unsigned>(shift) & 0xFFU);
}

} // namespace furrow::proto
