/// Goal: every command of `furrow` that prints rows has the five formats, and every list can be watched.
///
/// Method: the completion script of the program names every command. Each must be in the table below, which says what it
///   prints, and with which words a test may run it. The rows of JSON, JSON lines and CSV must be the same number.
#include "storage/quarantine.hpp"
#include "tests/tools/furrow/cli_world.hpp"
#include "tests/tools/furrowd/http/stored_world.hpp"
#include "tools/config/settings_board.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::ordered_json;

namespace {

enum class prints : std::uint8_t {
  rows,    // a list: it can be watched
  answer,  // one object, or what a slow command has found
  nothing, // it changes something, and says so on standard error
  own,     // text in formats of its own
};

struct known_command {
  prints what;
  std::vector<std::string> words = {}; // after the command; "@": a database follows
  bool runs = true;                    // false: it needs PostgreSQL, a terminal or minutes
};

const std::map<std::string, known_command>& commands() {
  using enum prints;
  static const std::map<std::string, known_command> all{
    {"equipment", {rows}},
    {"equipment set", {answer, {"M1", "--kind", "baler"}}},
    {"equipment remove", {nothing}},
    {"equipment move", {answer, {}, false}},
    {"stream remove", {nothing}},
    {"watch", {own}},
    {"farm show", {answer}},
    {"farm update", {answer, {"--title", "Hof"}}},
    {"farm list", {rows, {}, false}},
    {"farm status", {answer, {}, false}},
    {"farm move", {nothing}},
    {"farm moves", {rows, {}, false}},
    {"field list", {rows}},
    {"field show", {answer, {"F1"}}},
    {"field add", {nothing}},
    {"field update", {nothing}},
    {"field remove", {nothing}},
    {"ledger", {rows, {"T1"}}},
    {"frames", {own}},
    {"telemetry", {rows, {"T1"}}},
    {"signals", {rows, {"T1"}}},
    {"records", {rows, {"T1", "--kind", "yield"}}},
    {"usage", {rows, {"T1"}, false}},
    {"faults", {rows}},
    {"quarantine list", {rows}},
    {"quarantine show", {answer, {"3:17"}}},
    {"quarantine retry", {nothing}},
    {"quarantine drop", {nothing}},
    {"gateways", {rows}},
    {"nodes", {rows}},
    {"nodes show", {answer, {"n1"}}},
    {"node drain", {answer, {}, false}},
    {"node undrain", {answer, {}, false}},
    {"node weight", {answer, {}, false}},
    {"site status", {rows, {}, false}},
    {"config show", {rows}},
    {"log show", {rows}},
    {"log level", {answer, {"info"}}},
    {"actors", {rows}},
    {"actors tree", {rows}},
    {"actors show", {answer, {"2"}}},
    {"actors kill", {nothing}},
    {"actors restart", {nothing}},
    {"db status", {rows, {"@"}}},
    {"db migrate", {answer, {"@"}}},
    {"db validate", {answer, {"@"}}},
    {"db backup", {nothing}},
    {"db restore", {nothing}},
    {"db copy", {nothing}},
    {"db seal", {answer, {}, false}},
    {"db stats", {answer, {"@"}}},
    {"db partitions", {answer, {}, false}},
    {"db audit", {rows, {"@"}}},
    {"db list", {rows, {}, false}},
    {"db add", {nothing}},
    {"db weight", {nothing}},
    {"db remove", {nothing}},
    {"front create", {nothing}},
    {"doctor", {answer, {}, false}},
    {"retention list", {rows, {"@"}}},
    {"retention set", {nothing}},
    {"retention clear", {nothing}},
    {"retention preview", {answer, {"@"}}},
    {"retention run", {answer, {"@"}}},
    {"archive export", {nothing}},
    {"archive import", {answer, {}, false}},
    {"archive check", {answer, {}, false}},
    {"archive cat", {own}},
    {"export signals", {own}},
    {"export telemetry", {own}},
    {"export frames", {own}},
    {"export faults", {own}},
    {"export yield", {own}},
    {"export sensor", {own}},
    {"export tokens", {own}},
    {"import", {answer, {}, false}},
    {"top", {own}},
    {"health", {rows}},
    {"check", {own}},
    {"report", {rows}},
    {"user list", {rows}},
    {"user show", {answer, {"anna"}}},
    {"user add", {answer, {}, false}},
    {"user set", {answer, {"anna", "--title", "Anna"}}},
    {"user disable", {answer, {}, false}},
    {"user enable", {answer, {}, false}},
    {"user password", {answer, {}, false}},
    {"user remove", {nothing}},
    {"token new", {answer, {}, false}},
    {"token list", {rows}},
    {"token revoke", {nothing}},
    {"login", {nothing}},
    {"logout", {nothing}},
    {"whoami", {answer}},
    {"context add", {nothing}},
    {"context use", {nothing}},
    {"context ls", {rows}},
    {"context show", {answer, {}, false}},
    {"context rm", {nothing}},
    {"audit", {rows}},
    {"bench ingest", {own}},
    {"bench query", {own}},
    {"bench connections", {own}},
    {"bench live", {own}},
    {"bench failover", {own}},
    {"bench decode", {own}},
    {"bench all", {own}},
    {"convert", {own}},
    {"dbc check", {own}},
    {"dbc load", {answer, {}, false}},
    {"dbc list", {rows, {"@"}}},
    {"dbc show", {own}},
    {"dbc diff", {answer, {"1", "2", "@"}}},
    {"dbc activate", {nothing}},
    {"dbc remove", {nothing}},
    {"dbc apply", {answer, {}, false}},
    {"decode", {own}},
    {"names", {own}},
    {"version", {answer}},
    {"completion", {own}},
  };
  return all;
}

/// Every command that can be called, with its options, as the completion script has them.
std::map<std::string, std::set<std::string>> completed() {
  const auto script = furrow_with({}, {"completion", "bash"}).out;
  std::map<std::string, std::set<std::string>> tree;
  std::istringstream lines{script};
  const std::regex entry{R"re(^    "([^":]*)"\) words="([^"]*)\$global.*$)re"};
  for (std::string line; std::getline(lines, line);)
    if (std::smatch found; std::regex_match(line, found, entry)) {
      std::istringstream words{found[2]};
      auto path = found[1].str();
      std::replace(path.begin(), path.end(), '/', ' ');
      tree[path.empty() ? path : path.substr(1)] = {std::istream_iterator<std::string>{words}, {}};
    }
  return tree;
}

