// Where each farm lives, as a node knows it: databases are opened when they are needed, and one that is away harms no other.
#include "storage/membership.hpp"
#include "tests/storage/homes/homes_bed.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/scratch_folder.hpp"

#include <future>

using namespace furrow::storage;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

using clock_type = std::chrono::steady_clock;

/// How long a question took.
template <class Ask>
std::chrono::milliseconds time_of(Ask ask) {
  const auto begun = clock_type::now();
  ask();
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_type::now() - begun);
}

/// Main in the shared cluster; b in a cluster of its own, which a test may stop.
struct far_database {
  postgres_bed first;
  pg_cluster second;
  std::unique_ptr<store> main = first.open_migrated();
  std::shared_ptr<home_stores> homes = prepared();
  std::vector<std::string> told;
  std::mutex mutex;
  std::unique_ptr<store> routed =
    route_by_farm(homes, [this](const std::string& name, const failure&) {
      const std::lock_guard lock{mutex};
      told.push_back(name);
    });

  std::shared_ptr<home_stores> prepared() const {
    const auto far = open_url(second.url());
    (void)must(
      answer_of<std::vector<migration_row>>([&](auto done) { far->migrate(std::move(done)); }));
    (void)claim(*main, request_of("old", "T1", 1));
    add_database(*main, "b", second.url());
    fill_main(*main);
    return homes_of(first.open());
  }
  std::size_t times_told() {
    const std::lock_guard lock{mutex};
    return told.size();
  }
};

} // namespace

TEST_CASE("postgres, homes: with one database every farm is found at once, and nothing is asked") {
  postgres_bed bed;
  (void)bed.open_migrated();
  const auto homes = homes_of(bed.open());
  REQUIRE(eventually(patience, [&] { return homes->find("any").has_value(); }));
  CHECK(homes->find("any")->index == home_stores::main);
  CHECK(homes->find("any")->name == "main");
  CHECK(homes->open().size() == 1);
  CHECK(bed.value("select count(*) from farm_home") == "0");
}

TEST_CASE("postgres, homes: SQLite has main alone") {
  const scratch_folder folder;
  const auto homes = homes_of(open_url("sqlite:" + folder.file("farm.db")));
  REQUIRE(homes->find("north"));
  CHECK(homes->find("north")->index == home_stores::main);
  CHECK(must(resolve(*homes, "north")).name == "main");
  const auto routed = route_by_farm(homes);
  CHECK(routed->directory() == nullptr);
  CHECK(routed->membership() == nullptr);
}

TEST_CASE("postgres, homes: a database is opened when its first farm needs it, and told once") {
  two_databases all;
  std::atomic<int> opened = 0;
  std::atomic<std::size_t> index = 0;
  all.homes->on_open([&](const home_stores::home& home) {
    ++opened;
    index = home.index;
    CHECK_FALSE(all.homes->find("north")); // nobody claims there before its lanes are there
  });
  CHECK(must(resolve(*all.homes, "old")).index == home_stores::main);
  CHECK(all.homes->open().size() == 1);
  CHECK(opened == 0);
  const auto north = must(resolve(*all.homes, "north"));
  CHECK(north.name == "b");
  CHECK(north.index == 1);
  CHECK(opened == 1);
  CHECK(index == 1);
  CHECK(must(resolve(*all.homes, "south")).store == north.store);
  CHECK(opened == 1);
  REQUIRE(all.homes->find("north"));
  CHECK(all.homes->open().size() == 2);
  int later = 0;
  all.homes->on_open([&](const home_stores::home&) { ++later; });
  CHECK(later == 1);
}

TEST_CASE("postgres, homes: a node that starts opens the databases of all farms") {
  two_databases all;
  (void)store_frames(*all.homes, "north", "T1", 2, 20);
  const auto second = homes_of(all.first.open());
  CHECK(eventually(patience, [&] { return second->open().size() == 2; }));
  CHECK(eventually(patience, [&] { return second->find("north").has_value(); }));
}

