// docs/operations/logs.md lists every event of the log, with its module: no line has an event that is not listed, and no
// event is listed that no line has.
//
// Limits: reads the sources as text: calls of the log, and of uplink_protocol::say and spooler's warn, which pass events
// on.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace {

namespace fs = std::filesystem;
using names = std::set<std::string>;

std::string text_of(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  REQUIRE_MESSAGE(in.is_open(), path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void collect(const std::string& text, const std::regex& pattern, const auto& each) {
  for (std::sregex_iterator at{text.begin(), text.end(), pattern}; at != std::sregex_iterator{};
       ++at)
    each(*at);
}

/// What a source logs, each as `MODULE EVENT`.
names events_of(const std::string& source) {
  static const std::regex call{
    R"(log::(?:debug|info|warn|error|critical)\(\s*log::(\w+),\s*\{?"(\w+)\")"};
  static const std::regex said{R"(\bsay\([^";]*level::\w+,\s*"(\w+)\")"};
  static const std::regex warned{R"(on_\.warn\(\s*"(\w+)\")"};
  names out;
  collect(source, call, [&](const auto& found) { out.insert(found.str(1) + " " + found.str(2)); });
  collect(source, said, [&](const auto& found) { out.insert("uplink " + found.str(1)); });
  collect(source, warned, [&](const auto& found) { out.insert("spool " + found.str(1)); });
  return out;
}

/// The rows of the table, `| MODULE | EVENT | ...`.
names listed_events(const std::string& page) {
  static const std::regex row{R"(\n\| `(\w+)` \| `(\w+)` \|)"};
  names out;
  collect(page, row, [&](const auto& found) { out.insert(found.str(1) + " " + found.str(2)); });
  return out;
}

} // namespace

TEST_CASE("tree: the events of the log and their table in docs/operations/logs.md are the same") {
  const fs::path root = FURROW_SOURCE_DIR;
  names logged{"node lines_left_out", "node lines_lost", "node failed"}; // made in actors/log
  for (const auto* folder : {"actors", "tools"})
    for (const auto& entry : fs::recursive_directory_iterator{root / folder}) {
      const auto& path = entry.path();
      if (path.extension() != ".cpp" && path.extension() != ".hpp")
        continue;
      if (path.parent_path() == root / "actors/log")
        continue;
      const auto source = text_of(path);
      CHECK_MESSAGE(source.find("spdlog") == std::string::npos,
                    path << ": log with actors/log/log.hpp, so that the line has its event");
      const bool logs =
        source.find("log::") != std::string::npos || source.find("on_.warn(") != std::string::npos;
      if (logs) // the search takes long, and most files do not
        logged.merge(events_of(source));
    }
  const auto listed = listed_events(text_of(root / "docs/operations/logs.md"));
  for (const auto& one : logged)
    CHECK_MESSAGE(listed.count(one) == 1, "docs/operations/logs.md does not list: " << one);
  for (const auto& one : listed)
    CHECK_MESSAGE(logged.count(one) == 1, "no source logs: " << one);
  CHECK(logged.size() > 40); // it looked
}

TEST_CASE("tree: the modules of the log and their table in docs/operations/logs.md are the same") {
  const fs::path root = FURROW_SOURCE_DIR;
  const auto source = text_of(root / "actors/log/levels.cpp");
  const auto from = source.find("module_names{");
  REQUIRE(from != std::string::npos);
  names known;
  collect(source.substr(from, source.find("};", from) - from), std::regex{R"re("(\w+)")re"},
          [&](const auto& found) { known.insert(found.str(1)); });
  const auto page = text_of(root / "docs/operations/logs.md");
  const auto begin = page.find("\n## Modules\n");
  const auto end = page.find("\n## Events\n");
  REQUIRE(begin < end);
  REQUIRE(end != std::string::npos);
  names listed;
  collect(page.substr(begin, end - begin), std::regex{R"(\n\| `(\w+)` \|)"},
          [&](const auto& found) { listed.insert(found.str(1)); });
  for (const auto& one : known)
    CHECK_MESSAGE(listed.count(one) == 1, "docs/operations/logs.md does not list: " << one);
  CHECK(listed.size() == known.size());
}

TEST_CASE("tree: the search for events of the log finds them in every form of a call") {
  CHECK(events_of("  log::info(log::node, \"a\", {}, \"b\");") == names{"node a"});
  CHECK(events_of("log::warn(\n    log::store, {\"b_c\", log::many},") == names{"store b_c"});
  CHECK(events_of("say(is_new ? level::warning : level::debug, \"d\", text);")
        == names{"uplink d"});
  CHECK(events_of("on_.warn(\"e\", text)") == names{"spool e"});
  CHECK(listed_events("\n| `node` | `a` | b |\n| x | `y` |\n") == names{"node a"});
}
