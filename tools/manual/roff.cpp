#include "tools/manual/roff.hpp"

#include <algorithm>
#include <cctype>

namespace furrow::manual {

namespace {

/// A line that begins with a dot or a quote is a command; \& is nothing, and stands before it.
std::string guarded(std::string line) {
  return !line.empty() && line.front() == '.' ? "\\&" + line : line;
}

/// Lets a long word break after a comma: `\:` is a place where a line may end.
std::string breakable(std::string text) {
  for (auto at = text.find(','); at != std::string::npos; at = text.find(',', at + 1))
    if (at + 1 < text.size() && text[at + 1] != ' ')
      text.insert(at + 1, "\\:");
  return text;
}

/// `text` with what stands in backquotes in bold. A single backquote stays one.
std::string marked(std::string_view text) {
  const auto quotes = std::count(text.begin(), text.end(), '`');
  if (quotes % 2 != 0)
    return escaped(text);
  std::string out;
  bool inside = false;
  for (;;) {
    const auto end = text.find('`');
    const auto part = text.substr(0, end);
    out += inside ? bold(part) : escaped(part);
    if (end == std::string_view::npos)
      return out;
    text.remove_prefix(end + 1);
    inside = !inside;
  }
}

bool ends_sentence(std::string_view text, std::size_t at) {
  return (text[at] == '.' || text[at] == '?') && at + 2 < text.size() && text[at + 1] == ' '
         && std::isupper(static_cast<unsigned char>(text[at + 2])) != 0;
}

} // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text)
    switch (c) {
    case '\\':
      out += "\\(rs";
      break;
    case '-':
      out += "\\-"; // a minus, which can be copied into a shell; a bare one may become a hyphen
      break;
    case '\'':
      out += "\\(aq";
      break;
    case '`':
      out += "\\(ga";
      break;
    case '"':
      out += "\\(dq";
      break;
    case '^':
      out += "\\(ha";
      break;
    case '~':
      out += "\\(ti";
      break;
    default:
      out += c;
    }
  return out;
}

std::string bold(std::string_view text) {
  return "\\fB" + escaped(text) + "\\fR";
}

std::string italic(std::string_view text) {
  return "\\fI" + escaped(text) + "\\fR";
}

std::string heading(std::string_view title) {
  return ".SH " + escaped(title) + "\n";
}

std::string prose(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t end = 0;
    while (end < text.size() && text[end] != '\n' && !ends_sentence(text, end))
      ++end;
    const bool sentence = end < text.size() && text[end] != '\n';
    auto line = text.substr(0, end + (sentence ? 1 : 0));
    text.remove_prefix(std::min(text.size(), end + (sentence ? 2 : 1)));
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t")));
    line = line.substr(0, line.find_last_not_of(" \t") + 1);
    if (!line.empty())
      out += guarded(breakable(marked(line))) + "\n";
  }
  return out;
}

std::string verbatim(std::string_view lines) {
  std::string out = ".nf\n";
  while (!lines.empty()) {
    const auto end = std::min(lines.find('\n'), lines.size());
    out += guarded(escaped(lines.substr(0, end))) + "\n";
    lines.remove_prefix(std::min(lines.size(), end + 1));
  }
  return out + ".fi\n";
}

std::string entry(std::string_view term, std::string_view text) {
  return ".TP\n" + std::string{term} + "\n" + prose(text);
}

} // namespace furrow::manual
