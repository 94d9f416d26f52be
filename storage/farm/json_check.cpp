#include "storage/farm/json_check.hpp"

#include <algorithm>
#include <exception>

namespace furrow::storage {

namespace {

/// How deep brackets nest, outside of strings.
int depth_of(std::string_view text) {
  int depth = 0;
  int most = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      most = std::max(most, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return most;
}

bool has_nul(const nlohmann::json& value) {
  if (value.is_string())
    return value.get_ref<const std::string&>().find('\0') != std::string::npos;
  if (value.is_object())
    return std::any_of(value.items().begin(), value.items().end(), [](const auto& item) {
      return item.key().find('\0') != std::string::npos || has_nul(item.value());
    });
  return value.is_array() && std::any_of(value.begin(), value.end(), has_nul);
}

} // namespace

std::optional<nlohmann::json>
parse_json(std::string_view text, std::size_t bytes_max, std::string& fault) {
  if (text.size() > bytes_max) {
    fault = "has " + std::to_string(text.size()) + " bytes";
    return std::nullopt;
  }
  if (depth_of(text) > json_depth_max) {
    fault = "nests deeper than " + std::to_string(json_depth_max);
    return std::nullopt;
  }
  try {
    auto value = nlohmann::json::parse(text);
    if (!has_nul(value))
      return value;
    fault = "holds a NUL character";
  } catch (const nlohmann::json::parse_error& error) {
    fault = "is no JSON: error at byte " + std::to_string(error.byte);
  } catch (const nlohmann::json::exception&) {
    fault = "holds a number that no double can be"; // 1e400
  }
  return std::nullopt;
}

} // namespace furrow::storage
