/// The OpenAPI document of this build.
#pragma once

#include "tools/furrowd/api/api.hpp"

#include <string>

#include <nlohmann/json.hpp>

namespace furrow::tests {

inline const nlohmann::json& openapi() {
  static const auto parsed = nlohmann::json::parse(http::openapi_document());
  return parsed;
}

/// What a reference points to; anything else as it is.
inline nlohmann::json resolved(nlohmann::json schema) {
  while (schema.contains("$ref"))
    schema =
      openapi().at(nlohmann::json::json_pointer{schema["$ref"].get<std::string>().substr(1)});
  return schema;
}

} // namespace furrow::tests
