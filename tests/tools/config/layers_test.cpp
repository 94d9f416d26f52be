// Which layer a value comes from, and the one line that names a wrong value.
#include "tests/support/scratch_folder.hpp"
#include "tools/config/commands.hpp"
#include "tools/config/layers.hpp"
#include "tools/furrowd/config/named_files.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

using namespace furrow::config;
using furrow::tests::scratch_folder;

namespace {

constexpr std::array test_keys{
  key{"lanes"},
  key{"name"},
  key{"share"},
  key{"peers"},
  key{"quiet"},
  key{"no_migrate"},
  key{"verbose", change::at_reload},
  key{"limit"},
  key{"token", change::at_reload, hidden},
  key{"token_file", change::at_reload},
};

/// Environment variables for one test.
class environment {
public:
  explicit environment(std::vector<std::pair<std::string, std::string>> given)
    : given_{std::move(given)} {
    for (const auto& [name, value] : given_)
      ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~environment() {
    for (const auto& [name, value] : given_)
      ::unsetenv(name.c_str());
  }
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;

private:
  std::vector<std::pair<std::string, std::string>> given_;
};

/// A program with one option of each type.
struct sample_program {
  unsigned lanes = 2;
  std::string name = "n1";
  double share = 0.5;
  std::vector<std::string> peers;
  bool quiet = false;
  bool migrate = true;
  int verbose = 0;
  std::optional<unsigned> limit;
  std::string token;
  std::string token_file;
  CLI::App app;
  furrow::config::program about{"sample", "/nowhere/sample.toml", test_keys};

  sample_program() {
    app.add_option("--lanes", lanes, "number of lanes")
      ->capture_default_str()
      ->check(CLI::Range(1, 16));
    app.add_option("--name", name, "name");
    app.add_option("--share", share, "share")->check(CLI::NonNegativeNumber);
    app.add_option("--peers", peers, "others")->delimiter(',');
    app.add_flag("-q,--quiet", quiet, "log less");
    app.add_flag("!--no-migrate", migrate, "no migration");
    app.add_flag("-v,--verbose", verbose, "log more");
    app.add_option("--limit", limit, "limit");
    app.add_option("--token", token, "token");
    app.add_option("--token-file", token_file, "file of the token");
    add_config_option(app, about);
  }

  result<in_force> read(std::vector<std::string> flags) {
    std::vector<const char*> words{"sample"};
    for (const auto& flag : flags)
      words.push_back(flag.c_str());
    {
      const required_later later{{&app}};
      app.parse(static_cast<int>(words.size()), const_cast<char**>(words.data()));
    }
    return fill(app, about);
  }

