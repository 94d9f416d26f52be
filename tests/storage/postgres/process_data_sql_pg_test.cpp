// Process data in SQL: each element and DDI is a signal, in the unit of the DDI.
#include "can/isobus/ddi.hpp"
#include "tests/storage/postgres/sealing_bed.hpp"
#include "tests/storage/suite/digest_bed.hpp"
#include "tests/support/frames.hpp"

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t process_base_us = 1'700'000'040'000'000; // the beginning of a minute

std::vector<can::frame_block> process_blocks() {
  std::vector<can::frame_block> blocks(2);
  for (int i = 0; i < 240; ++i)
    for (const auto* frame : {"0CCBFF80#3300010010270000", "0CCBFF80#4300010030750000",
                              "0CCBFF80#3300340018FCFFFF", "0CCBFF80#3200010010270000"}) {
      const quoted_frame one{frame, process_base_us + i * 1'000'000};
      REQUIRE(blocks[i < 120 ? 0 : 1].push(one.time_us, one.header, one.data.data()));
    }
  return blocks;
}

} // namespace

TEST_CASE(
  "process data in SQL: signal() and signal_bucket() give one element and DDI, in its unit") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_half_sealed(*store, process_blocks());
  const auto summary = [&](const std::string& signal) {
    return bed.value(
      "select count(*) || ' ' || min(value) || ' ' || max(value) from furrow.signal('T1', '"
      + signal + "', '-infinity', 'infinity')");
  };
  CHECK(summary("PD.element_3.ddi_1") == "240 100 100");
  CHECK(summary("PD.element_4.ddi_1") == "240 300 300");
  CHECK(summary("PD.element_3.ddi_52") == "240 -1000 -1000");
  CHECK(summary("PD.element_3.ddi_2") == ""); // no row
  CHECK(
    bed.value(
      "select string_agg(count || ' ' || mean, ',' order by time) from furrow.signal_bucket('T1', "
      "'PD.element_4.ddi_1', '-infinity', 'infinity', '2 minutes')")
    == "120 300,120 300");
}

TEST_CASE("process data in SQL: two implements with the same element are told apart by address") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  can::frame_block block;
  for (const auto* frame : {"0CCBFF80#3300010010270000", "0CCBFF81#3300010030750000",
                            "0CCB81F7#3300010018FCFFFF"}) { // the last: a setpoint for the second
    const quoted_frame one{frame, process_base_us};
    REQUIRE(block.push(one.time_us, one.header, one.data.data()));
  }
  append_blocks(*store, "T1", 1, {block});
  const auto values = [&](const std::string& signal) {
    return bed.value("select string_agg(value::text, ' ' order by value) from furrow.signal('T1', '"
                     + signal + "', '-infinity', 'infinity')");
  };
  CHECK(values("PD.element_3.ddi_1") == "-10 100 300");
  CHECK(values("PD.element_3.ddi_1.address_128") == "100");
  CHECK(values("PD.element_3.ddi_1.address_129") == "-10 300");
  CHECK(values("PD.element_3.ddi_1.address_3").empty());
  CHECK_THROWS_AS(values("PD.element_3.ddi_1.address_254"), std::runtime_error);
}

TEST_CASE("process data in SQL: rollups are kept by element and DDI") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  append_half_sealed(*store, process_blocks());
  plain_digest{*store}.run_all();
  CHECK(bed.value("select string_agg(x.name || ' ' || x.count || ' ' || x.min || ' ' || x.max, ',' "
                  "order by x.name) from "
                  "(select n.name, sum(r.count) as count, min(r.min) as min, max(r.max) as max "
                  "from furrow.rollup r join "
                  "furrow.signal_name n on n.id = r.signal where n.name like 'PD.%' group by 1) x")
        == "PD.element_3.ddi_1 240 100 100,PD.element_3.ddi_52 240 -1000 -1000,PD.element_4.ddi_1 "
           "240 300 300");
}

TEST_CASE("process data in SQL: furrow.ddi says the same as the program") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const auto rows =
    shared_cluster().exec("select ddi, name, unit, scale from furrow.ddi order by ddi", bed.name());
  std::size_t at = 0;
  for (std::uint32_t ddi = 0; ddi <= 65'535; ++ddi) {
    const auto known = can::find_ddi(static_cast<std::uint16_t>(ddi));
    if (!known)
      continue;
    REQUIRE(at < rows.size());
    const auto& row = rows[at++];
    CHECK(row[0] == std::to_string(ddi));
    CHECK(row[1] == known->name());
    CHECK(row[2] == known->unit);
    CHECK(std::stod(row[3]) == known->scale);
  }
  CHECK(at == rows.size());
}
