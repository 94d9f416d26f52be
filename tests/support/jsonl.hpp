/// Expected decodes: files with one JSON value per line, gzipped or not.
#pragma once

#include "tests/support/data.hpp"

#include <doctest/doctest.h>

#include <zlib.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::tests {

/// The whole text of a file, unpacked when it is gzipped.
inline std::string read_gz(const std::filesystem::path& path) {
  auto* file = gzopen(path.c_str(), "rb");
  REQUIRE(file != nullptr);
  std::string text;
  std::vector<char> chunk(1U << 16U);
  int got = 0;
  while ((got = gzread(file, chunk.data(), static_cast<unsigned>(chunk.size()))) > 0)
    text.append(chunk.data(), static_cast<std::size_t>(got));
  REQUIRE(got == 0);
  gzclose(file);
  return text;
}

/// Python writes numbers that JSON does not have; they become strings.
inline std::string without_infinity(std::string line) {
  for (const auto& [from, to] : {std::pair{":-Infinity", ":\"-inf\""},
                                 std::pair{":Infinity", ":\"inf\""}, std::pair{":NaN", ":\"nan\""}})
    for (auto at = line.find(from); at != std::string::npos; at = line.find(from, at))
      line.replace(at, std::string_view{from}.size(), to);
  return line;
}

/// Calls `each(row)` for every line.
template <class F>
void for_each_json_line(const std::filesystem::path& path, F each) {
  std::istringstream lines{read_gz(path)};
  for (std::string line; std::getline(lines, line);)
    if (!line.empty())
      each(nlohmann::json::parse(without_infinity(line)));
}

} // namespace furrow::tests
