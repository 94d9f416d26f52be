#include "tools/furrowd/api/bodies/own_body.hpp"

#include <doctest/doctest.h>

#include <string>

using furrow::http::own_body_depth_max;
using furrow::http::to_own_body;

namespace {

std::string form(std::string_view stored) {
  const auto made = to_own_body(stored);
  return std::string{made.encoding} + " " + made.body.dump(); // dump throws on invalid UTF-8
}

} // namespace

TEST_CASE("own body: JSON stays JSON") {
  for (const char* body :
       {"{}", R"({"a":1,"b":[true,null,"x"]})", R"({"a":-1.5e-3})", "[]", "null",
        R"({"a":18446744073709551615})", R"({"a":0.1234567890123456})", R"({"a":"\u0000"})",
        R"({"a":0.0000000000000000000001})", R"({"a":0e0})"})
    CHECK_MESSAGE(std::string{to_own_body(body).encoding} == "json", body);
  CHECK(form(R"({"a":1,"b":[true]})") == R"(json {"a":1,"b":[true]})");
}

TEST_CASE("own body: numbers that a double cannot hold keep their digits, as text") {
  for (const std::string body :
       {R"({"a":1e400})", R"({"a":-1e-400})", R"({"a":123456789012345678901234567890})",
        R"({"a":18446744073709551616})", R"({"a":0.12345678901234567890})",
        R"({"a":[1,{"b":1e999}]})"}) {
    const auto made = to_own_body(body);
    CHECK_MESSAGE(std::string{made.encoding} == "text", body);
    CHECK(made.body == body);
  }
}

TEST_CASE("own body: what is not JSON is text, and what is not text is base64") {
  CHECK(form("") == "text \"\"");
  CHECK(form("{\"a\":1") == "text \"{\\\"a\\\":1\"");
  CHECK(form("{\"a\":NaN}").starts_with("text "));
  CHECK(form("{\"a\":\"\\ud800\"}").starts_with("text "));
  CHECK(form("{\"a\":\"\xFF\"}") == "base64 \"eyJhIjoi/yJ9\"");
  CHECK(form(std::string_view{"\0\x80", 2}) == "base64 \"AIA=\"");
}

TEST_CASE("own body: what is nested too deeply for a stack stays text") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(std::string{to_own_body(nested(own_body_depth_max)).encoding} == "json");
  CHECK(std::string{to_own_body(nested(own_body_depth_max + 1)).encoding} == "text");
  CHECK(form(nested(30'000)).starts_with("text "));
}
