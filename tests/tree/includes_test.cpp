// Rules that no compiler holds: who may include whom, how headers begin, no names of machines. Reads includes as text.
#include "tests/tree/rooms.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;
using furrow::tests::rooms;

struct include {
  std::string name;
  bool quoted = false;
};

/// What a line includes; empty when it does not.
include include_of(std::string_view line) {
  const auto hash = line.find_first_not_of(" \t");
  if (hash == std::string_view::npos || line[hash] != '#')
    return {};
  const auto word = line.find_first_not_of(" \t", hash + 1);
  if (word == std::string_view::npos || line.substr(word, 7) != "include")
    return {};
  const auto open = line.find_first_of("<\"", word);
  if (open == std::string_view::npos)
    return {};
  const auto close = line.find_first_of(">\"", open + 1);
  return {std::string{line.substr(open + 1, close - open - 1)}, line[open] == '"'};
}

bool is_source(const fs::path& path) {
  return path.extension() == ".hpp" || path.extension() == ".cpp";
}

/// First folder of a path from the root.
std::string folder_of(const std::string& path) {
  return path.substr(0, path.find('/'));
}

/// The folders that a folder may include from; tests/ may from all of them.
std::set<std::string> below(const std::string& folder) {
  static const std::map<std::string, std::set<std::string>> all{
    {"can", {"can"}},
    {"proto", {"can", "proto"}},
    {"storage", {"can", "storage"}},
    {"actors", {"can", "proto", "storage", "actors"}},
    {"tools", {"can", "proto", "storage", "actors", "tools"}},
    {"tests", {"can", "proto", "storage", "actors", "tools", "tests"}}};
  return all.at(all.contains(folder) ? folder : "tests");
}

/// The folder of a file, or the file itself where the table names it.
std::string room_of(const std::string& file) {
  return rooms.count(file) != 0 ? file : file.substr(0, file.rfind('/'));
}

/// Whether an include goes up inside a folder.
std::string room_fault_of(const std::string& file, const std::string& included) {
  const auto from = room_of(file);
  const auto to = room_of(included);
  if (from == to || folder_of(file) != folder_of(included) || folder_of(file) == "tests")
    return {};
  const auto known = rooms.find(from);
  if (known == rooms.end())
    return "the room " + from + " is not in the table of rooms";
  return known->second.count(to) != 0 ? std::string{} : from + " may not see the room " + to;
}

struct fence {
  std::string_view header; // what an include starts with
  std::vector<std::string_view> allowed;
};

/// A library that only some folders know.
const std::array<fence, 7> fences{{
  {"caf/", {"actors/", "tests/"}},
  {"libpq", {"storage/postgres/", "storage/bench/", "storage/move/", "tests/"}},
  {"sqlite3",
   {"storage/sqlite/", "storage/bench/", "storage/move/", "tools/furrow-edge/spool/", "tests/"}},
  {"google/protobuf/", {"proto/", "tests/proto/"}},
  {"furrow.pb.h", {"proto/", "tests/proto/"}},
  {"link.pb.h", {"proto/", "tests/proto/"}},
  {"ncurses", {"tools/furrow/top/"}},
}};

/// Headers that the build makes from the messages.
bool is_generated(const std::string& header) {
  return header == "furrow.pb.h" || header == "link.pb.h" || header == "console_files.inc";
}

/// Headers of the standard library have neither a dot nor a slash in their names.
bool is_standard(const include& what) {
  return !what.quoted && what.name.find_first_of("./") == std::string::npos;
}

/// What is wrong with an include of a file (named from the root); empty when nothing is.
std::string fault_of(const std::string& file, const include& what) {
  const auto folder = folder_of(file);
  for (const auto& [header, allowed] : fences)
    if (what.name.starts_with(header)
        && std::none_of(allowed.begin(), allowed.end(),
                        [&](auto place) { return file.starts_with(place); }))
      return what.name + " is fenced off from here";
  if (is_generated(what.name))
    return {}; // generated
  if (what.quoted && below(folder).count(folder_of(what.name)) == 0)
    return folder + " may not see " + what.name;
  if (auto fault = what.quoted ? room_fault_of(file, what.name) : std::string{}; !fault.empty())
    return fault;
  if (folder == "can" && !what.quoted && !is_standard(what) && what.name != "utf8.h")
    return "can/ knows only the standard library and utfcpp, not " + what.name;
  return {};
}