  /// The one line that a file with this text leads to.
  std::string error_of(const std::string& text, std::vector<std::string> flags = {}) {
    const scratch_folder folder;
    const auto file = folder.write("a.toml", text);
    flags.insert(flags.end(), {"--config", file});
    const auto got = read(std::move(flags));
    if (got)
      return "";
    CHECK(got.error().detail.find('\n') == std::string::npos);
    const auto& detail = got.error().detail;
    return detail.rfind(file, 0) == 0 ? detail.substr(file.size()) : detail;
  }
};

std::string place_of(const in_force& values, const std::string& key) {
  const auto* const one = values.find(key);
  REQUIRE(one != nullptr);
  return one->place;
}

} // namespace

TEST_CASE("configuration: flags beat the environment, it beats drop-ins, they beat the file") {
  const scratch_folder folder;
  const auto file = folder.write("s.toml", "lanes = 3\n");
  std::filesystem::create_directory(folder.file("s.conf.d"));
  struct row {
    const char* first;  // drop-in
    const char* second; // drop-in
    const char* variable;
    const char* flag;
    unsigned lanes;
    std::string place;
  };
  const std::array<row, 6> table{{
    {"", "", "", "", 3, file + ":1:9"},
    {"lanes = 4", "", "", "", 4, folder.file("s.conf.d/10.toml") + ":1:9"},
    {"lanes = 4", "\nlanes = 5", "", "", 5, folder.file("s.conf.d/20.toml") + ":2:9"},
    {"lanes = 4", "lanes = 5", "6", "", 6, "FURROW_LANES"},
    {"lanes = 4", "lanes = 5", "6", "7", 7, "--lanes"},
    {"", "", "", "7", 7, "--lanes"},
  }};
  for (const auto& one : table) {
    CAPTURE(one.place);
    (void)folder.write("s.conf.d/10.toml", one.first);
    (void)folder.write("s.conf.d/20.toml", one.second);
    const environment set{{{"FURROW_LANES", one.variable}}};
    sample_program program;
    std::vector<std::string> flags{"--config", file};
    if (*one.flag != '\0')
      flags.insert(flags.end(), {"--lanes", one.flag});
    const auto got = program.read(flags);
    REQUIRE_MESSAGE(got, (got ? "" : got.error().detail));
    CHECK(program.lanes == one.lanes);
    CHECK(place_of(*got, "lanes") == one.place);
    CHECK(got->find("lanes")->values == std::vector{std::to_string(one.lanes)});
    CHECK(got->find("name")->from == layer::standard);
    CHECK(got->find("name")->values == std::vector<std::string>{"n1"});
  }
}

TEST_CASE("configuration: every type comes from a file as from a flag") {
  const scratch_folder folder;
  const auto file = folder.write(
    "s.toml", "name = \"a b\"\nshare = 2\npeers = [\"x\", \"y\"]\nquiet = true\nno-migrate = true\n"
              "verbose = 2\nlimit = 9\n");
  sample_program program;
  const auto got = program.read({"--config", file});
  REQUIRE_MESSAGE(got, (got ? "" : got.error().detail));
  CHECK(program.name == "a b");
  CHECK(program.share == 2);
  CHECK(program.peers == std::vector<std::string>{"x", "y"});
  CHECK(program.quiet);
  CHECK_FALSE(program.migrate);
  CHECK(program.verbose == 2);
  CHECK(program.limit == 9U);
}

TEST_CASE("configuration: a higher layer takes a list or a flag of a lower one back") {
  const scratch_folder folder;
  const auto file =
    folder.write("s.toml", "peers = [\"x\"]\nquiet = true\nno_migrate = true\nverbose = 2\n");
  std::filesystem::create_directory(folder.file("s.conf.d"));
  (void)folder.write("s.conf.d/1.toml", "peers = []\nverbose = false\n");
  const environment set{{{"FURROW_QUIET", "no"}, {"FURROW_NO_MIGRATE", "0"}}};
  sample_program program;
  const auto got = program.read({"--config", file});
  REQUIRE_MESSAGE(got, (got ? "" : got.error().detail));
  CHECK(program.peers.empty());
  CHECK_FALSE(program.quiet);
  CHECK(program.migrate);
  CHECK(program.verbose == 0);
  CHECK(as_toml(*got->find("peers")) == "[]");
  CHECK(as_toml(*got->find("quiet")) == "false");
  const environment more{{{"FURROW_PEERS", "p,q"}}};
  sample_program second;
  REQUIRE(second.read({"--config", file, "-v", "--no-migrate"}));
  CHECK(second.peers == std::vector<std::string>{"p", "q"});
  CHECK(second.verbose == 1);
  CHECK_FALSE(second.migrate);
}

TEST_CASE("configuration: a wrong value names its place, its key and the limit") {
  const std::array<std::pair<const char*, const char*>, 11> wrong{{
    {"lanes = 99\n", ":1:9: lanes: value 99 not in range 1 to 16"},
    {"\nlanes = -1\n", ":2:9: lanes: value -1 not in range 1 to 16"},
    {"lanes = \"3\"\n", ":1:9: lanes: a whole number is expected: INT in [1 - 16]"},
    {"lanes = 2.0\n", ":1:9: lanes: a whole number is expected: INT in [1 - 16]"},
    {"lanes = [1]\n", ":1:9: lanes: one value is expected, not a list"},
    {"limit = -5\n", ":1:9: limit: a whole number is expected"},
    {"name = 5\n", ":1:8: name: a text in quotes is expected"},
    {"quiet = 'yes'\n", ":1:9: quiet: true or false is expected"},
    {"peers = [1, 2]\n", ":1:9: peers: a text in quotes is expected"},
    {"lane = 3\n", ":1:1: lane: unknown key; did you mean \"lanes\"?"},
    {"no-migrate = true\nno_migrate = true\n", ":2:1: no_migrate: is set already in line 1"},
  }};
  for (const auto& [text, line] : wrong)
    CHECK(sample_program{}.error_of(text) == line);
  CHECK(sample_program{}.error_of("something_else = 1\n") == ":1:1: something_else: unknown key");
  CHECK(sample_program{}.error_of("[lanes]\na = 1\n").find(":1:1: lanes: a whole") == 0);
  // Also where a higher layer replaces the value.
  CHECK(sample_program{}.error_of("lanes = 99\n", {"--lanes", "3"}).find(":1:9: lanes:") == 0);
  const environment set{{{"FURROW_LANES", "abc"}, {"FURROW_QUIET", "perhaps"}}};
  CHECK(sample_program{}.error_of("") == "FURROW_QUIET: quiet: true or false is expected");
}

TEST_CASE("configuration: a missing default file is no error, a missing chosen file is") {
  CHECK(sample_program{}.read({}));
  const auto got = sample_program{}.read({"--config", "/nowhere/a.toml"});
  REQUIRE_FALSE(got);
  CHECK(got.error().detail == "/nowhere/a.toml: No such file or directory");
  const scratch_folder folder;
  const environment set{{{"FURROW_CONFIG", folder.write("e.toml", "lanes = 8\n")}}};
  sample_program program;
  REQUIRE(program.read({}));
  CHECK(program.lanes == 8);
  sample_program without;
  REQUIRE(without.read({"--config", "/dev/null"}));
  CHECK(without.lanes == 2);
}

TEST_CASE("configuration: a file gives what CLI11 would demand as a flag") {
  sample_program program;
  program.app.get_option("--limit")->required();
  const auto missing = program.read({});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().detail
        == "limit is required: set limit in /nowhere/sample.toml, or give --limit");
  CHECK(program.error_of("limit = 3\n").empty());
  CHECK(program.app.get_option("--limit")->get_required()); // for the help
}

