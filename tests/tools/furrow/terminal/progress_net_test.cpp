/// Long work says how far it is to a person at a terminal, and nothing to a program that reads standard error.
///
/// Method: both run at the same time, the program first. Once the terminal shows progress, the program has had its time
///   to say something, too.
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/child_process.hpp"
#include "tests/tools/furrow/cli_world.hpp"
#include "tests/tools/furrow/terminal_child.hpp"

#include <doctest/doctest.h>

using namespace furrow;
using namespace furrow::tests;

TEST_CASE("furrow frames: into a file shows its progress on a terminal, and nothing elsewhere") {
  const scratch_folder folder;
  cli_world world;
  auto& database = world.node.database;
  database.frame_count = 4'000'000'000; // no end
  database.make_frame = [](can::frame_block& block, std::uint64_t seq) {
    const std::array<std::uint8_t, 8> payload{1, 2, 3};
    REQUIRE(block.push(1'588'310'400'000'000 + static_cast<std::int64_t>(seq),
                       can::pack({.id = 0x123, .length = 8}), payload.data()));
  };
  const auto command =
    "exec " FURROW_BIN_DIR "/furrow --at " + world.front.url() + " frames T1 > /dev/null";
  child_process program{"/bin/bash", {"-c", command}, folder.file("errors")};
  terminal_child person{{"/bin/bash", "-c", command}, {}};
  CHECK(person.sees("\rframes: "));
  CHECK(person.sees(" frames, "));
  CHECK(person.sees(" MB, "));
  program.signal(SIGKILL);
  CHECK(program.wait() == 128 + SIGKILL);
  CHECK(program.output().empty());
}
