/// The file of the contexts, the files of the user, and the order of the sources of a setting.
#include "tests/support/scratch_folder.hpp"
#include "tools/furrow/contexts/context_file.hpp"
#include "tools/furrow/contexts/private_file.hpp"
#include "tools/furrow/contexts/sessions.hpp"
#include "tools/furrow/contexts/settings.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace furrow::cli {

using furrow::tests::scratch_folder;

namespace {

std::string context_fault_of(const std::string& text) {
  const auto parsed = parse_contexts(text, "c.toml");
  return parsed ? "" : parsed.error().detail;
}

unsigned mode_of_file(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 ? about.st_mode & 07777U : 0;
}

const context lab{"lab", "http://lab:1", "/lab.token", "/lab.pem", "north"};

} // namespace

TEST_CASE("contexts: what is written is read again, whatever the texts hold") {
  context_list list;
  list.put({"b.2", "https://b:7480/x", "/a \"b\"\\c\td", "", "M\u00e4rz"});
  list.put({"a", "http://a:1", "", "/ca.pem", ""});
  list.current = "b.2";
  const auto read = parse_contexts(to_toml(list), "c.toml");
  REQUIRE(read);
  CHECK(read->current == "b.2");
  REQUIRE(read->names() == std::vector<std::string>{"a", "b.2"});
  CHECK(read->all[0].authorities == "/ca.pem");
  CHECK(read->all[1].token_file == "/a \"b\"\\c\td");
  CHECK(read->all[1].farm == "M\u00e4rz");
  CHECK(parse_contexts("", "c.toml")->all.empty());
}

TEST_CASE("contexts: a damaged file is refused with its place, and with what to do") {
  CHECK(context_fault_of("current = \"a\"\n[context.a\n").starts_with("c.toml:2:"));
  CHECK(context_fault_of("[context.a]\nat = 1\n")
        == "c.toml:2:6: at needs a text in quotes (mend the line, or remove the file and add the "
           "contexts again)");
  CHECK(context_fault_of("[context.a]\nat = \"http://a\"\nform = \"x\"\n")
          .starts_with("c.toml:3:1: unknown key form; did you mean \"farm\"?"));
  CHECK(context_fault_of("[context.a]\nat = \"http://a\"\ntoken = \"fur_1\"\n")
          .starts_with("c.toml:3:1: a token does not belong here"));
  CHECK(context_fault_of("[context.a]\nfarm = \"x\"\n").starts_with("c.toml:1:"));
  CHECK(context_fault_of("current = \"b\"\n[context.a]\nat = \"http://a\"\n")
          .starts_with("c.toml:1:11: there is no context of this name"));
  CHECK(context_fault_of("[contexts.a]\nat = \"http://a\"\n").starts_with("c.toml:1:"));
  CHECK(context_fault_of("[context.\"a b\"]\nat = \"http://a\"\n").starts_with("c.toml:1:"));
  CHECK(context_fault_of("[[context.a]]\nat = \"http://a\"\n").starts_with("c.toml:1:"));
  CHECK(context_fault_of("context.a.b.c.d = 1\n").starts_with("c.toml:1:"));
  CHECK(context_fault_of("context = 3\n").starts_with("c.toml:1:"));
}

