// Reading a configuration file: values with their places, one line for each error, and limits.
#include "tests/support/scratch_folder.hpp"
#include "tools/config/toml_file.hpp"
#include "tools/config/whole_file.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

using namespace furrow::config;
using furrow::tests::scratch_folder;

namespace {

std::string error_of(const std::string& text) {
  const auto parsed = parse_toml(text, "a.toml");
  return parsed ? "" : parsed.error().detail;
}

bool begins(const std::string& text, const std::string& start) {
  return text.rfind(start, 0) == 0;
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i)
    out += text;
  return out;
}

} // namespace

TEST_CASE("configuration file: gives keys in the order of the file, with kind, text and place") {
  const auto parsed =
    parse_toml("b = 'x'\n# c\na = 12\nlist = [\"p\", \"q\"]\n  on = true\nr = 2.5\n"
               "mixed = [1, 'a']\nnone = []\nat = 07:32:00\n",
               "a.toml");
  REQUIRE(parsed);
  const auto& all = *parsed;
  REQUIRE(all.size() == 8);
  CHECK(all[0].key == "b");
  CHECK(all[0].kind == value_kind::text);
  CHECK(all[0].at.text() == "a.toml:1:5");
  CHECK(all[1].kind == value_kind::integer);
  CHECK(all[1].texts == std::vector<std::string>{"12"});
  CHECK(all[2].is_list);
  CHECK(all[2].texts == std::vector<std::string>{"p", "q"});
  CHECK(all[3].key_at.text() == "a.toml:5:3");
  CHECK(all[3].kind == value_kind::yes_no);
  CHECK(all[4].texts == std::vector<std::string>{"2.5"});
  CHECK(all[5].kind == value_kind::other);
  CHECK(all[6].texts.empty());
  CHECK(all[7].kind == value_kind::other);
}

TEST_CASE("configuration file: an error is one line with file, line and column") {
  for (const std::string text : {"a = \n", "a = 1\na = 2\n", "a == 1\n", "= 1\n", "[a\n",
                                 "a = \"x\n", "a = 99999999999999999999\n", "a = 1 b = 2\n",
                                 "\xff\xfe = 1\n", "a = {b = 1\n", "a.b = 1\na = 2\n"}) {
    const auto error = error_of(text);
    CAPTURE(text);
    CHECK_MESSAGE(begins(error, "a.toml:"), error);
    CHECK_MESSAGE(error.find('\n') == std::string::npos, error);
  }
  CHECK(begins(error_of("a = 1\na = 2\n"), "a.toml:2:5: "));
  for (const std::string text : {"[\na = 1\n", "[]\n", "[[ ]]\n", " [=\n", "["})
    CHECK_MESSAGE(error_of(text).find("a table needs a name") != std::string::npos, text);
  CHECK(begins(error_of("a = 1\n  [ ]\n"), "a.toml:2:3: a table"));
  CHECK(begins(error_of(" [=\n"), "a.toml:1:2: a table"));
  CHECK(error_of("[a]\n[ 'b' ]\n[[c]]\nl = [\n[],\n[1]]\n").empty());
}

TEST_CASE("configuration file: too large and too deep files are refused before toml++ reads them") {
  CHECK(begins(error_of(std::string(file_bytes_max + 1, '#')), "a.toml:1:1: "));
  CHECK(error_of(std::string(file_bytes_max, '#')).empty());
  const std::vector<std::string> deep{
    repeated("a.", 400'000) + "a = 1",
    "[" + repeated("a.", 400'000) + "a]",
    "a = " + repeated("[", 400'000) + repeated("]", 400'000),
    "a = " + repeated("{a=", 200'000),
    "a = [\n" + repeated("{a.a.a.a = [\n", 50'000),
    "x = \"\"\"\"\"\"\"\"\n" + repeated("a.", 400'000) + "a = 1",
    "x = '''a'''''\n" + repeated("a.", 400'000) + "a = 1",
    "x = \"\\\"\"\n" + repeated("a.", 400'000) + "a = 1",
  };
  for (const auto& text : deep) {
    const auto error = error_of(text);
    CAPTURE(text.substr(0, 40));
    CHECK_MESSAGE(error.find("more than 16 levels") != std::string::npos, error);
  }
  CHECK(error_of("a = '" + repeated(".[{", 1'000) + "'\nb = \"\"\"\n" + repeated(".", 100)
                 + "\n\"\"\" # " + repeated(".", 100) + "\n")
          .empty());
}

TEST_CASE("configuration file: random and damaged texts give values or one line, never a crash") {
  const std::string good = "a = 1\n\"b c\" = 'x'\nl = [1, 2]\nd = 1979-05-27T07:32:00Z\n[t]\nk = "
                           "{ x = 1.5e3, y = \"\\u00e9\" }\n[[u]]\nz = \"\"\"a\n b\"\"\"\n";
  const std::string letters = "ab.=[]{}\"'\\\n#, \t\r0123_-+:TZ\xc3\xa9\xff\x00";
  std::mt19937 random{20'261'129};
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    if (i % 2 == 0) {
      text = good;
      for (auto changes = 1 + random() % 4; changes > 0; --changes)
        text[random() % text.size()] = static_cast<char>(random());
      text.resize(random() % (text.size() + 1));
    } else {
      for (auto left = random() % 64; left > 0; --left)
        text += letters[random() % letters.size()];
    }
    const auto error = error_of(text);
    if (error.find('\n') != std::string::npos)
      FAIL("an error of two lines: " << error);
    if (!error.empty() && !begins(error, "a.toml:"))
      FAIL("an error without its place: " << error);
  }
}

TEST_CASE("configuration file: drop-ins come in the order of their names") {
  const scratch_folder folder;
  const auto file = folder.file("node.toml");
  CHECK(drop_ins_of(file)->empty());
  std::filesystem::create_directory(folder.file("node.conf.d"));
  for (const auto* name : {"20-b.toml", "10-a.toml", ".hidden.toml", "old.toml.bak", "30.conf"})
    (void)folder.write("node.conf.d/" + std::string{name}, "");
  const auto found = drop_ins_of(file);
  REQUIRE(found);
  REQUIRE(found->size() == 2);
  CHECK((*found)[0] == folder.file("node.conf.d/10-a.toml"));
  CHECK((*found)[1] == folder.file("node.conf.d/20-b.toml"));
  for (int i = 0; i < 100; ++i)
    (void)folder.write("node.conf.d/x" + std::to_string(i) + ".toml", "");
  CHECK(drop_ins_of(file).code() == errc::invalid);
}

TEST_CASE("secret file: the first line without its end; a warning when every user can read it") {
  const scratch_folder folder;
  const auto path = folder.write("secret", "s e c r e t\r\nmore\n");
  ::chmod(path.c_str(), 0640); // so does systemd, with an access list for the service
  auto read = read_secret(path);
  REQUIRE(read);
  CHECK(read->text == "s e c r e t");
  CHECK(read->warning.empty());
  ::chmod(path.c_str(), 0644);
  read = read_secret(path);
  REQUIRE(read);
  CHECK(read->warning.find(path) != std::string::npos);
  CHECK(read->warning.find("s e c") == std::string::npos);
  CHECK(read_secret(folder.file("none")).code() == errc::missing);
  CHECK(read_secret(folder.file("")).code() == errc::unreadable); // a folder
  CHECK(read_secret(folder.write("empty", "\n")).code() == errc::invalid);
  CHECK(read_secret(folder.write("zero", std::string("a\0b", 3))).code() == errc::invalid);
  CHECK(read_secret(folder.write("large", std::string(70'000, 'x'))).code() == errc::invalid);
}
