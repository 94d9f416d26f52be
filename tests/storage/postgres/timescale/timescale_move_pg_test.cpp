// A farm whose history is compressed moves to a database with compressed hypertables, and back.
#include "storage/postgres/homes/farm_mover.hpp"
#include "tests/storage/postgres/timescale/timescale_bed.hpp"

#include <string>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr const char* telemetry_of_north =
  "select t.* from furrow.telemetry t join furrow.equipment e on e.id = t.equipment_id join "
  "furrow.farm f on f.id = e.farm_id where f.name = 'north'";
constexpr const char* rollups_of_north =
  "select e.name as machine, n.name, t.minute, t.count, t.min, t.max, t.sum, t.last, t.last_time "
  "from furrow.rollup t join furrow.signal_name n on n.id = t.signal join furrow.equipment e on "
  "e.id = t.equipment_id join furrow.farm f on f.id = e.farm_id where f.name = 'north'";

result<bool> move_north(timescale_database& main, const std::string& target) {
  farm_move_wish wish;
  wish.main.url = main.url();
  wish.farm = "north";
  wish.target = target;
  wish.by = "test";
  wish.release_after = {};
  return move_farm(wish, {});
}

} // namespace

TEST_CASE("timescale: a farm with compressed history moves to compressed hypertables and back, and "
          "no row is lost, doubled or changed") {
  if (timescale_cluster() == nullptr)
    return;
  timescale_database main{new_database("move_main")};
  timescale_database b{new_database("move_b")};
  fill_database(main);
  main.tamper("insert into furrow.database (name, url, number) values ('b', '" + b.url() + "', 1)");
  b.tamper("select furrow.number_ids(1)");
  for (auto* const each : {&main, &b}) {
    (void)make_hypertables(*each);
    // A session that keeps this limit cannot change compressed rows.
    each->tamper("alter database \"" + each->name()
                 + "\" set timescaledb.max_tuples_decompressed_per_dml_transaction = 10");
  }
  compress_all(main);
  const auto telemetry = main.sum(telemetry_of_north);
  const auto rollups = main.sum(rollups_of_north);
  CHECK(telemetry.substr(0, 2) != "0 ");
  CHECK(rollups.substr(0, 2) != "0 ");

  REQUIRE(must(move_north(main, "b")));
  CHECK(b.sum(telemetry_of_north) == telemetry);
  CHECK(b.sum(rollups_of_north) == rollups);
  CHECK(main.sum(telemetry_of_north).substr(0, 2) == "0 ");

  // Back into chunks in which the other farms are compressed.
  compress_all(b);
  REQUIRE(must(move_north(main, "main")));
  CHECK(main.sum(telemetry_of_north) == telemetry);
  CHECK(main.sum(rollups_of_north) == rollups);
  for (auto* const each : {&main, &b})
    CHECK(each->value("select count(*) from furrow.ledger where lost <> 0 or doubled <> 0") == "0");
}
