#include "actors/log/lines.hpp"

#include "can/text/time.hpp"

#include <fmt/format.h>

#include <utf8.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::log {

namespace {

/// By level.
constexpr std::array<std::string_view, 5> colours{"\x1b[36m", "\x1b[32m", "\x1b[33;1m",
                                                  "\x1b[31;1m", "\x1b[1;41m"};
constexpr std::string_view plain = "\x1b[m";
/// By level: SD_DEBUG, SD_INFO, SD_WARNING, SD_ERR, SD_CRIT.
constexpr std::array<int, 5> priorities{7, 6, 4, 3, 2};

/// Control characters above ASCII, separators of lines, marks that turn the direction of text.
bool misleads(char32_t c) {
  return (c >= 0x7F && c <= 0x9F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

std::string clean(std::string_view text) {
  std::string valid;
  utf8::replace_invalid(text.begin(), text.end(), std::back_inserter(valid));
  std::string out;
  for (auto at = valid.begin(); at != valid.end();) {
    const auto from = at;
    if (misleads(utf8::unchecked::next(at)))
      out += '?';
    else
      out.append(from, at);
  }
  return out;
}

/// On one line: line ends and tabs become blanks.
std::string one_line(std::string_view text) {
  auto out = clean(text);
  for (auto& c : out)
    if (c == '\n' || c == '\t' || c == '\r')
      c = ' ';
    else if (static_cast<unsigned char>(c) < 0x20)
      c = '?';
  return out;
}

std::string quoted(std::string_view text) {
  return nlohmann::json(clean(text)).dump();
}

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
         || std::string_view{"_-.:/+@[]"}.find(c) != std::string_view::npos;
}

/// A value of logfmt: in quotes where it must be.
std::string value(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_bare) ? std::string{text}
                                                                         : quoted(text);
}

/// Calls `visit(name, text)` for every field that is not empty; `count` is a number.
template <class Text, class Number>
void for_each_field(const line& shown, const Text& text, const Number& number) {
  text("time", can::text::format_time(shown.time_us, 3));
  text("level", to_string(shown.how));
  text("module", to_string(shown.from));
  text("event", shown.event);
  const std::array<std::pair<const char*, std::string_view>, 5> texts{
    {{"node", shown.node},
     {"farm", shown.what.farm},
     {"equipment", shown.what.equipment},
     {"peer", shown.what.peer},
     {"error", shown.what.error}}};
  for (const auto& [name, given] : texts)
    if (!given.empty())
      text(name, given);
  if (shown.what.count)
    number("count", *shown.what.count);
  text("msg", shown.message);
}

std::string logfmt(const line& shown) {
  std::string out;
  for_each_field(
    shown,
    [&](const char* name, std::string_view text) {
      out += fmt::format("{}{}={}", out.empty() ? "" : " ", name, value(text));
    },
    [&](const char* name, std::uint64_t number) { out += fmt::format(" {}={}", name, number); });
  return out;
}

std::string json(const line& shown) {
  nlohmann::ordered_json out;
  for_each_field(
    shown, [&](const char* name, std::string_view text) { out[name] = clean(text); },
    [&](const char* name, std::uint64_t number) { out[name] = number; });
  return out.dump();
}

} // namespace

std::string to_text(const line& shown, line_format how) {
  const auto index = static_cast<std::size_t>(shown.how);
  const auto time = [&] { return can::text::format_time(shown.time_us, 3); };
  switch (how) {
  case line_format::text:
    return fmt::format("{} {} {}", time(), to_string(shown.how), one_line(shown.message));
  case line_format::terminal:
    return fmt::format("{} {}{}{} {}", time(), colours.at(index), to_string(shown.how), plain,
                       one_line(shown.message));
  case line_format::journal:
    return fmt::format("<{}>{} {}", priorities.at(index), to_string(shown.how),
                       one_line(shown.message));
  case line_format::logfmt:
    return logfmt(shown);
  case line_format::json:
    return json(shown);
  }
  return {};
}

} // namespace furrow::log
