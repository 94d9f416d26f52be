// GCC 12 destroys twice what a lambda captures by value, or what a braced aggregate holds, when it is made inside a
// co_await expression. Such an object gets a name in the line before.
//
// Limits: reads the sources as text, from `co_await` to the end of its expression. The bodies of lambdas in it are
// not part of it. Library types have constructors and are not affected.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// The text with blanks for comments, and for what texts and characters contain.
std::string code_of(const std::string& text) {
  std::string out = text;
  const auto blank = [&](std::size_t from, std::size_t to) {
    for (auto i = from; i < to && i < out.size(); ++i)
      if (out[i] != '\n')
        out[i] = ' ';
  };
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + 1;
    if (text.compare(i, 2, "//") == 0) {
      end = std::min(text.find('\n', i), text.size());
      blank(i, end);
    } else if (text.compare(i, 2, "/*") == 0) {
      end = std::min(text.find("*/", i), text.size() - 2) + 2;
      blank(i, end);
    } else if (text.compare(i, 2, "R\"") == 0 && (i == 0 || !is_letter(text[i - 1]))) {
      const auto open = text.find('(', i);
      const auto close = ")" + text.substr(i + 2, open - i - 2) + "\"";
      end = std::min(text.find(close, open), text.size() - close.size()) + close.size();
      blank(i, end);
    } else if (text[i] == '"' || (text[i] == '\'' && (i == 0 || !is_letter(text[i - 1])))) {
      while (end < text.size() && text[end] != text[i])
        end += text[end] == '\\' ? 2 : 1;
      blank(i + 1, end);
      ++end;
    }
    i = end;
  }
  return out;
}

/// Where the expression that begins at `from` ends.
std::size_t end_of_expression(std::string_view code, std::size_t from) {
  int depth = 0;
  for (auto i = from; i < code.size(); ++i) {
    const char c = code[i];
    if (c == '(' || c == '[' || c == '{')
      ++depth;
    else if ((c == ')' || c == ']' || c == '}') && --depth < 0)
      return i;
    else if (c == ';' && depth == 0)
      return i;
  }
  return code.size();
}

/// The place after the bracket that closes the one at `open`.
std::size_t after_match(std::string_view code, std::size_t open) {
  return std::min(end_of_expression(code, open + 1) + 1, code.size());
}

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(" \n");
  if (from == std::string_view::npos)
    return {};
  return text.substr(from, text.find_last_not_of(" \n") + 1 - from);
}

bool captures_a_value(std::string_view captures) {
  for (std::size_t at = 0; at < captures.size();) {
    const auto end = std::min(end_of_expression(captures, at), captures.size());
    auto list = captures.substr(at, end - at);
    while (!list.empty()) {
      const auto comma = list.find(',');
      const auto one = trimmed(list.substr(0, comma));
      if (!one.empty() && one[0] != '&' && one != "this")
        return true;
      list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    }
    at = end + 1;
  }
  return false;
}

/// The name of the type before a brace; empty for a braced argument.
std::string_view type_before(std::string_view code, std::size_t brace) {
  auto from = brace;
  while (from > 0
         && (is_letter(code[from - 1]) || code[from - 1] == ':' || code[from - 1] == '<'
             || code[from - 1] == '>'))
    --from;
  return code.substr(from, brace - from);
}

bool has_constructors(std::string_view type) {
  return (type.starts_with("std::") && !type.starts_with("std::array")) || type == "pq_parameters";
}

/// What is wrong in one expression.
std::vector<std::string> faults_in(std::string_view code) {
  std::vector<std::string> faults;
  for (std::size_t i = 0; i < code.size(); ++i) {
    const auto before = trimmed(code.substr(0, i));
    const bool subscript =
      !before.empty() && (is_letter(before.back()) || before.back() == ')' || before.back() == ']');
    if (code[i] == '[' && !subscript) {
      const auto after = after_match(code, i);
      if (captures_a_value(code.substr(i + 1, after - i - 2)))
        faults.emplace_back("a lambda that captures a value");
      auto body = after;
      while (body < code.size() && code[body] != '{')
        body = code[body] == '(' ? after_match(code, body) : body + 1;
      i = body < code.size() ? after_match(code, body) - 1 : code.size();
    } else if (code[i] == '{') {
      const auto content = code.substr(i + 1, after_match(code, i) - i - 2);
      const auto type = type_before(code, i);
      if (!trimmed(content).empty() && !has_constructors(type))
        faults.push_back(std::string{type} + "{...}");
    }
  }
  return faults;
}

std::vector<std::string> faults_of(const std::string& text) {
  const auto code = code_of(text);
  constexpr std::string_view word = "co_await";
  std::vector<std::string> faults;
  for (auto at = code.find(word); at != std::string::npos; at = code.find(word, at + 1)) {
    const auto from = at + word.size();
    if ((at > 0 && is_letter(code[at - 1])) || is_letter(code[from]))
      continue;
    const auto line =
      1 + std::count(code.begin(), code.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    for (const auto& what :
         faults_in(std::string_view{code}.substr(from, end_of_expression(code, from) - from)))
      faults.push_back(std::to_string(line) + ": " + what);
  }
  return faults;
}

} // namespace

TEST_CASE("tree: nothing that GCC 12 destroys twice is made inside a co_await expression") {
  const fs::path root{FURROW_SOURCE_DIR};
  std::size_t files = 0;
  for (const auto* folder : {"storage", "tools", "tests"})
    for (const auto& entry : fs::recursive_directory_iterator{root / folder}) {
      const auto& path = entry.path();
      if ((path.extension() != ".cpp" && path.extension() != ".hpp")
          || path.filename() == "co_await_test.cpp")
        continue;
      ++files;
      std::ifstream in{path};
      std::ostringstream text;
      text << in.rdbuf();
      for (const auto& fault : faults_of(text.str()))
        CHECK_MESSAGE(false, path.string() << ":" << fault
                                           << " in a co_await expression: give it a name before");
    }
  CHECK(files > 300);
}

TEST_CASE("tree: the rule of co_await refuses what it is for, and nothing else") {
  for (const auto* bad :
       {"co_await f([x] { return x; });", "auto a = co_await f(1, [=](int) { return 1; });",
        "co_await f([s = std::move(s)] {});", "co_await f([&, copy] { g(); });",
        "co_await f([*this] {});", "co_await write(db, audit_row{0, who});",
        "if (co_await write({0, \"a\"}, b))", "co_await f(std::array<int, 2>{1, 2});",
        "co_await f(g(row{x}));"}) {
    CAPTURE(bad);
    CHECK(faults_of(bad).size() == 1);
  }
  for (const auto* good :
       {"co_await f([&] { return row{x}; });", "co_await f([this] { co_return; });",
        "co_await f([&a, &b](int x) -> task<int> { co_return row{a, b, x}; }, 1);",
        "co_await f(rows[1], all[i][j]);", "co_await f(pq_parameters{}.text(a));",
        "co_await f(std::string{\"a\"} + b); g(row{1});", "// co_await f(row{1});\n",
        "g(\"co_await f(row{1});\");", "for (;;) { co_await f(x); } g({1, 2});",
        "co_awaits(row{1});"}) {
    CAPTURE(good);
    CHECK(faults_of(good).empty());
  }
}
