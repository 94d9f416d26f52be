// A farm moves while the process that moves it dies at any moment: between two steps, in a slice, and after a step that
// is done but not noted.
#include "storage/homes/farm_move.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace furrow::storage;

namespace {

/// Both databases and main in one, with what the steps promise. Dies at the `dies_at`-th chance.
class two_databases final : public move_places {
public:
  explicit two_databases(int dies_at) : dies_at_{dies_at} {}

  result<bool> work(const farm_move& move) override {
    if (dies())
      return gone();
    bool finished = true;
    switch (move.step) {
    case move_step::expect:
      target_expects = true;
      break;
    case move_step::leave:
      CHECK(target_expects);
      source_takes = false;
      break;
    case move_step::admit:
      CHECK(!source_takes);
      if (!target_takes)
        elsewhere = items;
      target_takes = true;
      break;
    case move_step::point:
      CHECK(target_takes);
      directory = "b";
      break;
    case move_step::follow:
      finished = elsewhere == 0;
      elsewhere -= finished ? 0 : 1;
      break;
    case move_step::compare:
      CHECK(elsewhere == 0);
      compared = true;
      break;
    case move_step::release:
      CHECK(compared);
      finished = at_source == 0;
      at_source -= finished ? 0 : 1;
      break;
    case move_step::done:
      FAIL("there is nothing to do");
    }
    CHECK(!(source_takes && target_takes));
    CHECK(at_source + items - elsewhere >= items);
    return dies() ? result<bool>{gone()} : result<bool>{finished};
  }

  result<furrow::done> note(const farm_move& move) override {
    noted = move.step;
    if (dies())
      return gone();
    return furrow::done{};
  }

  static constexpr int items = 3;
  move_step noted = move_step::expect;
  bool source_takes = true;
  bool target_expects = false;
  bool target_takes = false;
  bool compared = false;
  int elsewhere = 0;
  int at_source = items;
  std::string directory = "main";

private:
  bool dies() { return --dies_at_ == 0; }
  static failure gone() { return {errc::retry_later, "killed"}; }
  int dies_at_;
};

farm_move one_move(move_step step = move_step::expect) {
  farm_move out;
  out.farm = "north";
  out.source = "main";
  out.target = "b";
  out.step = step;
  return out;
}

} // namespace

TEST_CASE(
  "farm move: killed at any moment and resumed, it ends, and never do two databases take items") {
  bool died = true;
  for (int moment = 1; died; ++moment) {
    CAPTURE(moment);
    REQUIRE(moment < 100);
    two_databases world{moment};
    auto move = one_move();
    const auto first = run_farm_move(move, world, {});
    died = !first;
    // Another process reads what is noted.
    auto resumed = one_move(world.noted);
    const auto moved = run_farm_move(resumed, world, {});
    REQUIRE(moved);
    CHECK(*moved);
    CHECK(resumed.step == move_step::done);
    CHECK(world.noted == move_step::done);
    CHECK(world.target_takes);
    CHECK(world.directory == "b");
    CHECK(world.elsewhere == 0);
    CHECK(world.at_source == 0);
  }
}

TEST_CASE("farm move: stops between two slices when it is told to, and goes on later") {
  two_databases world{0};
  auto move = one_move();
  int looks = 0;
  const auto stopped = run_farm_move(move, world, [&](const farm_move&) { return ++looks < 6; });
  REQUIRE(stopped);
  CHECK(!*stopped);
  CHECK(move.step == move_step::follow);
  CHECK(world.elsewhere == world.items - 1);
  const auto moved = run_farm_move(move, world, {});
  REQUIRE(moved);
  CHECK(*moved);
}

TEST_CASE("farm move: every step has a name that is read back") {
  for (int step = 0; step <= static_cast<int>(move_step::done); ++step)
    CHECK(move_step_of(to_string(static_cast<move_step>(step))) == static_cast<move_step>(step));
  CHECK(!move_step_of("elsewhere"));
}
