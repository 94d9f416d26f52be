/// Any bytes as a configuration file: values with places in the text, or one line that begins with its place.
#include "tests/fuzz/fuzz_target.hpp"
#include "tools/config/toml_file.hpp"

#include <algorithm>
#include <cstdlib>

FUZZ_TARGET(toml) {
  using namespace furrow::config;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto lines = static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  const auto values = parse_toml(text, "fuzz");
  if (!values) {
    const auto& line = values.error().detail;
    if (line.rfind("fuzz:", 0) != 0 || line.find('\n') != std::string::npos)
      std::abort();
    return 0;
  }
  for (const auto& one : *values)
    if (one.key_at.line == 0 || one.key_at.line > lines || one.at.line < one.key_at.line
        || (one.texts.empty() && !one.is_list))
      std::abort();
  return 0;
}
