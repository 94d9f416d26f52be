// Where the actors of machines publish, and how their readers find them.
#include "actors/live/board.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using namespace furrow::actors;

namespace {

live_snapshot frames_of(const std::string& equipment, std::uint64_t frames) {
  live_equipment made;
  made.farm = "f";
  made.equipment = equipment;
  made.frames = frames;
  return std::make_shared<const live_equipment>(std::move(made));
}

} // namespace

TEST_CASE("board: a machine is found by its name, with the newest actor last") {
  live_board board;
  std::vector<std::shared_ptr<live_board::place>> others;
  for (int i = 0; i < 200; ++i) {
    others.push_back(board.open("f", "M" + std::to_string(i), {}));
    others.back()->publish(frames_of(others.back()->equipment(), 1));
  }
  CHECK(board.of("f", "T1").empty());
  auto older = board.open("f", "T1", {});
  CHECK(board.of("f", "T1").empty()); // it has published nothing
  older->publish(frames_of("T1", 7));
  auto newer = board.open("f", "T1", {});
  newer->publish(frames_of("T1", 8));
  const auto both = board.of("f", "T1");
  REQUIRE(both.size() == 2);
  CHECK(both.front()->frames == 7);
  CHECK(both.back()->frames == 8);
  CHECK(board.of("g", "T1").empty());
  older.reset();
  REQUIRE(board.of("f", "T1").size() == 1);
  CHECK(board.of("f", "T1").front()->frames == 8);
  newer.reset();
  CHECK(board.of("f", "T1").empty());
  CHECK(board.of("f", "M150").size() == 1);
  CHECK(board.all().size() == 200);
}

TEST_CASE("board: machines that come and go do not pile up") {
  live_board board;
  const auto stays = board.open("f", "T1", {});
  stays->publish(frames_of("T1", 1));
  for (int i = 0; i < 1'000; ++i)
    (void)board.open("f", "M" + std::to_string(i), {});
  CHECK(board.all().size() == 1);
  CHECK(board.of("f", "T1").size() == 1);
  CHECK(board.of("f", "M999").empty());
}
