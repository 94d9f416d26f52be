// SQL for people beside signals: yield maps, tracks, and what their role may see.
#include "can/frame/identifier.hpp"
#include "storage/records.hpp"
#include "tests/storage/postgres/sealing_bed.hpp"
#include "tests/storage/suite/digest_bed.hpp"
#include "tests/support/data.hpp"

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t people_sql_base_us = 1'700'000'000'000'000;

} // namespace

TEST_CASE("yield_map(): gives tonnes per hectare of a machine, and of a field without its holes") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const auto sample = [](int second, const std::string& body) {
    return can::record{people_sql_base_us + second * 1'000'000LL, can::record_kind_yield, body};
  };
  const auto at = [](const std::string& flow, const std::string& speed, const std::string& where) {
    return "{\"mass_flow_kgps\":" + flow + ",\"width_m\":9,\"speed_mps\":" + speed + where + "}";
  };
  record_batch batch{"default", "C1", "k", {}};
  batch.records = {
    sample(0, at("14.4", "2", ",\"latitude_deg\":52.5,\"longitude_deg\":11.5,\"moisture_pct\":13")),
    sample(1, at("14.4", "0", ",\"latitude_deg\":52.5,\"longitude_deg\":11.5")), // stands still
    sample(2, at("0", "2", ",\"latitude_deg\":52.5,\"longitude_deg\":11.5")),    // no flow
    sample(3, at("14.4", "2", "")),                                              // no position
    sample(4, at("14.4", "2", ",\"latitude_deg\":52.1,\"longitude_deg\":11.1")), // in the hole
    sample(
      5, at("14.4", "2", ",\"latitude_deg\":52.9,\"longitude_deg\":11.95")), // outside, in the box
    sample(6, at("14.4", "2", ",\"latitude_deg\":53.9,\"longitude_deg\":11.5"))}; // outside
  const auto outcome = must(answer_of<record_batch_outcome>(
    [&](auto done) { store->records()->insert_records(std::move(batch), done); }));
  for (const auto& refused : outcome.refused)
    CHECK(refused == "");
  bed.tamper(
    "insert into furrow.field (farm_id, name, boundary, area_m2, west_deg, south_deg, east_deg, "
    "north_deg) "
    "select id, 'F1', "
    "'{\"type\":\"Polygon\",\"coordinates\":[[[11,52],[12,52],[11.5,53],[11,53],[11,52]],"
    "[[11.05,52.05],[11.15,52.05],[11.15,52.15],[11.05,52.15],[11.05,52.05]]]}', 1, 11, 52, 12, 53 "
    "from furrow.farm where name = 'default'");
  const auto map = [&](const std::string& place) {
    return bed.value("select string_agg(extract(epoch from time)::bigint - 1700000000 || ':' || "
                     "coalesce(round(yield_tpha::numeric, 6)::text, 'none') || coalesce('/' || "
                     "moisture_pct, ''), ' ' "
                     "order by time) from furrow.yield_map('"
                     + place + "', '-infinity', 'infinity')");
  };
  CHECK(map("C1") == "0:8.000000/13 1:none 2:0.000000 4:8.000000 5:8.000000 6:8.000000");
  CHECK(map("F1") == "0:8.000000/13 1:none 2:0.000000");
  CHECK(map("field:default/F1") == map("F1"));
  CHECK(bed.value("select count(*) from furrow.yield_map('F1', to_timestamp(1700000001), "
                  "to_timestamp(1700000002))")
        == "2");
  CHECK_THROWS_WITH_AS(map("F2"), doctest::Contains("no field and no equipment F2"),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(map("equipment:F1"), doctest::Contains("no field and no equipment"),
                       std::runtime_error);
}

TEST_CASE("position_track(), roles and the view of chunks work for people") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  can::frame_block block;
  const std::uint8_t here[8] = {0x00, 0xE1, 0xF5, 0x05, 0x00, 0x1F, 0x0A, 0xFA}; // 10, -10
  const std::uint8_t nowhere[8] = {0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F};
  const auto header = can::pack({.id = 0x19F80110, .extended = true, .length = 8});
  REQUIRE(block.push(people_sql_base_us, header, here));
  REQUIRE(block.push(people_sql_base_us + 1, header, nowhere));
  append_blocks(*store, "T1", 1, {block});
  must(seal(*store));
  CHECK(
    bed.value("select latitude || ' ' || longitude from furrow.position_track('T1', '-infinity', "
              "'infinity')")
    == "10 -10");
  CHECK(bed.value("select equipment || ' ' || frames || ' ' || (bytes > 0) from furrow.sealing")
        == "T1 2 true");
  CHECK(bed.value("set role furrow_reader; select count(*) from furrow.frames('T1', '-infinity', "
                  "'infinity')")
        == "2");
  for (const auto* question :
       {"furrow.messages('T1', '-infinity', 'infinity')",
        "furrow.signal('T1', 'N2K_GNSS_POSITION.gnss_altitude', '-infinity', 'infinity') right "
        "join "
        "furrow.messages('T1', '-infinity', 'infinity', 129025) using (time)"})
    CHECK(bed.value("set role furrow_reader; select count(*) from " + std::string{question})
          == "2");
  CHECK(bed.value("set role furrow_reader; select stored from furrow.ledger") == "2");
  for (const auto* hidden : {"furrow.\"user\"", "furrow.token", "furrow.session"}) {
    const auto look = "set role furrow_reader; select count(*) from " + std::string{hidden};
    CHECK_THROWS(bed.tamper(look));
    bed.tamper("select furrow.make_roles()"); // once more by hand
    CHECK_THROWS(bed.tamper(look));
  }
  CHECK_THROWS_WITH_AS(bed.tamper("set role furrow_reader; delete from furrow.can_segment"),
                       doctest::Contains("permission denied"), std::runtime_error);
  bed.tamper("set role furrow_writer; delete from furrow.can_segment");
  CHECK_THROWS_WITH_AS(bed.tamper("set role furrow_writer; create table furrow.mine (a int)"),
                       doctest::Contains("permission denied"), std::runtime_error);
  CHECK_THROWS_WITH_AS(bed.tamper("set role furrow_writer; alter table furrow.can_chunk add a int"),
                       doctest::Contains("must be owner"), std::runtime_error);
}
