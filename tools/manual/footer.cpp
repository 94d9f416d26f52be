#include "tools/manual/footer.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace furrow::manual {

namespace {

struct title {
  std::string_view text;
  std::string footer::*section;
};

constexpr std::array<title, 11> titles{{{"Examples:", &footer::examples},
                                        {"examples:", &footer::examples},
                                        {"Example:", &footer::examples},
                                        {"example:", &footer::examples},
                                        {"Exit codes:", &footer::exit_codes},
                                        {"exit:", &footer::exit_codes},
                                        {"Environment:", &footer::environment},
                                        {"Settings:", &footer::settings},
                                        {"settings:", &footer::settings},
                                        {"Signals:", &footer::signals},
                                        {"signals:", &footer::signals}}};

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

/// Where the next ", NUMBER " begins.
std::size_t next_code(std::string_view text, std::size_t from) {
  for (auto at = text.find(", ", from); at != std::string_view::npos;
       at = text.find(", ", at + 2)) {
    auto end = at + 2;
    while (end < text.size() && is_digit(text[end]))
      ++end;
    if (end > at + 2 && end < text.size() && text[end] == ' ')
      return at;
  }
  return text.size();
}

} // namespace

footer read_footer(std::string_view text) {
  footer out;
  auto section = &footer::prose;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    const auto* const begun = std::find_if(titles.begin(), titles.end(), [&](const title& one) {
      return line.substr(0, one.text.size()) == one.text;
    });
    if (begun != titles.end()) {
      section = begun->section;
      line.remove_prefix(begun->text.size());
    } else if (section == &footer::examples && !line.empty() && line.front() != ' ') {
      section = &footer::prose;
    }
    if (section == &footer::examples)
      line.remove_prefix(std::min<std::size_t>(2, line.size())); // the indentation
    else
      line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ')));
    if (!line.empty())
      (out.*section) += std::string{line} + "\n";
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> exit_codes_of(std::string_view text) {
  std::string line{text};
  std::replace(line.begin(), line.end(), '\n', ' ');
  line.erase(line.find_last_not_of(" .") + 1);
  std::vector<std::pair<std::string, std::string>> out;
  for (std::size_t at = 0; at < line.size();) {
    const auto end = next_code(line, at);
    const auto one = line.substr(at, end - at);
    const auto space = one.find(' ');
    out.emplace_back(one.substr(0, space), space == std::string::npos ? "" : one.substr(space + 1));
    at = std::min(line.size(), end + 2);
  }
  return out;
}

} // namespace furrow::manual