class tree {
public:
  tree() {
    for (const auto* folder :
         {"can", "proto", "storage", "actors", "tools", "tests", "deploy", "docs"}) {
      if (!fs::exists(root_ / folder))
        continue;
      for (const auto& entry : fs::recursive_directory_iterator{root_ / folder})
        if (entry.is_regular_file() && !fs::is_symlink(entry.path())
            && entry.path().string().find("/node_modules/") == std::string::npos)
          files_.push_back(fs::relative(entry.path(), root_).generic_string());
    }
    for (const auto& entry : fs::directory_iterator{root_})
      if (entry.is_regular_file() && entry.path().filename() != ".git") // a worktree's pointer
        files_.push_back(entry.path().filename().string());
    std::sort(files_.begin(), files_.end());
  }

  [[nodiscard]] const std::vector<std::string>& files() const { return files_; }
  [[nodiscard]] std::vector<std::string> sources() const {
    std::vector<std::string> out;
    std::copy_if(files_.begin(), files_.end(), std::back_inserter(out),
                 [](const auto& file) { return is_source(file); });
    return out;
  }
  [[nodiscard]] std::string read(const std::string& file) const {
    std::ifstream in{root_ / file, std::ios::binary};
    REQUIRE(in.is_open());
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  [[nodiscard]] bool has(const std::string& file) const { return fs::exists(root_ / file); }

private:
  fs::path root_ = FURROW_SOURCE_DIR;
  std::vector<std::string> files_;
};

/// Calls `each(number, line)` for the lines of a text, from 1.
template <class Each>
void for_each_line(const std::string& text, Each each) {
  std::istringstream in{text};
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number)
    each(number, line);
}

/// Where people work, and where programs do on one machine only. In two halves: this file is read,
/// too.
const std::array<std::string, 6> workplaces{"/wo"
                                            "rk/",
                                            "/ho"
                                            "me/",
                                            "/ro"
                                            "ot/",
                                            "/Us"
                                            "ers/",
                                            "/wt"
                                            "-",
                                            "C:\\Us"
                                            "ers"};

/// The workplace that a line names by an absolute path; the same word inside a longer path or a URL is none.
std::string workplace_in(const std::string& line) {
  const auto is_word = [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-' || c == '.';
  };
  for (const auto& place : workplaces)
    for (auto at = line.find(place); at != std::string::npos; at = line.find(place, at + 1))
      if (at == 0 || !is_word(line[at - 1]))
        return place;
  return {};
}

/// The first line of a header that is not empty and the fault of its opening; empty when sound.
std::string header_fault(const std::string& text) {
  if (!text.starts_with("/// "))
    return "does not begin with a /// comment that says what it owns";
  bool once = false;
  std::string fault = "has no #pragma once";
  for_each_line(text, [&](std::size_t, const std::string& line) {
    if (once)
      return;
    if (line == "#pragma once") {
      once = true;
      fault.clear();
    } else if (!line.empty() && !line.starts_with("//") && fault == "has no #pragma once") {
      fault = "has something before #pragma once: " + line;
      once = true;
    }
  });
  return fault;
}

} // namespace

