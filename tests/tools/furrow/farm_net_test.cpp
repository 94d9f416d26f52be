// With a token for every farm a person names the farm: --farm, FURROW_FARM, or a line that says which farm was asked.
#include "tests/tools/furrow/cli_world.hpp"
#include "tests/tools/furrowd/http/stored_world.hpp"
#include "tests/tools/furrowd/http/tokens.hpp"

#include <nlohmann/json.hpp>

using namespace furrow::tests;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct farms_world {
  cli_world world{
    with_tokens({{"node", "role = \"operator\"\nfarm = \"*\""}, {"viewer", "role = \"viewer\""}})};

  template <class... Words>
  program_result as(const std::string& token, Words... words) {
    return furrow_with({{{"FURROW_AT", world.front.url()}, {"FURROW_TOKEN", token}}}, {words...});
  }
};

const std::string asked_default = "furrow: this token is for every farm, and the farm default was "
                                  "asked: --farm NAME or FURROW_FARM names another\n";

} // namespace

TEST_CASE("furrow --farm: names the farm that a token for every farm asks about") {
  farms_world w;
  const auto hill = good(w.as("node", "equipment", "--farm", "hill", "-o", "json"));
  CHECK(has(hill, "H1"));
  CHECK_FALSE(has(hill, "T1"));
  CHECK(has(good(w.as("node", "--farm", "hill", "quarantine", "list", "-o", "json")), "[]"));
  const auto environment = furrow_with(
    {{{"FURROW_AT", w.world.front.url()}, {"FURROW_TOKEN", "node"}, {"FURROW_FARM", "hill"}}},
    {"equipment", "-o", "json"});
  CHECK(has(good(environment), "H1"));
  CHECK(has(good(w.as("node", "equipment", "--farm", "default", "-o", "json")), "T1"));
  CHECK(good(w.as("node", "health", "--farm", "hill")) != ""); // of the node: no farm is sent
}

TEST_CASE("furrow: one line says which farm was asked when a token for every farm names none") {
  farms_world w;
  const auto list = w.as("node", "equipment", "-o", "json");
  CHECK(list.exit_code == 0);
  CHECK(has(list.out, "T1"));
  CHECK(list.errors == asked_default);
  const auto pages = w.as("node", "quarantine", "list", "-o", "json");
  CHECK(pages.exit_code == 0);
  CHECK(pages.errors == asked_default);
  const auto missing = bad(w.as("node", "equipment", "H1"), 4);
  CHECK(has(missing, "the farm default was asked: --farm NAME"));
  // What is of the node needs no farm, and a token of one farm has one.
  CHECK(w.as("node", "report").errors.find("every farm") == std::string::npos);
  CHECK(w.as("viewer", "equipment", "-o", "json").errors.empty());
  CHECK(
    has(bad(w.as("viewer", "equipment", "--farm", "hill"), 1), "this token is for another farm"));
}

TEST_CASE("furrow --farm: nothing is assumed of a node without tokens") {
  cli_world world;
  CHECK(has(good(world("equipment", "-o", "json")), "T1"));
  CHECK(has(good(world("equipment", "--farm", "hill", "-o", "json")), "H1"));
}

// Symptom: an error named PATCH, which nobody types at a command line.
TEST_CASE("furrow: what a node refuses is told in words of the command line, not of HTTP") {
  stored_world w;
  const auto furrow = [&](std::vector<std::string> words) {
    return furrow_with({{{"FURROW_AT", w.front->url()}}}, std::move(words));
  };
  const auto field = w.folder.write(
    "f.geojson", R"({"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":)"
                 R"([[[8.5,49.1],[8.6,49.1],[8.6,49.2],[8.5,49.1]]]}})");
  const auto crossed = w.folder.write(
    "x.geojson", R"({"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":)"
                 R"([[[8.5,49.1],[8.6,49.2],[8.6,49.1],[8.5,49.2],[8.5,49.1]]]}})");
  good(furrow({"field", "add", field, "--name", "Hill"}));
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"field", "add", field, "--name", "Hill"},
         {"field", "add", crossed, "--name", "Cross"},
         {"field", "update", "Hill", "--crop", "rye", "--version", "99"},
         {"field", "update", "Nowhere", "--crop", "rye"},
         {"field", "update", "Hill", "--crop", std::string(5'000, 'x')},
         {"field", "remove", "Nowhere"},
         {"field", "remove", "Hill", "--version", "99"},
         {"equipment", "set", "T99", "--title", "x"},
         {"farm", "update", "--time-zone", "Nowhere/Town"},
         {"user", "show", "nobody"},
         {"dbc", "show", "77"}}) {
    CAPTURE(words);
    const auto refused = furrow(words);
    CHECK(refused.exit_code != 0);
    CAPTURE(refused.errors);
    CHECK_FALSE(refused.errors.empty());
    for (const auto* word : {"PATCH", "POST", "PUT", "DELETE", "GET", "HTTP", "/api/"})
      CHECK_FALSE(has(refused.errors, word));
  }
}
