/// Hostile texts in every parameter of every route of the OpenAPI document, and in the bodies of what people write: the
/// answer is an answer or a problem, tells nothing of the inside, and the node goes on.
#include "tests/tools/furrowd/http/openapi_document.hpp"
#include "tests/tools/furrowd/http/stored_world.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cctype>
#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

const std::string square =
  R"({"type":"Polygon","coordinates":[[[8.4,49],[8.402,49],[8.402,49.0015],[8.4,49.0015],[8.4,49]]]})";

std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += std::isalnum(static_cast<unsigned char>(c)) != 0
             ? std::string{c}
             : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

const std::vector<std::string> texts{"'; drop table x; --",
                                     "x' or '1'='1",
                                     "\"><script>alert(1)</script>",
                                     "$(id)",
                                     "`id`; {{7*7}} ${jndi:x} %s%n",
                                     "../../etc/passwd",
                                     "%00",
                                     "-1",
                                     "99999999999999999999",
                                     "1e999",
                                     "NaN"};

/// As they stand in a target.
std::vector<std::string> hostile_values() {
  std::vector<std::string> out{"%00", "../../etc/passwd", "%ff%fe", "%c0%ae", "%ed%a0%80", "", "%"};
  for (const auto& text : texts)
    out.push_back(encoded(text));
  out.push_back(std::string(10'000, 'x'));
  out.push_back(std::string(100'000, 'x'));
  return out;
}

/// A value that the route takes, so that the hostile one beside it is looked at.
std::string plain_value(const std::string& name) {
  for (const auto& [known, value] :
       {std::pair{"equipment", "T1"}, std::pair{"name", "T1"}, std::pair{"kind", "yield"},
        std::pair{"signal", "EEC1.engine_speed"}, std::pair{"position", "8.4,49"},
        std::pair{"node", "n1"}, std::pair{"user", "T1"}})
    if (name == known)
      return value;
  return "1";
}

struct operation {
  std::string method;
  std::string path;
  std::vector<std::string> in_path;
  std::vector<std::string> in_query; // required ones first
  std::size_t required = 0;          // of the query
};

std::vector<operation> operations() {
  std::vector<operation> out;
  for (const auto& [path, item] : openapi()["paths"].items())
    for (const auto& [method, described] : item.items()) {
      if (method == "parameters")
        continue;
      operation one{method, path, {}, {}, 0};
      for (auto& c : one.method)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      auto parameters = item.value("parameters", json::array());
      for (const auto& more : described.value("parameters", json::array()))
        parameters.push_back(more);
      for (const auto& given : parameters) {
        const auto parameter = resolved(given);
        const auto name = parameter["name"].get<std::string>();
        if (parameter["in"] == "path") {
          one.in_path.push_back(name);
        } else if (parameter["in"] == "query" && parameter.value("required", false)) {
          one.in_query.insert(one.in_query.begin(), name);
          ++one.required;
        } else if (parameter["in"] == "query") {
          one.in_query.push_back(name);
        }
      }
      if (described.contains("x-role"))
        one.in_query.emplace_back("farm");
      out.push_back(std::move(one));
    }
  return out;
}

/// The target with one hostile value.
std::string target_of(const operation& of, const std::string& hostile, const std::string& value) {
  auto target = of.path;
  for (const auto& name : of.in_path) {
    const auto part = "{" + name + "}";
    target.replace(target.find(part), part.size(), name == hostile ? value : plain_value(name));
  }
  std::string query;
  for (std::size_t i = 0; i < of.in_query.size(); ++i) {
    const auto& name = of.in_query[i];
    if (i < of.required || name == hostile)
      query += (query.empty() ? "?" : "&") + name + "="
               + (name == hostile ? value : encoded(plain_value(name)));
  }
  return target + query;
}

/// What no client may learn from an error.
const std::vector<std::string> inside{"SQLSTATE",  "sqlite",  "SQLITE",      "syntax error",
                                      "near \\\"", "select ", "insert ",     "delete from",
                                      "furrow.",   "/tmp/",   "furrow-test", ".cpp",
                                      "root:x",    "std::",   "what():"};

void check_answer(const http_answer& answer, const std::string& where) {
  const bool not_kept =
    answer.status == 501 && answer.body.find("\"not_kept\"") != std::string::npos;
  CHECK_MESSAGE(answer.status >= 200, where);
  CHECK_MESSAGE((answer.status < 500 || not_kept), where << ": " << answer.status << answer.body);
  CHECK_MESSAGE(answer.complete, where);
  if (answer.status == 0)
    return;
  const auto type = answer.headers.find("content-type");
  if (answer.status >= 400) {
    const auto said = json::parse(answer.body, nullptr, false);
    REQUIRE_MESSAGE(said.is_object(), where << ": " << answer.body);
    REQUIRE_MESSAGE(type != answer.headers.end(), where);
    CHECK_MESSAGE(type->second == "application/problem+json", where);
    CHECK_MESSAGE(said["status"] == answer.status, where);
    for (const char* member : {"type", "title", "detail", "error"})
      CHECK_MESSAGE(said.contains(member), where << " lacks " << member);
    for (const auto& word : inside)
      CHECK_MESSAGE(answer.body.find(word) == std::string::npos, where << ": " << answer.body);
  } else if (type != answer.headers.end() && type->second == "application/json"
             && !answer.body.empty()) {
    CHECK_MESSAGE(json::accept(answer.body), where);
  }
  CHECK_MESSAGE(answer.headers.at("x-content-type-options") == "nosniff", where);
}

} // namespace

TEST_CASE("http injection: hostile texts in every parameter of every route are answered in order") {
  stored_world w;
  REQUIRE(w.ask("POST", "/api/v1/fields", R"({"name":"T1","boundary":)" + square + "}").status
          == 200);
  std::size_t tried = 0;
  std::size_t told = 0; // answers that are problems
  for (const auto& of : operations()) {
    // The live stream has no end.
    const auto method = of.path == "/api/v1/stream" ? "HEAD" : of.method;
    auto parameters = of.in_path;
    parameters.insert(parameters.end(), of.in_query.begin(), of.in_query.end());
    for (const auto& parameter : parameters)
      for (const auto& value : hostile_values()) {
        const auto target = target_of(of, parameter, value);
        const auto where = method + " " + target.substr(0, 200);
        auto answer = w.ask(method, target, method == "GET" || method == "HEAD" ? "" : "{}");
        ++tried;
        told += answer.status >= 400 ? 1U : 0U;
        if (method == "HEAD") {
          CHECK_MESSAGE((answer.status >= 200 && answer.status < 500), where);
          continue;
        }
        check_answer(answer, where);
        if (value.size() == 100'000)
          CHECK_MESSAGE(answer.status == 431, where);
        if (value.starts_with("%ff") || value.starts_with("%c0") || value.starts_with("%ed"))
          CHECK_MESSAGE(answer.status == 400, where);
      }
  }
  MESSAGE(tried << " requests, " << told << " of them refused");
  CHECK(tried > 1'000);
  CHECK(w.ask("GET", "/health").status == 200);
  CHECK(w.ask("GET", "/api/v1/fields/T1").status == 200);
  CHECK(w.ask("GET", "/api/v1/users").status == 200);
}

TEST_CASE("http injection: hostile texts in a body are kept as they are, or refused") {
  stored_world w;
  for (const auto& text : texts) {
    CAPTURE(text);
    json field{{"name", text}, {"crop", text}, {"boundary", json::parse(square)}};
    const auto made = w.ask("POST", "/api/v1/fields", field.dump());
    check_answer(made, "POST /api/v1/fields");
    if (made.status == 200) {
      const auto got = w.ask("GET", "/api/v1/fields/" + encoded(text));
      REQUIRE(got.status == 200);
      CHECK(json::parse(got.body)["crop"] == text);
      CHECK(w.ask("DELETE", "/api/v1/fields/" + encoded(text)).status == 200);
    }
    const json user{{"name", text}, {"role", "admin"}, {"farm", text}, {"title", text}};
    check_answer(w.ask("POST", "/api/v1/users", user.dump()), "POST /api/v1/users");
    const json token{{"name", text}, {"role", text}, {"expires", text}};
    check_answer(w.ask("POST", "/api/v1/tokens", token.dump()), "POST /api/v1/tokens");
    const json login{{"user", text}, {"password", text}};
    check_answer(w.ask("POST", "/api/v1/login", login.dump()), "POST /api/v1/login");
    const json machine{{"maker", text}, {"model", text}, {"attributes", {{text, text}}}};
    const auto changed = w.ask("PATCH", "/api/v1/equipment/T9", machine.dump());
    CHECK_MESSAGE(changed.status == 200, changed.body);
    CHECK(json::parse(changed.body)["model"] == text);
  }
  CHECK(w.ask("GET", "/health").status == 200);
  CHECK(w.ask("GET", "/api/v1/fields").status == 200);
}

TEST_CASE("http injection: bytes that are not UTF-8 are refused in bodies, and are not sent back") {
  stored_world w;
  for (const std::string bad :
       {"\xff", "\xc3\x28", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xc0\xaf"}) {
    const auto quoted = "\"a" + bad + "\"";
    for (const auto& [method, target, body] :
         {std::tuple{"POST", "/api/v1/fields",
                     "{\"name\":" + quoted + ",\"boundary\":" + square + "}"},
          std::tuple{"POST", "/api/v1/users", "{\"name\":" + quoted + ",\"role\":\"viewer\"}"},
          std::tuple{"POST", "/api/v1/tokens", "{\"name\":" + quoted + ",\"role\":\"viewer\"}"},
          std::tuple{"POST", "/api/v1/login", "{\"user\":" + quoted + ",\"password\":\"x\"}"},
          std::tuple{"PATCH", "/api/v1/equipment/T1", "{\"title\":" + quoted + "}"},
          std::tuple{"PATCH", "/api/v1/farm", "{" + quoted + ":1}"}}) {
      const auto answer = w.ask(method, target, body);
      CHECK_MESSAGE(answer.status == 400, method << " " << target);
      check_answer(answer, target);
      CHECK(answer.body.find(bad) == std::string::npos);
    }
  }
}

TEST_CASE("http injection: bytes that are not UTF-8 are refused in paths and queries") {
  stored_world w;
  for (const std::string bad :
       {"%ff", "%c3%28", "%ed%a0%80", "%f5%80%80%80", "%c0%af", "\xff", "\xc3("})
    for (const auto& target :
         {"/api/v1/equipment/T" + bad, "/api/v1/fields?prefix=" + bad,
          "/api/v1/fields?" + bad + "=1", "/" + bad, "/api/v1/frames?equipment=T1&farm=" + bad}) {
      const auto answer = w.ask("GET", target);
      CHECK_MESSAGE(answer.status == 400, target);
      check_answer(answer, target);
      CHECK(answer.body.find(bad) == std::string::npos);
    }
  CHECK(w.ask("GET", "/api/v1/equipment/T%C3%BC").status == 404); // a name with an umlaut is one
}