TEST_CASE("postgres, homes: a farm that moved is found in its new home, an older word changes "
          "nothing") {
  two_databases all;
  CHECK(must(resolve(*all.homes, "old")).name == "main");
  all.homes->correct({"old", "b", 2});
  CHECK(must(resolve(*all.homes, "old")).name == "b");
  all.homes->correct({"old", "main", 1});
  CHECK(must(resolve(*all.homes, "old")).name == "b");
  all.homes->correct({"old", "nowhere", 3});
  const auto lost = resolve(*all.homes, "old");
  REQUIRE_FALSE(lost);
  CHECK(lost.error().detail == "the directory has no database nowhere");
  // Another node hears of it from the directory.
  const auto second = homes_of(all.first.open());
  CHECK(must(resolve(*second, "old")).name == "main");
  all.first.tamper("insert into farm_home values ('old', 'b', 2)");
  CHECK(eventually(patience, [&] {
    second->refresh();
    const auto known = second->find("old");
    return known && known->name == "b";
  }));
}

TEST_CASE("postgres, homes: a database whose schema is not current fails its farms alone, until it "
          "is migrated") {
  postgres_bed first;
  postgres_bed second;
  const auto main = first.open_migrated();
  (void)claim(*main, request_of("old", "T1", 1));
  add_database(*main, "b", second.url());
  fill_main(*main);
  const auto homes = homes_of(first.open());
  const auto north = resolve(*homes, "north");
  REQUIRE_FALSE(north);
  CHECK(north.code() == errc::misconfigured);
  CHECK(north.error().detail.find("migration 1 streams_and_blocks: not applied; `furrow db migrate")
        != std::string::npos);
  CHECK(north.error().detail.find("://") == std::string::npos); // GET /health shows it to anybody
  CHECK(must(resolve(*homes, "old")).name == "main");
  REQUIRE(homes->unusable().size() == 1);
  CHECK(homes->unusable()[0].first == "b");
  CHECK(must(machines(*route_by_farm(homes))).size() == 1);
  // Repaired: the node finds out by itself.
  (void)second.open_migrated();
  CHECK(eventually(patience, [&] {
    homes->refresh();
    return homes->find("north").has_value();
  }));
  CHECK(homes->unusable().empty());
}

TEST_CASE("postgres, homes: a node that migrates its database migrates the others too") {
  postgres_bed first;
  postgres_bed second;
  const auto main = first.open_migrated();
  add_database(*main, "b", second.url());
  fill_main(*main);
  const auto homes = homes_of(first.open(), true);
  CHECK(must(resolve(*homes, "north")).name == "b");
  CHECK(second.value("select count(*) > 25 from migration") == "t");
}

TEST_CASE("postgres, homes: a database that is main under a second name is refused") {
  postgres_bed bed;
  const auto main = bed.open_migrated();
  add_database(*main, "b", bed.url());
  fill_main(*main);
  const auto homes = homes_of(bed.open());
  const auto north = resolve(*homes, "north");
  REQUIRE_FALSE(north);
  CHECK(north.error().detail.find("is its URL that of main?") != std::string::npos);
}

TEST_CASE_FIXTURE(far_database,
                  "postgres, homes: a database that is away fails its farms alone, at once") {
  (void)store_frames(*homes, "north", "T2", 2, 20);
  REQUIRE(must(machines(*routed)).size() == 2);
  second.stop_fast();
  const auto took = time_of([&] {
    for (int i = 0; i < 5; ++i) {
      const auto rows = must(machines(*routed));
      REQUIRE(rows.size() == 1);
      CHECK(rows[0].farm == "old");
    }
  });
  CHECK(took < 5s);
  CHECK(times_told() == 1); // not once a question
  CHECK(must(machines(*routed, "old")).size() == 1);
  CHECK_FALSE(machines(*routed, "north"));
  CHECK(must(resolve(*homes, "old")).name == "main");
  second.start();
  CHECK(eventually(patience, [&] { return must(machines(*routed)).size() == 2; }));
  CHECK(must(machines(*routed, "north")).size() == 1);
}

TEST_CASE_FIXTURE(far_database,
                  "postgres, homes: a database that hangs costs the first question "
                  "two seconds and the next ones nothing") {
  (void)store_frames(*homes, "north", "T2", 2, 20);
  REQUIRE(must(machines(*routed)).size() == 2);
  second.freeze();
  const auto slow = time_of([&] { CHECK(must(machines(*routed)).size() == 1); });
  CHECK(slow >= 1900ms);
  CHECK(slow < 4s);
  const auto quick = time_of([&] {
    for (int i = 0; i < 10; ++i)
      CHECK(must(machines(*routed)).size() == 1);
  });
  CHECK(quick < 1s);
  CHECK(time_of([&] { CHECK(must(machines(*routed, "old")).size() == 1); }) < 1s);
  second.thaw();
  CHECK(eventually(patience, [&] { return must(machines(*routed)).size() == 2; }));
}

