#include "tools/furrowd/access/tokens.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

using namespace furrow::daemon;

namespace {

std::string entry(const std::string& token, const std::string& rest) {
  return "[[token]]\nsha256 = \"" + hash_of_token(token) + "\"\n" + rest;
}

std::string fault_of(const std::string& text) {
  const auto table = token_table::parse(text, "tokens.toml");
  REQUIRE_FALSE(table.has_value());
  CHECK(table.code() == errc::malformed);
  return table.error().detail;
}

} // namespace

TEST_CASE("tokens: the hash is the SHA-256 that any other program computes") {
  // FIPS 180-4, the example "abc".
  CHECK(hash_of_token("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("tokens: a token is found by its hash and has farm, role and machines") {
  const auto table =
    token_table::parse(entry("one", "role = \"gateway\"\nequipment = [\"T1\", \"T2\"]\n")
                         + entry("two", "farm = \"hill\"\nrole = \"operator\"\n"),
                       "tokens.toml");
  REQUIRE(table);
  CHECK(table->size() == 2);
  const auto one = table->find("one");
  REQUIRE(one);
  CHECK(one->farm == "default");
  CHECK(one->role == role::gateway);
  CHECK(one->covers("T2"));
  CHECK_FALSE(one->covers("T3"));
  const auto two = table->find("two");
  REQUIRE(two);
  CHECK(two->farm == "hill");
  CHECK(two->covers("anything"));
  CHECK_FALSE(table->find("three"));
  CHECK_FALSE(table->find(""));
  CHECK_FALSE(table->find(std::string(1'025, 'x')));
  CHECK_FALSE(table->find(hash_of_token("one")));
}

TEST_CASE("tokens: a role has its permissions and no others") {
  const auto may = [](role role, bool every_farm = false) {
    const credential who{"default", role, {}, every_farm};
    return std::string{who.may(permission::send) ? "s" : ""}
           + (who.may(permission::read) ? "r" : "") + (who.may(permission::operate) ? "o" : "")
           + (who.may(permission::administer) ? "a" : "") + (who.may(permission::watch) ? "w" : "")
           + (who.may(permission::oversee) ? "c" : "") + (who.may(permission::govern) ? "g" : "");
  };
  CHECK(may(role::gateway) == "s");
  CHECK(may(role::viewer) == "r");
  CHECK(may(role::operating) == "ro");
  CHECK(may(role::admin) == "sroa");
  CHECK(may(role::viewer, true) == "rw");
  CHECK(may(role::operating, true) == "rowc");
  CHECK(may(role::admin, true) == "roawcg"); // it sends for no farm
}

TEST_CASE("tokens: a token for every farm belongs to the node, not to a gateway or to machines") {
  const auto table =
    token_table::parse(entry("n", "farm = \"*\"\nrole = \"viewer\"\n"), "tokens.toml");
  REQUIRE(table);
  CHECK(table->find("n")->every_farm);
  CHECK(table->find("n")->farm == "default");
  CHECK(fault_of(entry("x", "farm = \"*\"\nrole = \"gateway\"\n"))
          .starts_with("tokens.toml:1:1: a token for every farm"));
  CHECK(fault_of(entry("x", "farm = \"*\"\nrole = \"admin\"\nequipment = [\"T1\"]\n"))
          .starts_with("tokens.toml:1:1: a token for every farm"));
}

TEST_CASE("tokens: an error in a file names file, line and column") {
  CHECK(
    fault_of("[[token]]\nsha256 = \"abc\"\nrole = \"viewer\"\n")
    == "tokens.toml:2:10: sha256 must be 64 hex digits in quotes; `furrow token new` prints them");
  CHECK(fault_of(entry("x", "role = \"boss\"\n"))
        == "tokens.toml:3:8: role must be gateway, relay, viewer, operator or admin");
  CHECK(
    fault_of(entry("x", "role = \"viewer\"\nequipments = [\"T1\"]\n"))
    == "tokens.toml:4:1: unknown key \"equipments\"; a token has sha256, farm, role, equipment");
  CHECK(
    fault_of(entry("x", "role = \"viewer\"\nequipment = []\n")).starts_with("tokens.toml:4:13: "));
  CHECK(fault_of(entry("x", "role = \"viewer\"\nequipment = [\"T1\", 7]\n"))
          .starts_with("tokens.toml:4:20: "));
  CHECK(
    fault_of(entry("x", "role = \"viewer\"\nfarm = \"a/b\"\n")).starts_with("tokens.toml:4:8: "));
  CHECK(fault_of(entry("x", "")) == "tokens.toml:1:1: this token has no role");
  CHECK(fault_of("\n[[token]]\nrole = \"viewer\"\n")
        == "tokens.toml:2:1: this token has no sha256");
  CHECK(fault_of("tokens = 1\n") == "tokens.toml:1:1: unknown key \"tokens\"; expected [[token]]");
  CHECK(fault_of("[token]\nrole = \"viewer\"\n").starts_with("tokens.toml:1:"));
  CHECK(fault_of("[[token]\n").starts_with("tokens.toml:1:"));
  CHECK(fault_of(entry("x", "role = \"viewer\"\n") + entry("x", "role = \"admin\"\n"))
        == "tokens.toml:4:1: this sha256 occurs twice in the file");
}

TEST_CASE("tokens: a file that is nested deeply is an error in one line, and no crash") {
  // Such files made the parser recurse until the stack was full.
  const std::string head = entry("x", "role = \"viewer\"\n");
  for (const std::size_t levels : {20U, 1'000U, 300'000U}) {
    CHECK(fault_of(head + "equipment = " + std::string(levels, '['))
          == "tokens.toml:4:30: more than 16 levels of tables and lists");
    std::string dotted = "a";
    for (std::size_t i = 0; i < levels; ++i)
      dotted += ".a";
    CHECK(fault_of(dotted + " = 1\n")
          == "tokens.toml:1:35: more than 16 levels of tables and lists");
    CHECK(fault_of("[[" + dotted + "]]\n").starts_with("tokens.toml:1:"));
  }
  CHECK(fault_of("[ ]\nx = 1\n") == "tokens.toml:1:1: a table needs a name");
  // Nor does a key break the line.
  CHECK(fault_of("\"a\\nb\" = 1\n") == "tokens.toml:1:1: unknown key \"a?b\"; expected [[token]]");
}

TEST_CASE("tokens: an unreadable file and a file that is too large are errors that name the file") {
  const auto missing = token_table::load("/nowhere/tokens.toml");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.code() == errc::unreadable);
  CHECK(missing.error().detail == "/nowhere/tokens.toml: No such file or directory");

  const auto path = std::filesystem::temp_directory_path()
                    / ("furrow_tokens_" + std::to_string(::getpid()) + ".toml");
  std::ofstream{path} << entry("file", "role = \"admin\"\n");
  const auto table = token_table::load(path.string());
  REQUIRE(table);
  CHECK(table->find("file")->role == role::admin);
  std::ofstream{path} << std::string((1U << 20U) + 1, '#');
  const auto large = token_table::load(path.string());
  REQUIRE_FALSE(large.has_value());
  CHECK(large.error().detail == path.string() + ":1:1: a token file may have at most 1 MiB");
  std::filesystem::remove(path);
}
