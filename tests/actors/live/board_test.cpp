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

TEST_CASE("board: the machines of a farm are found in the order of their names, from any name on") {
  live_board board;
  std::vector<std::shared_ptr<live_board::place>> all;
  for (const auto* name : {"M3", "M1", "M4", "M2"}) {
    all.push_back(board.open("f", name, {}));
    all.back()->publish(frames_of(name, 1));
  }
  for (const auto* farm : {"e", "g"})
    all.push_back(board.open(farm, "M2", {}));
  const auto silent = board.open("f", "M5", {}); // has published nothing
  (void)board.open("f", "M6", {});               // has ended
  const auto newer = board.open("f", "M2", {});
  newer->publish(frames_of("M2", 9));
  const auto names = [&board](const std::string& after, std::size_t count) {
    std::string out;
    for (const auto& places : board.places_from("f", after, count))
      out += places.back()->equipment() + std::to_string(places.size()) + ' ';
    return out;
  };
  CHECK(names("", 9) == "M11 M22 M31 M41 M51 ");
  CHECK(names("", 2) == "M11 M22 ");
  CHECK(names("M2", 2) == "M31 M41 ");
  CHECK(names("M2x", 1) == "M31 ");
  CHECK(names("M5", 9) == "");
  CHECK(board.places_of("f", "M2").back() == newer);
  std::string snapshots;
  for (const auto& one : board.of_farm("f"))
    snapshots += one->equipment + std::to_string(one->frames) + ' ';
  CHECK(snapshots == "M11 M21 M29 M31 M41 ");
  CHECK(board.of_farm("h").empty());
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