struct every_world : stored_world {
  every_world() : stored_world{configured()} {
    REQUIRE(ask("POST", "/api/v1/fields",
                R"({"name":"F1","boundary":{"type":"Polygon",)"
                R"("coordinates":[[[8,49],[8.1,49],[8.1,49.1],[8,49]]]}})")
              .status
            == 200);
    node.database.telemetry = {{1'000'000, "idle", {}}, {2'000'000, "", {}}};
    node.database.record_rows = {{1, 1, 7, can::record_values(9)}};
    node.database.quarantined = {
      {"default", "T1", {3, 17}, 5, can::record_kind_yield, "bad", 2, "{}"}};
    node.database.bus_faults = {
      {"default", "T1", "can0", 0, 0xA000000000000007, 110, 0, 1, 2, {}, 1, 3, "amber"}};
    for (const std::string name : {"a", "b"})
      REQUIRE(ask("POST", "/api/v1/dbc?name=" + name + ".dbc",
                  "VERSION \"\"\nBO_ 100 M: 8 X\n SG_ " + name + " : 0|8@1+ (1,0) [0|0] \"\" X\n")
                .status
              == 201);
    storage::user_row user;
    user.key = {"", "anna"};
    user.role = "admin";
    std::promise<bool> added;
    storage::identities_of(*store)->add_user(user, "", false, {"test", ""}, [&](const auto& said) {
      added.set_value(said && said->refused == storage::identity_refusal::none);
    });
    REQUIRE(added.get_future().get());
  }
  static http::http_config configured() {
    config::in_force values;
    values.settings = {{"lanes", config::layer::flag, "--lanes", {"2"}}};
    const auto board = std::make_shared<config::settings_board>();
    board->show(values);
    http::http_config with;
    with.settings = board;
    return with;
  }
  [[nodiscard]] program_result run(const std::string& command,
                                   const std::vector<std::string>& words,
                                   const std::string& format,
                                   const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all;
    std::istringstream path{command};
    for (std::string word; path >> word;)
      all.push_back(word);
    for (const auto& word : words)
      if (word == "@")
        all.insert(all.end(), {"--database", "sqlite:" + folder.file("stored.db")});
      else
        all.push_back(word);
    all.insert(all.end(), {"-o", format});
    all.insert(all.end(), more.begin(), more.end());
    return furrow_with({{{"FURROW_AT", front->url()}, {"XDG_CONFIG_HOME", folder.file("config")}}},
                       all);
  }
};

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// Rows of a CSV text: line ends outside of quotes, without the header.
std::size_t csv_rows(const std::string& text) {
  bool quoted = false;
  std::size_t rows = 0;
  for (const char c : text) {
    quoted = quoted != (c == '"');
    rows += c == '\n' && !quoted ? 1 : 0;
  }
  return rows == 0 ? 0 : rows - 1;
}

} // namespace