TEST_CASE_FIXTURE(
  far_database, "postgres, homes: a database that hangs while it is opened keeps nobody waiting") {
  REQUIRE(must(resolve(*homes, "old")).name == "main");
  second.freeze();
  std::promise<result<home_stores::home>> promised;
  auto first = promised.get_future();
  homes->resolve("north", [&](auto outcome) { promised.set_value(std::move(outcome)); });
  CHECK(time_of([&] {
          CHECK(eventually(patience, [&] {
            homes->refresh(); // as the node does every few seconds
            return first.wait_for(0s) == std::future_status::ready;
          }));
        })
        < 3s);
  CHECK(homes->incomplete());
  CHECK(first.get().error().detail == "the database b has not answered yet");
  CHECK(time_of([&] { CHECK(resolve(*homes, "south").code() == errc::retry_later); }) < 1s);
  CHECK(eventually(patience, [&] { return homes->unusable().size() == 1; }));
  second.thaw();
  CHECK(eventually(patience, [&] {
    homes->refresh();
    return homes->find("north").has_value();
  }));
  CHECK(homes->unusable().empty());
  CHECK_FALSE(homes->incomplete());
}

TEST_CASE(
  "postgres, homes: who waits for the directory is told when main hangs, and nobody else has "
  "to ask") {
  pg_cluster cluster;
  auto main = open_url(cluster.url());
  (void)must(
    answer_of<std::vector<migration_row>>([&](auto done) { main->migrate(std::move(done)); }));
  const auto homes = homes_of(std::move(main));
  REQUIRE(eventually(patience, [&] { return homes->find("any").has_value(); }));
  const auto look = [&] {
    auto promised = std::make_shared<std::promise<result<furrow::done>>>();
    homes->look_again(
      [promised](const result<furrow::done>& looked) { promised->set_value(looked); });
    return promised->get_future();
  };
  auto well = look();
  REQUIRE(well.wait_for(3s) == std::future_status::ready);
  CHECK(well.get());
  cluster.freeze();
  auto first = look();
  auto second = look(); // the reading had begun
  CHECK(first.wait_for(3s) == std::future_status::ready);
  CHECK(second.wait_for(1s) == std::future_status::ready);
  cluster.thaw();
  for (auto* each : {&first, &second})
    if (each->wait_for(0s) == std::future_status::ready)
      CHECK(each->get().code() == errc::retry_later);
}

TEST_CASE_FIXTURE(far_database,
                  "postgres, homes: a database that hangs does not keep main from the "
                  "record of the nodes, and the pins are whole or none") {
  (void)store_frames(*homes, "north", "T2", 2, 20);
  auto& area = *routed->membership();
  node_identity node{"n1", {}};
  node.incarnation.fill(7);
  (void)must(answer_of<beat_outcome>([&](auto done) {
    area.beat({node, true, false, {}, {}}, done);
  }));
  const machine_names served{{"north", "T2"}, {"old", "T1"}};
  const auto settle = [&] {
    return must(answer_of<machine_names>([&](auto done) { area.settle(node, served, done); }));
  };
  const auto pins = [&] {
    return answer_of<std::vector<machine_home>>([&](auto done) { area.pins(done); });
  };
  CHECK(settle().size() == 2);
  CHECK(pins());
  second.freeze();
  CHECK(time_of([&] { CHECK(settle() == machine_names{{"old", "T1"}}); }) < 4s);
  CHECK(time_of([&] { CHECK(settle() == machine_names{{"old", "T1"}}); }) < 1s);
  CHECK(pins().code() == errc::retry_later);
  const auto gone = must(
    answer_of<machine_names>([&](auto done) { area.unsettle(node, served, std::move(done)); }));
  CHECK(gone == machine_names{{"old", "T1"}});
  second.thaw();
  CHECK(eventually(patience, [&] { return settle().size() == 2; }));
  CHECK(eventually(patience, [&] { return pins().has_value(); }));
}
