/// The body of a record of a user's own kind as a part of an answer in JSON.
///
/// Shape: a body that every JSON parser reads as it is stays JSON (`encoding` "json"). Any other body is a string: the
///   stored text ("text"), or base64 where it is not UTF-8 ("base64"). Text also keeps numbers that a double cannot hold
///   (1e400, integers of 30 digits) digit by digit.
/// Errors: none; every sequence of bytes has a form.
/// Threads: pure functions.
/// Limits: a body nested deeper than own_body_depth_max stays text: a program that walks it must not exhaust its stack.
#pragma once

#include "tools/json/rows_json.hpp"

#include <string_view>

#include <nlohmann/json.hpp>

namespace furrow::http {

inline constexpr std::size_t own_body_depth_max = 64;

struct own_body {
  json_rows::json body;
  const char* encoding = "json";
};

[[nodiscard]] own_body to_own_body(std::string_view stored);

} // namespace furrow::http