TEST_CASE("configuration: a secret comes from its file, and is shown to nobody") {
  const scratch_folder folder;
  const auto secret = folder.write("token", "abc123\n");
  std::filesystem::permissions(secret, std::filesystem::perms::owner_read);
  const auto file = folder.write("s.toml", "token_file = \"" + secret + "\"\n");
  sample_program program;
  const auto got = program.read({"--config", file});
  REQUIRE_MESSAGE(got, (got ? "" : got.error().detail));
  CHECK(program.token == "abc123");
  CHECK(got->warnings.empty());
  const auto text = shown(*got, true);
  CHECK(text.find("abc123") == std::string::npos);
  CHECK(text.find("token = \"***\"") != std::string::npos);
  CHECK(text.find(file + ":1:14") != std::string::npos);

  sample_program both; // the higher layer counts
  REQUIRE(both.read({"--config", file, "--token", "flag"}));
  CHECK(both.token == "flag");
  const auto same = sample_program{}.error_of("token = \"x\"\ntoken_file = \"/y\"\n");
  CHECK_MESSAGE(same.find(":2:14: token_file: token is set too") == 0, same);
  const auto none = sample_program{}.error_of("token_file = \"/nowhere/t\"\n");
  CHECK(none == ":1:14: token_file: /nowhere/t: No such file or directory");
  std::filesystem::permissions(secret, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  const auto open = sample_program{}.read({"--config", file});
  REQUIRE(open);
  CHECK(open->warnings.size() == 1);
  // Also a configuration file that holds the secret itself.
  const auto plain = folder.write("p.toml", "lanes = 3\ntoken = \"x\"\n");
  std::filesystem::permissions(plain, static_cast<std::filesystem::perms>(0644));
  const auto told = sample_program{}.read({"--config", plain});
  REQUIRE(told);
  REQUIRE(told->warnings.size() == 1);
  CHECK(told->warnings[0].rfind(plain + ":2:9: token: every user", 0) == 0);
  std::filesystem::permissions(plain, static_cast<std::filesystem::perms>(0640));
  CHECK(sample_program{}.read({"--config", plain})->warnings.empty());
}

TEST_CASE("configuration: the error of a check over several keys names the place of the first") {
  const scratch_folder folder;
  const auto file = folder.write("s.toml", "name = \"\"\n");
  sample_program program;
  const auto got = program.read({"--config", file, "--lanes", "3"});
  REQUIRE(got);
  CHECK(got->located("--name needs --token-file") == file + ":1:8: name needs token_file");
  CHECK(got->located("--lanes and --name differ") == "--lanes and --name differ"); // a flag's
  CHECK(got->located("--other: what") == "--other: what");
  CHECK(got->located("nothing") == "nothing");
}

TEST_CASE("configuration: a reload knows what has changed, and what needs a restart") {
  const scratch_folder folder;
  const auto read = [&](const std::string& text) {
    auto got = sample_program{}.read({"--config", folder.write("s.toml", text)});
    REQUIRE(got);
    return std::move(*got);
  };
  auto values = read("lanes = 3\nverbose = 1\n");
  const auto now = read("# a line more\nlanes = 4\nverbose = 2\npeers = [\"x\"]\n");
  CHECK(changed(values, now, change::at_restart) == std::vector<std::string>{"lanes", "peers"});
  CHECK(changed(values, now, change::at_reload) == std::vector<std::string>{"verbose"});
  take_reloaded(values, now);
  CHECK(values.find("lanes")->values.front() == "3"); // until the restart
  CHECK(values.find("verbose")->values.front() == "2");
  CHECK(changed(values, now, change::at_restart).size() == 2);
  CHECK(restart_note({"lanes", "peers"}) == "; restart needed: lanes, peers");
  CHECK(restart_note({}).empty());
}

TEST_CASE("configuration: the sample sets nothing, and every line of it can be uncommented") {
  sample_program program;
  const auto text = sample_of(program.app, program.about);
  CHECK(program.error_of(text).empty());
  std::string all;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);)
    if (line.size() > 1 && line[0] == '#' && line[1] != ' '
        && line.find("no default") == std::string::npos)
      all += line.substr(1) + '\n';
  sample_program second;
  CHECK(second.error_of(all).empty());
  CHECK(second.lanes == 2);
  CHECK(second.name == "n1");
  CHECK(second.migrate);
  CHECK(text.find("# Limits: INT in [1 - 16]. Variable: FURROW_LANES.\n#lanes = 2\n")
        != std::string::npos);
  CHECK(text.find("#limit = # no default\n") != std::string::npos);
}

TEST_CASE("configuration: the password of the database joins a URL and keywords alike") {
  using furrow::daemon::with_password;
  CHECK(with_password("postgresql://u@h/d", "a b'%") == "postgresql://u@h/d?password=a%20b%27%25");
  CHECK(with_password("postgresql://h/d?sslmode=require", "x")
        == "postgresql://h/d?sslmode=require&password=x");
  CHECK(with_password("host=h dbname=d", "a'b\\") == "host=h dbname=d password='a\\'b\\\\'");
}
