#include "tools/furrowd/http/target.hpp"

#include <utf8.h>

#include <charconv>
#include <utility>

namespace furrow::http {

namespace {

std::optional<std::string> decode(std::string_view text, bool plus_is_blank) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      unsigned code = 0;
      const char* first = text.data() + i + 1;
      if (i + 2 >= text.size() || std::from_chars(first, first + 2, code, 16).ptr != first + 2)
        return std::nullopt;
      c = static_cast<char>(code);
      i += 2;
    } else if (c == '+' && plus_is_blank) {
      c = ' ';
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      return std::nullopt;
    plain.push_back(c);
  }
  return utf8::is_valid(plain.begin(), plain.end()) ? std::optional{std::move(plain)}
                                                    : std::nullopt;
}

/// Cuts the next part off the front of `text`.
std::string_view take(std::string_view& text, char separator) {
  const auto at = text.find(separator);
  const auto part = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  return part;
}

} // namespace

std::optional<target> parse_target(std::string_view text) {
  if (text.empty() || text.front() != '/')
    return std::nullopt;
  target parsed;
  auto path = take(text, '?').substr(1);
  while (!path.empty()) {
    auto segment = decode(take(path, '/'), false);
    if (!segment || segment->empty())
      return std::nullopt;
    parsed.segments.push_back(std::move(*segment));
  }
  while (!text.empty()) {
    auto value = take(text, '&');
    if (value.empty())
      continue;
    auto name = decode(take(value, '='), true);
    auto plain = decode(value, true);
    if (!name || !plain)
      return std::nullopt;
    if (!parsed.query.emplace(*name, std::move(*plain)).second)
      parsed.repeated = *name;
  }
  return parsed;
}

} // namespace furrow::http
