/// The DBC files among the captures.
#pragma once

#include "can/dbc/file.hpp"
#include "tests/support/data.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace furrow::tests {

/// A file by its name, in any folder.
inline std::optional<std::filesystem::path> find_dbc(const std::string& name) {
  const auto beside = data_file("dbc/expected.dbc_expected.jsonl.gz");
  if (!beside)
    return std::nullopt;
  const auto root = beside->parent_path().parent_path();
  for (const auto* folder : {"dbc", "dbc/cantools", "dbc/opendbc", "n2k"})
    if (auto path = root / folder / name; std::filesystem::exists(path))
      return path;
  return std::nullopt;
}

inline can::dbc_file load_dbc(const std::filesystem::path& path) {
  const auto text = read_file(path);
  auto file = can::parse_dbc(text, path.filename().string());
  REQUIRE(file);
  return std::move(*file);
}

inline std::vector<std::uint8_t> bytes_of_hex(const std::string& hex) {
  std::vector<std::uint8_t> out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(static_cast<std::uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  return out;
}

} // namespace furrow::tests
