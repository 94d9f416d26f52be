#include "tools/furrowd/api/bodies/json_slices.hpp"

#include <utf8.h>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr std::string_view blanks = " \t\r\n";
constexpr std::string_view digits = "0123456789";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// The end of the string that begins at `at`, behind its closing quote.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      return at + 1;
  }
  return text.size();
}

/// Takes characters of `of` off the front; returns how many.
std::size_t take_run(std::string_view& text, std::string_view of) {
  const auto count = std::min(text.find_first_not_of(of), text.size());
  text.remove_prefix(count);
  return count;
}

bool take_one(std::string_view& text, std::string_view of) {
  if (text.empty() || of.find(text.front()) == std::string_view::npos)
    return false;
  text.remove_prefix(1);
  return true;
}

bool is_number(std::string_view text) {
  take_one(text, "-");
  const bool zero = !text.empty() && text.front() == '0';
  const auto whole = take_run(text, digits);
  if (whole == 0 || (zero && whole > 1))
    return false;
  if (take_one(text, ".") && take_run(text, digits) == 0)
    return false;
  if (take_one(text, "eE")) {
    take_one(text, "+-");
    if (take_run(text, digits) == 0)
      return false;
  }
  return text.empty();
}

/// The text with every number replaced by 0: what a parser may judge whatever the size of the numbers.
std::string without_numbers(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      const auto end = end_of_string(text, at);
      out.append(text, at, end - at);
      at = end;
    } else if (c == '-' || digits.find(c) != std::string_view::npos) {
      const auto end = std::min(text.find_first_not_of("0123456789+-.eE", at), text.size());
      const auto number = text.substr(at, end - at);
      out.append(is_number(number) ? std::string_view{"0"} : number);
      at = end;
    } else {
      out.push_back(c);
      ++at;
    }
  }
  return out;
}

/// Calls `each` with the parts of an array or an object between its commas.
template <class Each>
void for_each_part(std::string_view inner, Each each) {
  std::size_t depth = 0;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < inner.size(); ++at) {
    const char c = inner[at];
    if (c == '"') {
      at = end_of_string(inner, at) - 1;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth == 0) {
      each(trimmed(inner.substr(begin, at - begin)));
      begin = at + 1;
    }
  }
  if (const auto last = trimmed(inner.substr(begin)); !last.empty())
    each(last);
}

std::optional<std::string_view> inside(std::string_view text, char open) {
  text = trimmed(text);
  if (text.size() < 2 || text.front() != open)
    return std::nullopt;
  return text.substr(1, text.size() - 2);
}

} // namespace

bool is_json(std::string_view text) {
  return utf8::is_valid(text.begin(), text.end()) && nlohmann::json::accept(without_numbers(text));
}

std::optional<std::vector<std::string_view>> elements_of(std::string_view text) {
  const auto inner = inside(text, '[');
  if (!inner)
    return std::nullopt;
  std::vector<std::string_view> parts;
  for_each_part(*inner, [&](std::string_view part) { parts.push_back(part); });
  return parts;
}

std::optional<std::vector<std::pair<std::string, std::string_view>>>
members_of(std::string_view text) {
  const auto inner = inside(text, '{');
  if (!inner)
    return std::nullopt;
  std::vector<std::pair<std::string, std::string_view>> members;
  for_each_part(*inner, [&](std::string_view part) {
    const auto end = end_of_string(part, 0);
    auto name = text_of_string(part.substr(0, end));
    const auto value = trimmed(part.substr(end)); // the colon, and the value
    members.emplace_back(name.value_or(""), trimmed(value.substr(1)));
  });
  return members;
}

std::optional<std::string> text_of_string(std::string_view value) {
  const auto parsed = nlohmann::json::parse(value, nullptr, false);
  if (!parsed.is_string())
    return std::nullopt;
  return parsed.get<std::string>();
}

} // namespace furrow::http
