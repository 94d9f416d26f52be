// What the programs are as files.
#include <doctest/doctest.h>

#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

/// The names of a program's sections.
std::vector<std::string> sections_of(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  REQUIRE_MESSAGE(in.is_open(), path);
  const std::string file{std::istreambuf_iterator<char>{in}, {}};
  const auto read = [&file](auto& into, std::size_t at) {
    REQUIRE(at + sizeof into <= file.size());
    std::memcpy(&into, file.data() + at, sizeof into);
  };
  Elf64_Ehdr head{};
  read(head, 0);
  REQUIRE(std::memcmp(head.e_ident, ELFMAG, SELFMAG) == 0);
  std::vector<Elf64_Shdr> all(head.e_shnum);
  for (std::size_t i = 0; i < all.size(); ++i)
    read(all[i], head.e_shoff + i * head.e_shentsize);
  REQUIRE(head.e_shstrndx < all.size());
  std::vector<std::string> names;
  for (const auto& one : all)
    names.emplace_back(file.data() + all[head.e_shstrndx].sh_offset + one.sh_name);
  return names;
}

} // namespace

TEST_CASE("programs: those of a release carry no debug information") {
  const std::string build = FURROW_BUILD_TYPE;
  if (build != "Release") {
    MESSAGE("a build of type " << build << ": left out");
    return;
  }
  for (const auto* name : {"furrow", "furrowd", "furrow-edge", "furrow-sim"}) {
    const auto sections = sections_of(std::string{FURROW_BIN_DIR} + "/" + name);
    CHECK(sections.size() > 10);
    for (const auto& section : sections)
      CHECK_MESSAGE(section.find("debug_") == std::string::npos, name << " has " << section);
  }
}
