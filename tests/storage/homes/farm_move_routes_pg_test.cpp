// What a node answers that has not read the directory since a farm moved.
#include "storage/farm/repositories.hpp"
#include "storage/homes/home_stores.hpp"
#include "tests/storage/homes/farm_move_bed.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

/// A node, without its actors.
struct stale_node {
  explicit stale_node(const moving_homes& of)
    : homes{make_home_stores(open_url(moving_homes::url(of.main)), [](const database_row& row) {
        store_options options;
        options.url = row.url;
        return open_store(options);
      })} {}
  [[nodiscard]] std::string home_of(const std::string& farm) const {
    return must(answer_of<home_stores::home>([&](auto done) { homes->resolve(farm, done); })).name;
  }
  [[nodiscard]] std::vector<equipment_row> machines(const std::string& farm = {}) const {
    return must(answer_of<std::vector<equipment_row>>(
      [&](auto done) { routed->list_equipment(farm, done); }));
  }
  [[nodiscard]] result<std::vector<stored_frame>> newest(const std::string& farm,
                                                         const std::string& machine) const {
    return answer_of<std::vector<stored_frame>>(
      [&](auto done) { routed->frames()->newest_frames(farm, machine, 10, done); });
  }
  std::shared_ptr<home_stores> homes;
  std::unique_ptr<store> routed = route_by_farm(homes);
};

} // namespace

TEST_CASE("farm move: a node that has read the directory before finds the farm in its new home, in "
          "lists, reads and changes") {
  const moving_homes of;
  REQUIRE(must(move(of, "b", "north")));
  // It has no gateway of the farm, so no claim tells it anything, and nobody calls refresh().
  const stale_node node{of};
  CHECK(node.home_of("north") == "b");
  CHECK(node.home_of("default") == "main");
  const auto before = node.machines().size();
  const auto newest = must(node.newest("default", "T1"));
  REQUIRE(!newest.empty());

  SUBCASE("a list over all farms") {
    REQUIRE(must(move(of, "b")));
    CHECK(node.machines().size() == before);
  }
  SUBCASE("the ledger") {
    const auto rows = ledger(*node.routed).size();
    REQUIRE(must(move(of, "b")));
    CHECK(ledger(*node.routed).size() == rows);
  }
  SUBCASE("a list of the farm") {
    REQUIRE(must(move(of, "b")));
    CHECK(!node.machines("default").empty());
  }
  SUBCASE("frames, also while the source still has them") {
    REQUIRE(must(move(of, "b", "default", [&](const farm_move& now) {
      if (now.step == move_step::compare)
        CHECK(must(node.newest("default", "T1")).back().seq == newest.back().seq);
      return true;
    })));
    CHECK(must(node.newest("default", "T1")).back().seq == newest.back().seq);
  }
  SUBCASE("a machine of any farm") {
    REQUIRE(must(move(of, "b", "default", [&](const farm_move& now) {
      if (now.step == move_step::follow)
        CHECK(node.newest("", "idle").has_value());
      return true;
    })));
    CHECK(!node.machines("default").empty());
  }
  SUBCASE("a change") {
    REQUIRE(must(move(of, "b")));
    equipment_record machine;
    machine.name = "T99";
    const auto made = must(answer_of<unit_outcome>([&](auto done) {
      node.routed->farm()->apply("default", unit_of(action::upsert, machine), done);
    }));
    CHECK(made.rejections.empty());
    CHECK(copy_cluster().value("select count(*) from furrow.equipment where name = 'T99'", of.b)
          == "1");
  }
  SUBCASE("a question whose farm is nowhere") {
    REQUIRE(must(move(of, "b")));
    CHECK(node.newest("default", "none").code() == errc::not_found);
  }
  CHECK(node.home_of("default") == "b");
}

TEST_CASE("farm move: the source keeps its rows until every node has read the directory") {
  const moving_homes of;
  farm_move_wish wish;
  wish.main = options_of(moving_homes::url(of.main));
  wish.farm = "north";
  wish.target = "b";
  wish.by = "test";
  // Two readings of the directory, each 10 s after the one before (tools/furrowd/store_watch.cpp).
  CHECK(wish.release_after > std::chrono::seconds{20});
  wish.release_after = std::chrono::milliseconds{1'500};
  const auto rows = [&] {
    return copy_cluster().value("select count(*) from furrow.stream s join furrow.equipment e on "
                                "e.id = s.equipment_id join furrow.farm f on f.id = e.farm_id "
                                "where f.name = 'north'",
                                of.main);
  };
  const auto all = rows();
  CHECK(all != "0");
  std::optional<std::chrono::steady_clock::time_point> since;
  REQUIRE(must(move_farm(wish, [&](const farm_move& now) {
    if (now.step == move_step::release) {
      if (!since)
        since = std::chrono::steady_clock::now();
      if (std::chrono::steady_clock::now() - *since < std::chrono::milliseconds{1'200})
        CHECK(rows() == all);
    }
    return true;
  })));
  REQUIRE(since);
  CHECK(std::chrono::steady_clock::now() - *since >= std::chrono::milliseconds{1'400});
  CHECK(rows() == "0");
}
