#include "storage/farm/json_check.hpp"

namespace furrow::storage {

std::optional<nlohmann::json>
parse_json(std::string_view text, std::size_t bytes_max, std::string& fault) {
  if (text.size() > bytes_max) {
    fault = "has " + std::to_string(text.size()) + " bytes";
    return std::nullopt;
  }
  using event = nlohmann::json::parse_event_t;
  bool too_deep = false;
  bool has_nul = false;
  // Levels beyond json_depth_max are dropped, so that no later walk over the value goes deeper.
  const auto keep = [&](int depth, event what, nlohmann::json& parsed) {
    const bool opens = what == event::object_start || what == event::array_start;
    too_deep = too_deep || (opens && depth >= json_depth_max);
    const bool names = what == event::key || what == event::value;
    has_nul = has_nul
              || (names && parsed.is_string()
                  && parsed.get_ref<const std::string&>().find('\0') != std::string::npos);
    return !too_deep;
  };
  std::optional<nlohmann::json> value;
  try {
    value = nlohmann::json::parse(text, keep);
  } catch (const nlohmann::json::parse_error& error) {
    fault = "is not JSON: error at byte " + std::to_string(error.byte);
  } catch (const nlohmann::json::exception&) {
    fault = "holds a number beyond the range of a double"; // 1e400
  }
  if (too_deep)
    fault = "nests deeper than " + std::to_string(json_depth_max);
  else if (value && has_nul)
    fault = "holds a NUL character";
  else
    return value;
  return std::nullopt;
}

} // namespace furrow::storage
