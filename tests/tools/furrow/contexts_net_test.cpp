/// `furrow context` and the commands that use a context, with the real program and real files.
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/furrow/cli_world.hpp"

#include <sys/stat.h>

#include <filesystem>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::ordered_json;

namespace {

/// A person with a folder for settings, beside a node that wants the token v.
class context_world {
public:
  context_world() {
    config.access = std::make_shared<daemon::authority>(*daemon::token_table::parse(
      "[[token]]\nsha256 = \"" + daemon::hash_of_token("v") + "\"\nrole = \"viewer\"\n", "t"));
    node.emplace(config);
    token = place.write("v.token", "v\n");
  }
  program_result with(std::vector<std::string> words,
                      std::vector<std::pair<std::string, std::string>> more = {}) {
    more.emplace_back("XDG_CONFIG_HOME", place.file("config"));
    return furrow_with({std::move(more)}, std::move(words));
  }
  template <class... Words>
  program_result operator()(Words... words) {
    return with({words...});
  }
  [[nodiscard]] std::string url() const { return node->front.url(); }
  [[nodiscard]] std::string file() const { return place.file("config/furrow/contexts.toml"); }

  scratch_folder place;
  http::http_config config;
  std::optional<cli_world> node;
  std::string token;
};

} // namespace

TEST_CASE("furrow context: a node with its token and farm is asked by name") {
  context_world furrow;
  CHECK(furrow("context", "ls").errors.find("furrow context add") != std::string::npos);
  (void)good(furrow("context", "add", "lab", "--at", furrow.url(), "--token-file", furrow.token));
  (void)good(furrow("context", "add", "away", "--at", "http://127.0.0.1:1"));
  CHECK(good(furrow("--context", "lab", "ledger", "T1")).find("T1") != std::string::npos);
  bad(furrow("ledger", "T1"), 3); // no context is current, and nothing listens at the default
  (void)good(furrow("context", "use", "lab"));
  CHECK(good(furrow("ledger", "T1")).find("T1") != std::string::npos);
  bad(furrow("--context", "away", "ledger"), 3);

  const auto rows = ordered_json::parse(good(furrow("context", "ls", "-o", "json")));
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["name"] == "away");
  CHECK(rows[1]["current"] == true);
  CHECK(rows[1]["at"] == furrow.url());
  CHECK(rows[1]["token_file"] == furrow.token);
  const auto listed = good(furrow("context", "ls"));
  CHECK(listed.find("\n*        lab   http://127.0.0.1:") != std::string::npos);
  CHECK(good(furrow("context", "show", "lab", "-o", "json")).find(furrow.token)
        != std::string::npos);

  CHECK(bad(furrow("--context", "lba", "ledger"), 2)
        == "furrow: there is no context lba; did you mean \"lab\"? (`furrow context ls` lists "
           "them)\n");
  bad(furrow("context", "use", "nowhere"), 4);
  bad(furrow("context", "rm", "nowhere"), 4);
  bad(furrow("context", "use"), 2);
  (void)good(furrow("context", "use", "--none"));
  bad(furrow("ledger", "T1"), 3);
  (void)good(furrow("context", "use", "lab"));
  (void)good(furrow("context", "rm", "lab"));
  bad(furrow("ledger", "T1"), 3);
}

TEST_CASE("furrow context: flags stand before the environment, that before the context") {
  context_world furrow;
  (void)good(furrow("context", "add", "away", "--at", "http://127.0.0.1:1", "--use"));
  const std::pair<std::string, std::string> env_at{"FURROW_AT", furrow.url()};
  const std::pair<std::string, std::string> env_token{"FURROW_TOKEN", "v"};
  (void)good(furrow.with({"ledger", "T1"}, {env_at, env_token}));
  bad(furrow.with({"ledger", "T1", "--at", "http://127.0.0.1:1"}, {env_at, env_token}), 3);
  // One context for one command, whatever the environment says.
  bad(furrow.with({"ledger", "--context", "away"}, {env_at, env_token}), 3);
  CHECK(bad(furrow("ledger", "--context", "away", "--at", furrow.url()), 2)
          .find("--context and --at both name the node")
        != std::string::npos);
  (void)good(furrow("context", "add", "lab", "--at", furrow.url(), "--token-file", furrow.token));
  (void)good(furrow.with({"ledger", "T1"}, {{"FURROW_CONTEXT", "lab"}}));
  // The token of a context goes to the node of the context alone.
  (void)good(furrow("context", "use", "lab"));
  CHECK(bad(furrow("ledger", "T1", "--at", furrow.url()), 1).find("FURROW_TOKEN")
        != std::string::npos);
  const auto shown =
    ordered_json::parse(good(furrow.with({"context", "show", "-o", "json"}, {env_token})));
  CHECK(shown[0]["from"] == "context lab");
  CHECK(shown[1]["value"] == "(hidden)");
  CHECK(shown[1]["from"] == "environment");
}

TEST_CASE("furrow context: the file has no token, and is for its user alone") {
  context_world furrow;
  (void)good(furrow("context", "add", "lab", "--at", furrow.url(), "--token-file", furrow.token));
  struct stat about {};
  REQUIRE(::stat(furrow.file().c_str(), &about) == 0);
  CHECK((about.st_mode & 07777U) == 0600);
  REQUIRE(::stat(furrow.place.file("config/furrow").c_str(), &about) == 0);
  CHECK((about.st_mode & 07777U) == 0700);
  CHECK(bad(furrow("context", "add", "lab", "--at", furrow.url()), 1).find("--replace")
        != std::string::npos);
  (void)good(furrow("context", "add", "lab", "--at", furrow.url(), "--replace"));
  bad(furrow("context", "add", "a b", "--at", furrow.url()), 2);
  bad(furrow("context", "add", "other", "--at", "ftp://x"), 2);
  bad(furrow("context", "add", "other"), 2);
  CHECK(bad(furrow("context", "add", "other", "--at", furrow.url(), "--token-file", "/no/token"), 1)
          .find("/no/token: No such file")
        != std::string::npos);
}

TEST_CASE("furrow context: a file that others may write to, or that is damaged, is refused") {
  context_world furrow;
  (void)good(furrow("context", "add", "lab", "--at", furrow.url(), "--use"));
  REQUIRE(::chmod(furrow.file().c_str(), 0666) == 0);
  for (const auto& refused :
       {furrow("ledger"), furrow("context", "ls"), furrow("context", "use", "lab"),
        furrow("context", "add", "more", "--at", furrow.url())}) {
    const auto why = bad(refused, 2);
    CHECK(why.find(furrow.file() + ":1:1: other users may write to this file")
          != std::string::npos);
    CHECK(why.find("chmod 600 " + furrow.file()) != std::string::npos);
  }
  // Commands that need no context work.
  (void)good(furrow("version", "--at", "http://127.0.0.1:1"));
  (void)good(furrow("completion", "bash"));
  CHECK(bad(furrow("ledger", "--at", "http://127.0.0.1:1"), 3).find("cannot connect")
        != std::string::npos);
  REQUIRE(::chmod(furrow.file().c_str(), 0600) == 0);
  (void)furrow.place.write("config/furrow/contexts.toml",
                           "[context.lab]\nat = \"http://a\nfarm = 1\n");
  CHECK(bad(furrow("ledger"), 2).find(furrow.file() + ":2:") != std::string::npos);
}
