#include "storage/farm/json_check.hpp"

#include <algorithm>
#include <charconv>
#include <random>

namespace furrow::storage {

namespace {

constexpr std::string_view number_digits = "0123456789";

/// A number as it stands in the text, in parts.
struct written_number {
  std::string_view whole;
  std::string_view fraction;
  int exponent = 0;
  bool negative = false;
  bool integer = false; // neither fraction nor exponent
};

/// Nothing when the text is no JSON number.
std::optional<written_number> read_number(std::string_view text) {
  written_number out;
  const auto take_digits = [&text] {
    const auto part = text.substr(0, text.find_first_not_of(number_digits));
    text.remove_prefix(part.size());
    return part;
  };
  if (text.starts_with('-')) {
    out.negative = true;
    text.remove_prefix(1);
  }
  out.whole = take_digits();
  if (out.whole.empty() || (out.whole.size() > 1 && out.whole.front() == '0'))
    return std::nullopt;
  out.integer = text.empty();
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    out.fraction = take_digits();
    if (out.fraction.empty())
      return std::nullopt;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    const bool minus = text.starts_with('-');
    if (minus || text.starts_with('+'))
      text.remove_prefix(1);
    const auto power = take_digits();
    if (power.empty())
      return std::nullopt;
    constexpr std::size_t power_digits = 6; // more are far beyond every limit
    const auto first = std::min(power.find_first_not_of('0'), power.size());
    const auto said = power.substr(first);
    std::from_chars(said.data(), said.data() + std::min(said.size(), power_digits), out.exponent);
    out.exponent = minus ? -out.exponent : out.exponent;
  }
  return text.empty() ? std::optional{out} : std::nullopt;
}

std::size_t digits_written_out(const written_number& of) {
  const auto whole = static_cast<std::int64_t>(of.whole.size()) + of.exponent;
  const auto fraction = static_cast<std::int64_t>(of.fraction.size()) - of.exponent;
  return static_cast<std::size_t>(std::max<std::int64_t>(whole, 1)
                                  + std::max<std::int64_t>(fraction, 0));
}

/// Whether a parser would not give back what stands there.
bool is_lossy(std::string_view text, const written_number& of) {
  const auto* end = text.data() + text.size();
  if (of.integer) {
    std::int64_t low = 0;
    std::uint64_t high = 0;
    const auto wrong = of.negative ? std::from_chars(text.data(), end, low).ec
                                   : std::from_chars(text.data(), end, high).ec;
    return wrong != std::errc{};
  }
  constexpr std::size_t exact_digits = 17;
  const auto significant = std::string{of.whole} + std::string{of.fraction};
  const auto first = significant.find_first_not_of('0');
  if (first == std::string::npos)
    return false; // zero
  double value = 0;
  const auto wrong = std::from_chars(text.data(), end, value).ec;
  return wrong != std::errc{} || value == 0 || significant.size() - first > exact_digits;
}

/// Calls `piece` with each number, and with all text between, in order.
template <class Piece>
void for_each_number(std::string_view text, Piece piece) {
  for (std::size_t at = 0; at < text.size();) {
    auto end = at + 1;
    bool number = false;
    if (text[at] == '"') {
      while (end < text.size() && text[end] != '"')
        end += text[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, text.size());
    } else if (text[at] == '-' || number_digits.find(text[at]) != std::string_view::npos) {
      end = std::min(text.find_first_not_of("0123456789+-.eE", at), text.size());
      number = true;
    } else {
      end = std::min(text.find_first_of("\"-0123456789", at), text.size());
    }
    piece(text.substr(at, end - at), number);
    at = end;
  }
}

/// Of this process alone, so that no text holds it by chance or on purpose.
const std::string& number_mark() {
  static const std::string mark = [] {
    std::random_device random;
    std::string out = "number ";
    for (int i = 0; i < 4; ++i)
      out += std::to_string(random()) + " ";
    return out;
  }();
  return mark;
}

} // namespace

std::string shield_numbers(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each_number(text, [&out](std::string_view piece, bool number) {
    const auto read = number ? read_number(piece) : std::nullopt;
    if (read && is_lossy(piece, *read) && digits_written_out(*read) <= number_digits_max)
      out.append("\"").append(number_mark()).append(piece).append("\"");
    else
      out += piece;
  });
  return out;
}

std::string unshield_numbers(std::string_view text) {
  const auto opening = "\"" + number_mark();
  std::string out;
  for (;;) {
    const auto at = text.find(opening);
    out += text.substr(0, at);
    if (at == std::string_view::npos)
      return out;
    text.remove_prefix(at + opening.size());
    const auto end = std::min(text.find('"'), text.size());
    out += text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool is_shielded(std::string_view value) {
  return value.starts_with(number_mark());
}

bool has_endless_number(std::string_view text) {
  bool found = false;
  for_each_number(text, [&found](std::string_view piece, bool number) {
    const auto read = number ? read_number(piece) : std::nullopt;
    found = found || (read && digits_written_out(*read) > number_digits_max);
  });
  return found;
}

std::optional<nlohmann::json>
parse_json(std::string_view text, std::size_t bytes_max, std::string& fault) {
  if (text.size() > bytes_max) {
    fault = "has " + std::to_string(text.size()) + " bytes";
    return std::nullopt;
  }
  using event = nlohmann::json::parse_event_t;
  bool too_deep = false;
  bool has_nul = false;
  // Levels beyond json_depth_max are dropped, so that no later walk over the value goes deeper.
  const auto keep = [&](int depth, event what, nlohmann::json& parsed) {
    const bool opens = what == event::object_start || what == event::array_start;
    too_deep = too_deep || (opens && depth >= json_depth_max);
    const bool names = what == event::key || what == event::value;
    has_nul = has_nul
              || (names && parsed.is_string()
                  && parsed.get_ref<const std::string&>().find('\0') != std::string::npos);
    return !too_deep;
  };
  std::optional<nlohmann::json> value;
  try {
    value = nlohmann::json::parse(text, keep);
  } catch (const nlohmann::json::parse_error& error) {
    fault = "is not JSON: error at byte " + std::to_string(error.byte);
  } catch (const nlohmann::json::exception&) {
    fault = "holds a number beyond the range of a double"; // 1e400
  }
  if (too_deep)
    fault = "nests deeper than " + std::to_string(json_depth_max);
  else if (value && has_nul)
    fault = "holds a NUL character";
  else
    return value;
  return std::nullopt;
}

} // namespace furrow::storage