TEST_CASE("tree: every include goes down the folders, and a library stays behind its fence") {
  const tree tree;
  std::size_t seen = 0;
  for (const auto& file : tree.sources())
    for_each_line(tree.read(file), [&](std::size_t number, const std::string& line) {
      const auto what = include_of(line);
      if (what.name.empty())
        return;
      ++seen;
      const auto fault = fault_of(file, what);
      CHECK_MESSAGE(fault.empty(), file << ":" << number << ": " << fault);
    });
  CHECK(seen > 1'000); // it looked
}

TEST_CASE("tree: a room holds at most 30 sources") {
  std::map<std::string, std::size_t> held;
  for (const auto& file : tree{}.sources())
    ++held[file.substr(0, file.rfind('/'))];
  for (const auto& [room, files] : held)
    CHECK_MESSAGE(files <= 30, room << " holds " << files << " sources: divide it");
  CHECK(held.size() > 50); // it looked
}

TEST_CASE("tree: what the actors decide is compiled without any header of CAF") {
  const tree tree;
  const auto list = tree.read("actors/CMakeLists.txt");
  const auto from = list.find("add_library(furrow_decisions");
  REQUIRE(from != std::string::npos);
  std::istringstream words{list.substr(from, list.find(')', from) - from)};
  std::vector<std::string> open; // to be read
  for (std::string word; words >> word;)
    if (is_source(word))
      open.push_back("actors/" + word);
  CHECK(open.size() >= 5);
  std::set<std::string> seen;
  while (!open.empty()) {
    const auto file = open.back();
    open.pop_back();
    if (!seen.insert(file).second)
      continue;
    for_each_line(tree.read(file), [&](std::size_t number, const std::string& line) {
      const auto what = include_of(line);
      CHECK_MESSAGE(!what.name.starts_with("caf/"), file << ":" << number << ": " << what.name);
      if (what.quoted && !is_generated(what.name))
        open.push_back(what.name);
    });
  }
}

TEST_CASE("tree: a quoted include is named from the root and is there") {
  const tree tree;
  for (const auto& file : tree.sources())
    for_each_line(tree.read(file), [&](std::size_t number, const std::string& line) {
      const auto what = include_of(line);
      if (what.quoted && !is_generated(what.name))
        CHECK_MESSAGE(tree.has(what.name), file << ":" << number << ": no file " << what.name);
    });
}

TEST_CASE("tree: the rules of includes refuse what they are for") {
  const auto refused = [](const char* file, const char* line) {
    return !fault_of(file, include_of(line)).empty();
  };
  CHECK(refused("can/frame/frame.hpp", "#include \"proto/wire.hpp\""));
  CHECK(refused("can/frame/frame.cpp", "#include <fmt/format.h>"));
  CHECK(refused("can/frame/frame.cpp", "#  include <unistd.h>"));
  CHECK(refused("proto/wire.cpp", "#include \"storage/store.hpp\""));
  CHECK(refused("storage/store.cpp", "#include \"proto/wire.hpp\""));
  CHECK(refused("storage/store.cpp", "#include \"actors/node.hpp\""));
  CHECK(refused("storage/store.cpp", "#include <caf/actor.hpp>"));
  CHECK(refused("actors/node.cpp", "#include \"tools/furrowd/access/tls.hpp\""));
  CHECK(refused("actors/node.cpp", "#include <libpq-fe.h>"));
  CHECK(refused("actors/node.cpp", "#include <google/protobuf/arena.h>"));
  CHECK(refused("storage/sqlite/db.cpp", "#include <libpq-fe.h>"));
  CHECK(refused("storage/sqlite/db.cpp", "#include \"storage/postgres/store.hpp\""));
  CHECK(refused("storage/store.hpp", "#include \"storage/append/append_plan.hpp\""));
  CHECK(refused("can/transport/transport.hpp", "#include \"can/live/live_state.hpp\""));
  CHECK(refused("tools/furrowd/http/router.hpp", "#include \"tools/furrowd/api/api.hpp\""));
  CHECK(refused("storage/new_room/a.cpp", "#include \"storage/store.hpp\""));
  CHECK(refused("tools/furrowd/main.cpp", "#include <sqlite3.h>"));
  CHECK(refused("tools/furrowd/main.cpp", "#include <caf/actor.hpp>"));
  CHECK(refused("tools/furrowd/main.cpp", "#include \"tests/support/frames.hpp\""));
  CHECK(refused("tools/furrowd/main.cpp", "#include \"daemon.hpp\""));
  CHECK_FALSE(refused("can/frame/frame.cpp", "#include <vector>"));
  CHECK_FALSE(refused("proto/wire.cpp", "#include \"can/frame/frame.hpp\""));
  CHECK_FALSE(refused("actors/node.cpp", "#include \"storage/store.hpp\""));
  CHECK_FALSE(refused("storage/open_store.cpp", "#include \"storage/sqlite/store.hpp\""));
  CHECK_FALSE(refused("tools/furrow-edge/spool/sqlite.cpp", "#include <sqlite3.h>"));
  CHECK_FALSE(refused("tests/actors/node_test.cpp", "#include <caf/actor.hpp>"));
}

TEST_CASE("tree: no file contains a path of a developer's machine") {
  const tree tree;
  for (const auto& file : tree.files())
    for_each_line(tree.read(file), [&](std::size_t number, const std::string& line) {
      const auto place = workplace_in(line);
      CHECK_MESSAGE(place.empty(), file << ":" << number << ": names " << place);
    });
  CHECK_FALSE(workplace_in("see /ho"
                           "me/someone/furrow")
                .empty());
  CHECK_FALSE(workplace_in("\"/wo"
                           "rk/main\"")
                .empty());
  CHECK(workplace_in("https://example.org/wo"
                     "rk/list")
          .empty());
}

TEST_CASE("tree: every header begins with what it owns, and has #pragma once") {
  const tree tree;
  for (const auto& file : tree.sources())
    if (fs::path{file}.extension() == ".hpp") {
      const auto fault = header_fault(tree.read(file));
      CHECK_MESSAGE(fault.empty(), file << " " << fault);
    }
  CHECK_FALSE(header_fault("#pragma once\n").empty());
  CHECK_FALSE(header_fault("/// A thing.\nstruct a;\n#pragma once\n").empty());
  CHECK_FALSE(header_fault("/// A thing.\n").empty());
  CHECK(header_fault("/// A thing.\n///\n/// More.\n#pragma once\n").empty());
}
