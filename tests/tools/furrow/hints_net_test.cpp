/// Goal: a command that a message, a help text or a document names exists, with its options.
///
/// Method: the completion script of the program lists every command and option. The sources and documents are searched
///   for commands in backticks, for lines of examples in help texts, and for lines of code blocks.
#include "tests/support/program.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace furrow::tests;
namespace fs = std::filesystem;

namespace {

/// `/db/migrate` and the words that may follow it: commands and options.
using command_tree = std::map<std::string, std::set<std::string>>;

command_tree tree_of_furrow() {
  const auto script = run_program({FURROW_BIN_DIR "/furrow", "completion", "bash"}).out;
  command_tree tree;
  std::istringstream lines{script};
  const std::regex entry{R"re(^    "([^":]*)"\) words="([^"]*)\$global.*$)re"};
  for (std::string line; std::getline(lines, line);)
    if (std::smatch found; std::regex_match(line, found, entry)) {
      std::istringstream words{found[2]};
      tree[found[1]] = {std::istream_iterator<std::string>{words}, {}};
    }
  return tree;
}

std::string text_of(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// String literals that follow each other are one text.
std::string joined_literals(const std::string& source) {
  static const std::regex seam{"\"\\s*\\n\\s*\""};
  auto text = std::regex_replace(source, seam, "");
  for (auto at = text.find("\\n"); at != std::string::npos; at = text.find("\\n", at))
    text.replace(at, 2, "\n");
  return text;
}

void add_matches(const std::string& text, const std::regex& what, std::vector<std::string>& out) {
  for (auto at = std::sregex_iterator{text.begin(), text.end(), what}; at != std::sregex_iterator{};
       ++at)
    out.push_back((*at)[1]);
}

/// What stands behind `furrow `, each with the place where it was found.
std::vector<std::pair<std::string, std::string>> hints() {
  static const std::regex quoted{"`furrow ([^`\\n]*)`"};
  static const std::regex example{"(?:^|\\n) *(?:\\$ )?furrow ([a-z][^\\n\"#|>`;&)]*)"};
  const fs::path root = FURROW_SOURCE_DIR;
  std::vector<std::pair<std::string, std::string>> out;
  const auto look_at = [&](const fs::path& path) {
    const bool source = path.extension() == ".cpp" || path.extension() == ".hpp";
    if (!source && path.extension() != ".md")
      return;
    const auto text = source ? joined_literals(text_of(path)) : text_of(path);
    std::vector<std::string> found;
    add_matches(text, quoted, found);
    add_matches(text, example, found);
    for (const auto& one : found)
      out.emplace_back(path.lexically_relative(root).string(), one);
  };
  for (const auto* folder : {"can", "proto", "storage", "actors", "tools", "docs"})
    for (const auto& entry : fs::recursive_directory_iterator{root / folder})
      look_at(entry.path());
  look_at(root / "README.md");
  look_at(root / "ARCHITECTURE.md");
  return out;
}

/// EQUIPMENT, `{}`, `...`, T1: stands for a value.
bool is_placeholder(const std::string& word) {
  return word.find_first_of("{}<>.") != std::string::npos
         || std::none_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

bool has_commands(const command_tree& tree, const std::string& path) {
  return std::any_of(tree.begin(), tree.end(),
                     [&](const auto& one) { return one.first.starts_with(path + "/"); });
}

/// `/dbc` of `/dbc/check`; nothing of the program itself.
std::string above(const std::string& path) {
  return path.substr(0, path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
}

/// What is wrong with the hint; empty if nothing is.
std::string fault_of(const command_tree& tree, const std::string& hint) {
  static const std::set<std::string> take_names{"/equipment", "/completion"};
  std::istringstream words{hint};
  std::string path;
  bool values = false;      // only values and options follow
  bool alternative = false; // a command in the place of the last one
  for (std::string word; words >> word;) {
    if (word == "|")
      return {}; // another program
    if (word == "\\|") {
      alternative = !values;
      continue;
    }
    if (word.starts_with("--")) {
      const auto name = word.substr(0, word.find_first_of("=,`"));
      if (!tree.at(path).contains(name) && !tree.at("").contains(name))
        return "`furrow" + path + "` has no option " + name;
      continue;
    }
    if (values || word.starts_with('-'))
      continue;
    if (std::exchange(alternative, false))
      for (path = above(path); !path.empty() && !tree.contains(path + "/" + word);)
        path = above(path);
    if (tree.contains(path + "/" + word)) {
      path += "/" + word;
      continue;
    }
    if (has_commands(tree, path) && !take_names.contains(path)) {
      if (is_placeholder(word))
        return {}; // any command
      return "`furrow" + path + "` has no command " + word;
    }
    values = true;
  }
  return {};
}

} // namespace

TEST_CASE("furrow: a mistyped command or long option is recognised at every level") {
  const auto tree = tree_of_furrow();
  std::size_t tried = 0;
  const auto swapped = [](std::string word) { // the last two letters
    std::swap(word[word.size() - 1], word[word.size() - 2]);
    return word;
  };
  for (const auto& [path, words] : tree) {
    std::vector<std::string> command{FURROW_BIN_DIR "/furrow"};
    std::istringstream parts{path};
    for (std::string part; std::getline(parts, part, '/');)
      if (!part.empty())
        command.push_back(part);
    // The first option and the first command of each level; the rest goes the same way.
    bool has_option = false;
    bool has_command = false;
    for (const auto& word : words) {
      const bool is_option = word.starts_with("--");
      const bool is_command = tree.contains(path + "/" + word);
      auto& done = is_option ? has_option : has_command;
      if (done || word.size() < 5 || (!is_option && !is_command) || word == "--help"
          || word[word.size() - 1] == word[word.size() - 2])
        continue;
      done = true;
      ++tried;
      auto typed = command;
      typed.push_back(swapped(word));
      if (!is_option && path == "/equipment")
        typed.emplace_back("T1"); // the mistyped word is taken for the name of a machine
      const auto refused = run_program(typed);
      const auto wanted = is_option ? "did you mean \"" + word : word + "\"";
      CHECK_MESSAGE((refused.out + refused.errors).find(wanted) != std::string::npos,
                    path << " " << typed.back() << ": " << refused.errors);
    }
  }
  CHECK(tried > 80);
}

TEST_CASE("furrow: every command that a message, a help text or a document names exists") {
  const auto tree = tree_of_furrow();
  REQUIRE(tree.contains("/db/migrate"));
  CHECK(fault_of(tree, "db migrate --to 3 --database URL").empty());
  CHECK(fault_of(tree, "equipment T1 --watch").empty());
  CHECK(fault_of(tree, "dbc check \\| show \\| names").empty());
  CHECK(fault_of(tree, "db mend") == "`furrow/db` has no command mend");
  CHECK(fault_of(tree, "frames T1 --newest 5") == "`furrow/frames` has no option --newest");
  const auto found = hints();
  CHECK(found.size() > 100);
  for (const auto& [place, hint] : found)
    CHECK_MESSAGE(fault_of(tree, hint).empty(),
                  place << ": " << hint << ": " << fault_of(tree, hint));
}
