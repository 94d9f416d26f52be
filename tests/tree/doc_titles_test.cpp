// The pages name the tests that show what they promise: each name must be that of a test.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
const fs::path documented = FURROW_SOURCE_DIR;

std::string page_text(const fs::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// The pieces of a string literal that goes over several lines, as one text; `at` is behind TEST_CASE(.
std::string title_at(const std::string& text, std::size_t at) {
  std::string title;
  at = text.find('"', at);
  while (at < text.size() && text[at] == '"') {
    for (++at; at < text.size() && text[at] != '"'; ++at) {
      at += text[at] == '\\' ? 1 : 0;
      title += text[at];
    }
    at = text.find_first_not_of(" \n", at + 1);
  }
  return title;
}

std::vector<std::string> titles() {
  std::vector<std::string> out;
  const std::regex begin{"TEST_CASE(_[A-Z]+)?\\("};
  for (const auto& entry : fs::recursive_directory_iterator{documented / "tests"}) {
    const auto kind = entry.path().extension();
    if (kind != ".cpp" && kind != ".hpp")
      continue;
    const auto text = page_text(entry.path());
    for (std::sregex_iterator at{text.begin(), text.end(), begin}; at != std::sregex_iterator{};
         ++at)
      out.push_back(title_at(text, static_cast<std::size_t>(at->position() + at->length())));
  }
  return out;
}

/// As doctest: '*' is any text, case does not matter.
bool fits(const char* title, const char* pattern) {
  if (*pattern == '*')
    return fits(title, pattern + 1) || (*title != '\0' && fits(title + 1, pattern));
  if (*title == '\0' || *pattern == '\0')
    return *title == *pattern;
  return std::tolower(*title) == std::tolower(*pattern) && fits(title + 1, pattern + 1);
}

struct mention {
  std::string where;
  std::string pattern;
};

void add_quoted(const std::string& text, const std::string& where, std::vector<mention>& out) {
  static const std::regex quoted{"\"([^\"]*)\""};
  for (std::sregex_iterator at{text.begin(), text.end(), quoted}; at != std::sregex_iterator{};
       ++at)
    out.push_back({where, (*at)[1]});
}

/// Behind the name of an entry, `x_tests`, stand the titles of its cases. In the tables of guarantees.md all that the last
/// column quotes is a title, but for code.
void add_mentions(const fs::path& page, std::vector<mention>& out) {
  static const std::regex named{"`[a-z_]+_tests`((,| and|;| or)? ?\"[^\"]*\")+"};
  static const std::regex code{"`[^`]*`"};
  const bool guarantees = page.filename() == "guarantees.md";
  std::ifstream in{page};
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    const auto where = page.filename().string() + ":" + std::to_string(++number);
    if (guarantees && line.starts_with("| ")) {
      const auto bare = std::regex_replace(line, code, "");
      const auto last = bare.rfind('|', bare.size() - 2);
      add_quoted(bare.substr(last), where, out);
      continue;
    }
    for (std::sregex_iterator at{line.begin(), line.end(), named}; at != std::sregex_iterator{};
         ++at)
      add_quoted(at->str(), where, out);
  }
}

std::vector<mention> mentions() {
  std::vector<mention> out;
  for (const auto* page : {"README.md", "ARCHITECTURE.md", "CHANGELOG.md"})
    add_mentions(documented / page, out);
  for (const auto& entry : fs::recursive_directory_iterator{documented / "docs"})
    if (entry.path().extension() == ".md")
      add_mentions(entry.path(), out);
  return out;
}

} // namespace

TEST_CASE("docs: each test that a page names exists") {
  CHECK(fits("a node: goes on", "*Node:*on"));
  CHECK_FALSE(fits("a node: goes on", "node:*"));
  const auto all = titles();
  CHECK(all.size() > 1'000);
  const auto named = mentions();
  CHECK(named.size() > 100);
  for (const auto& [where, pattern] : named) {
    const bool found = std::any_of(all.begin(), all.end(), [&](const std::string& title) {
      return fits(title.c_str(), pattern.c_str());
    });
    CHECK_MESSAGE(found, where << ": no test is called \"" << pattern << "\"");
  }
}