TEST_CASE("furrow: every command is known here, and every list has --watch and --times") {
  const auto tree = completed();
  REQUIRE(tree.size() > 80);
  std::set<std::string> seen;
  for (const auto& [path, options] : tree) {
    const bool is_group = std::any_of(tree.begin(), tree.end(), [&path = path](const auto& one) {
      return path.empty() || one.first.starts_with(path + " ");
    });
    const auto known = commands().find(path);
    if (known == commands().end()) {
      CHECK_MESSAGE(is_group, "what does `furrow " << path << "` print? add it to this table");
      continue;
    }
    seen.insert(path);
    if (known->second.what == prints::rows)
      CHECK_MESSAGE((options.contains("--watch") && options.contains("--times")),
                    "`furrow " << path << "` is a list that cannot be watched");
    else
      CHECK_MESSAGE(!options.contains("--watch"), path);
  }
  for (const auto& [path, known] : commands())
    CHECK_MESSAGE(seen.contains(path), "there is no `furrow " << path << "`");
}

TEST_CASE("furrow -o: every command that prints rows has them in all five formats") {
  const every_world w;
  for (const auto& [path, known] : commands()) {
    if (!known.runs || known.what == prints::nothing || known.what == prints::own)
      continue;
    CAPTURE(path);
    const auto printed = [&](const std::string& format) {
      const auto said = w.run(path, known.words, format);
      CHECK_MESSAGE(said.exit_code == 0, format << ": " << said.errors);
      return said.out;
    };
    const auto whole = ordered_json::parse(printed("json"), nullptr, false);
    CHECK((whole.is_object() || whole.is_array()));
    const auto lines = printed("jsonl");
    CHECK(lines_in(lines) == (whole.is_array() ? whole.size() : 1));
    std::istringstream in{lines};
    for (std::string line; std::getline(in, line);)
      CHECK_FALSE(ordered_json::parse(line, nullptr, false).is_discarded());
    const auto csv = printed("csv");
    if (whole.is_array())
      CHECK(csv_rows(csv) == whole.size());
    else
      CHECK(csv.find("\r\n") != std::string::npos);
    const auto narrow = w.run(path, known.words, "table");
    CHECK(narrow.exit_code == 0);
    if (!whole.empty()) { // a table without rows is a sentence
      CHECK(lines_in(narrow.out) + lines_in(narrow.errors) >= 1);
      CHECK(printed("wide").size() >= narrow.out.size());
    }
  }
}

TEST_CASE("furrow --watch: every list gives its JSON lines again and again") {
  const every_world w;
  for (const auto& [path, known] : commands()) {
    if (!known.runs || known.what != prints::rows)
      continue;
    CAPTURE(path);
    const auto once = w.run(path, known.words, "jsonl");
    const auto twice = w.run(path, known.words, "jsonl", {"--watch=50ms", "--times", "2"});
    CHECK_MESSAGE(twice.exit_code == 0, twice.errors);
    CHECK(lines_in(twice.out) == 2 * lines_in(once.out));
  }
}
