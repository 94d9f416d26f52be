// The configuration of furrowd and furrow-edge as a person sees it: sample, check, show, and each flag in the table.
#include "tests/support/certificate.hpp"
#include "tests/support/program.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tools/furrow-edge/edge_keys.hpp"
#include "tools/furrowd/config/furrowd_keys.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace furrow::tests;

namespace {

const std::string furrowd = FURROW_BIN_DIR "/furrowd";
const std::string furrow_edge = FURROW_BIN_DIR "/furrow-edge";
constexpr auto npos = std::string::npos;

bool says(const std::string& text, const std::string& word) {
  return text.find(word) != npos;
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// The keys of all flags that a help lists.
std::set<std::string> flags_in(const std::string& help) {
  std::set<std::string> out;
  std::istringstream in{help};
  for (std::string line; std::getline(in, line);) {
    const auto dashes = line.find("--");
    if (line.rfind("  -", 0) != 0 || dashes == npos || dashes > 6)
      continue;
    const auto end = line.find_first_of(" {", dashes);
    const auto key = furrow::config::key_of(line.substr(dashes, end - dashes));
    if (key != "help" && key != "version" && key != "config")
      out.insert(key);
  }
  return out;
}

/// The keys of a sample, set or commented out, and the variables that it names.
std::pair<std::set<std::string>, std::set<std::string>> keys_in(const std::string& sample) {
  std::set<std::string> keys;
  std::set<std::string> variables;
  std::istringstream in{sample};
  for (std::string line; std::getline(in, line);) {
    if (const auto at = line.find("FURROW_"); at != npos && says(line, "Variable: "))
      variables.insert(line.substr(at, line.find('.', at) - at));
    const auto from = !line.empty() && line[0] == '#' ? 1U : 0U;
    const auto equals = line.find(" =");
    if (equals != npos && equals > 1 && line.find(' ') == equals)
      keys.insert(line.substr(from, equals - from));
  }
  return {keys, variables};
}

void check_every_flag(const std::string& help,
                      const std::string& sample,
                      const furrow::config::program& of) {
  const auto flags = flags_in(help);
  CHECK(flags.size() > 20);
  const auto [keys, variables] = keys_in(sample);
  CHECK(keys == flags);
  std::set<std::string> table;
  for (const auto& one : of.keys) {
    CHECK_MESSAGE(table.insert(std::string{one.name}).second, "twice in the table: " << one.name);
    CHECK_MESSAGE(flags.count(std::string{one.name}) == 1, "no flag has the key " << one.name);
  }
  for (const auto& flag : flags) {
    CHECK_MESSAGE(table.count(flag) == 1,
                  "the flag of " << flag << " has no line in the table of keys of " << of.name);
    CHECK_MESSAGE(variables.count(furrow::config::environment_of(flag)) == 1, flag);
  }
}

/// `config check` with a file of this text.
program_result checked(const scratch_folder& folder,
                       const std::string& program,
                       const std::string& text,
                       program_options options = {}) {
  return run_program({program, "config", "check", "--config", folder.write("c.toml", text)},
                     std::move(options));
}

} // namespace

TEST_CASE("furrowd config: each flag has a line in the table of keys, and a variable") {
  check_every_flag(run_program({furrowd, "--help"}).out,
                   run_program({furrowd, "config", "sample"}).out,
                   furrow::daemon::furrowd_program());
}

TEST_CASE("furrow-edge config: each flag of run has a line in the table of keys, and a variable") {
  check_every_flag(run_program({furrow_edge, "run", "--help"}).out,
                   run_program({furrow_edge, "config", "sample"}).out,
                   furrow::edge::edge_program());
}

TEST_CASE("furrowd config: the sample is valid, and sets only the place of the database") {
  const scratch_folder folder;
  const auto sample = run_program({furrowd, "config", "sample"}).out;
  const auto file = folder.write("furrowd.toml", sample);
  const auto check = run_program({furrowd, "config", "check", "--config", file});
  CHECK(check.exit_code == 0);
  CHECK(check.out == "ok: " + file + "\n");
  CHECK(check.errors.empty());
  const auto show = run_program({furrowd, "config", "show", "--origin", "--config", file});
  CHECK(show.exit_code == 0);
  std::istringstream in{show.out};
  for (std::string line; std::getline(in, line);)
    CHECK_MESSAGE(says(line, "# default") != (line.rfind("database = ", 0) == 0), line);
  CHECK(says(show.out, "database = \"sqlite:/var/lib/furrow/furrow.db\""));
  CHECK(says(show.out, "pool_max = "));
}

TEST_CASE("furrowd config: a sample with every line uncommented has the defaults") {
  const scratch_folder folder;
  std::string all;
  std::istringstream in{run_program({furrowd, "config", "sample"}).out};
  for (std::string line; std::getline(in, line);)
    if (line.size() > 1 && line[0] == '#' && line[1] != ' ')
      all += line.substr(1) + '\n';
  const auto file = folder.write("all.toml", all);
  const auto with = run_program({furrowd, "config", "show", "--config", file});
  CHECK_MESSAGE(with.exit_code == 0, with.errors);
  const auto without = run_program({furrowd, "config", "show", "--config", "/dev/null"});
  CHECK(with.out == without.out);
}

TEST_CASE("furrowd config: show masks secrets and says where each value comes from") {
  const scratch_folder folder;
  const auto file = folder.write("c.toml", "database = \"postgresql://u:geheim@h/d\"\nlanes = 3\n");
  const auto redis = folder.write("redis", "redis://:streng@h\n");
  std::filesystem::permissions(redis, std::filesystem::perms::owner_read);
  program_options options;
  options.environment = {{"FURROW_DRAIN", "7"}, {"FURROW_REDIS_FILE", redis}};
  const auto show =
    run_program({furrowd, "config", "show", "--origin", "--config", file, "--node", "n7"}, options);
  CHECK_MESSAGE(show.exit_code == 0, show.errors);
  CHECK_FALSE(says(show.out, "geheim"));
  CHECK_FALSE(says(show.out, "streng"));
  const auto line_of = [&](const std::string& key) {
    const auto at = ("\n" + show.out).find("\n" + key + " = ");
    REQUIRE(at != npos);
    return show.out.substr(at, show.out.find('\n', at) - at);
  };
  CHECK(says(line_of("lanes"), "# " + file + ":2:9"));
  CHECK(says(line_of("drain"), "# FURROW_DRAIN"));
  CHECK(says(line_of("redis"), "redis = \"***\""));
  CHECK(says(line_of("node"), "# --node"));
  CHECK(says(line_of("listen"), "# default"));
}

TEST_CASE("furrowd config: check ends with 2 and one line for each kind of error") {
  const scratch_folder folder;
  const auto at = folder.file("c.toml");
  const certificate made;
  const certificate other;
  const auto deep = folder.write("deep.toml", "a = " + std::string(500, '['));
  const std::vector<std::pair<std::string, std::string>> wrong{
    {"lanes = 99\n", at + ":1:9: lanes: value 99 not in range 1 to 16"},
    {"lane = 1\n", at + ":1:1: lane: unknown key; did you mean \"lanes\"?"},
    {"lanes = 1\nlanes = 2\n", at + ":2:9: "},
    {"lanes = \n", at + ":1:"},
    {"listen = \"abc\"\n", at + ":1:10: listen: 'abc' is not a valid address"},
    {"database = \"http://x\"\n", at + ":1:12: database: not a database URL"},
    {"link = \"127.0.0.1:0\"\n", at + ":1:8: link needs link_ca, link_cert and link_key"},
    {"pool_min = 9\npool_max = 3\n", at + ":1:12: pool_min 9: more than pool_max 3"},
    {"tokens = \"/nowhere/tokens.toml\"\n", at + ":1:10: tokens: /nowhere/tokens.toml: "},
    {"tokens = \"" + deep + "\"\n", at + ":1:10: tokens: " + deep + ":1:"},
    {"watch_disk = \"/nowhere\"\n", at + ":1:14: watch_disk: there is no folder /nowhere"},
    {"forward = [\"hq:7400\"]\n", at + ":1:11: forward needs forward_token_file"},
    {"forward = [\"hq:7400\"]\nforward_token_file = \"/nowhere/r\"\n",
     at + ":2:22: forward_token_file: /nowhere/r"},
    {"database_password_file = \"/nowhere/p\"\n", at + ":1:26: database_password_file: "},
    {"tls_cert = \"" + made.cert + "\"\n", at + ":1:12: tls_cert and tls_key must be given"},
    {"tls_cert = \"" + made.cert + "\"\ntls_key = \"" + other.key + "\"\n",
     at + ":2:11: tls_key: " + other.key},
  };
  for (const auto& [text, line] : wrong) {
    CAPTURE(text);
    const auto end = checked(folder, furrowd, text);
    CHECK(end.exit_code == 2);
    CHECK_MESSAGE(lines_of(end.errors) == 1, end.errors);
    CHECK_MESSAGE(end.errors.rfind("furrowd: " + line, 0) == 0, end.errors);
    CHECK(end.out.empty());
  }
  CHECK(checked(folder, furrowd, "").exit_code == 0);
}

TEST_CASE("furrowd config: check warns of a secret that every user can read") {
  const scratch_folder folder;
  const auto secret = folder.write("db", "postgresql:///furrow\n");
  std::filesystem::permissions(secret, static_cast<std::filesystem::perms>(0444));
  const auto end = checked(folder, furrowd, "database_file = \"" + secret + "\"\n");
  CHECK(end.exit_code == 0);
  CHECK_MESSAGE(says(end.errors, "furrowd: warning: " + secret), end.errors);
}

TEST_CASE("furrow-edge config: check demands what a gateway needs, and takes it from any layer") {
  const scratch_folder folder;
  const auto missing = checked(folder, furrow_edge, "node = [\"n1:7400\"]\n");
  CHECK(missing.exit_code == 2);
  CHECK(says(missing.errors, "equipment is required: set equipment in " + folder.file("c.toml")));
  CHECK(lines_of(missing.errors) == 1);
  program_options options;
  options.environment = {{"FURROW_EQUIPMENT", "T1"}};
  const auto text = "node = \"n1:7400,n2:7400\"\nspool = \"x.spool\"\nretain_minutes = 2.5\n";
  const auto end = checked(folder, furrow_edge, text, options);
  CHECK_MESSAGE(end.exit_code == 0, end.errors);
  const std::vector<std::pair<std::string, std::string>> wrong{
    {"rate = \"fast\"\n", ":4:8: rate fast is neither max"},
    {"token_file = \"/nowhere/t\"\n", ":4:14: token_file: /nowhere/t: "},
    {"ca = \"/nowhere/ca.pem\"\n", ""},
    {"timeout = -1\n", ":4:11: timeout: "},
    {"nodes = \"x:1\"\n", ":4:1: nodes: unknown key; did you mean \"node\"?"},
    {"tls = 1\n", ":4:7: tls: true or false is expected"},
  };
  for (const auto& [more, line] : wrong) {
    CAPTURE(more);
    const auto bad = checked(folder, furrow_edge, text + more, options);
    CHECK(bad.exit_code == 2);
    CHECK_MESSAGE(lines_of(bad.errors) == 1, bad.errors);
    CHECK_MESSAGE(says(bad.errors, line), bad.errors);
  }
  const auto show =
    run_program({furrow_edge, "config", "show", "--origin", "--config",
                 folder.write("s.toml", text), "--equipment", "T2", "--token", "x"});
  CHECK_MESSAGE(show.exit_code == 0, show.errors);
  CHECK(says(show.out, "node = [\"n1:7400\", \"n2:7400\"]"));
  CHECK(says(show.out, "token = \"***\""));
}