TEST_CASE("contexts: the file and its folder are for this user alone, and replaced whole") {
  const scratch_folder place;
  const auto path = place.file("furrow/contexts.toml");
  const auto add = [&path](const context& one) {
    return change_contexts(path, [&one](context_list& list) -> config::result<done> {
      list.put(one);
      return done{};
    });
  };
  REQUIRE(add(lab));
  CHECK(mode_of_file(path) == 0600);
  CHECK(mode_of_file(place.file("furrow")) == 0700);
  const auto failed = change_contexts(path, [](context_list& list) -> config::result<done> {
    list.all.clear();
    return config::failure{config::errc::missing, "no"};
  });
  CHECK(failed.error().detail == "no");
  CHECK(read_contexts(path)->names() == std::vector<std::string>{"lab"});
  CHECK_FALSE(std::filesystem::exists(path + ".part"));

  REQUIRE(::chmod(path.c_str(), 0620) == 0);
  CHECK(read_contexts(path).error().detail.starts_with(path + ":1:1: other users may write"));
  CHECK_FALSE(add(lab));
  REQUIRE(::chmod(path.c_str(), 0644) == 0); // others may read it: it has no secret
  CHECK(read_contexts(path));
  REQUIRE(::chmod(place.file("furrow").c_str(), 0770) == 0);
  CHECK(read_contexts(path).error().detail.find("chmod 700 ") != std::string::npos);
  CHECK(read_contexts(place.file("none.toml"))->all.empty());
}

TEST_CASE("settings: flags stand before the environment, that before the context") {
  const auto standard = settings_of({}, {}, nullptr, false);
  CHECK(standard.at.value == "http://127.0.0.1:7480");
  CHECK(standard.at.from == origin::standard);

  const auto all = settings_of({}, {}, &lab, false);
  CHECK(all.at.value == "http://lab:1");
  CHECK(all.at.from == origin::context);
  CHECK(all.token_file.value == "/lab.token");
  CHECK(all.authorities.value == "/lab.pem");
  CHECK(all.farm.value == "north");

  const auto mixed =
    settings_of({"", "", "", "", "south"}, {"", "fur_e", "", "/e.pem", "east"}, &lab, false);
  CHECK(mixed.at.from == origin::context);
  CHECK(mixed.farm.value == "south");
  CHECK(mixed.token.value == "fur_e");
  CHECK(mixed.token_file.value.empty()); // of the context: another credential
  CHECK(mixed.authorities.value == "/e.pem");
}

TEST_CASE("settings: nothing of a context goes to a node that another source names") {
  for (const bool by_flag : {true, false}) {
    const node_choice other{"http://other:1", "", "", "", ""};
    const auto used =
      settings_of(by_flag ? other : node_choice{}, by_flag ? node_choice{} : other, &lab, false);
    CHECK(used.at.value == "http://other:1");
    CHECK(used.token_file.value.empty());
    CHECK(used.authorities.value.empty());
    CHECK(used.farm.value.empty());
  }
}

TEST_CASE("settings: a context that was typed stands before the environment") {
  const auto used = settings_of({}, {"http://env:1", "fur_e", "", "", "east"}, &lab, true);
  CHECK(used.at.value == "http://lab:1");
  CHECK(used.token_file.value == "/lab.token");
  CHECK(used.token.value.empty());
  CHECK(used.farm.value == "north");
}

TEST_CASE("sessions: one for each node, in a file for this user alone") {
  const scratch_folder place;
  ::setenv("XDG_CONFIG_HOME", place.file("config").c_str(), 1);
  CHECK(session_at("http://a:1").empty());
  REQUIRE(save_session("http://a:1", "one"));
  REQUIRE(save_session("http://b:1", "two"));
  REQUIRE(save_session("http://a:1", "three"));
  CHECK(session_at("http://a:1") == "three");
  CHECK(session_at("http://b:1") == "two");
  CHECK(mode_of_file(session_file()) == 0600);
  REQUIRE(forget_session("http://a:1"));
  REQUIRE(forget_session("http://c:1"));
  CHECK(session_at("http://a:1").empty());
  CHECK(session_at("http://b:1") == "two");
  ::unsetenv("XDG_CONFIG_HOME");
}

TEST_CASE("contexts: names are plain words") {
  for (const auto* name : {"a", "north-1", "n_1.example", "7"})
    CHECK(context_name_fault(name).empty());
  for (const auto* name : {"", "-a", "a b", "a/b", "a\"", "\u00e4"})
    CHECK_FALSE(context_name_fault(name).empty());
  CHECK_FALSE(context_name_fault(std::string(65, 'a')).empty());
}

} // namespace furrow::cli
