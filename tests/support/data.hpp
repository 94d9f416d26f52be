/// The folder of the real captures: FURROW_DATA, or ../shared/data beside the checkout. Without it a
/// test reports this and passes.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace furrow::tests {

inline std::optional<std::filesystem::path> data_file(const std::string& name) {
  const char* given = std::getenv("FURROW_DATA");
  const auto root = given != nullptr
                      ? std::filesystem::path{given}
                      : std::filesystem::path{FURROW_SOURCE_DIR} / ".." / "shared" / "data";
  auto path = root / name;
  if (std::filesystem::exists(path))
    return path;
  MESSAGE("not here, so not tested: " << name << " (set FURROW_DATA to the folder of captures)");
  return std::nullopt;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

} // namespace furrow::tests
