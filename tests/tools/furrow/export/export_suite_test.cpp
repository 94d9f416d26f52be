// `furrow export` byte for byte, the same on both databases: built into export_tests and export_pg_tests.
#include "tests/storage/suite/digest_bed.hpp"
#include "tests/storage/suite/record_bed.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/furrow/export/export_bed.hpp"
#include "tests/tools/furrow/maintenance_suite.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace can = furrow::can;
namespace fs = std::filesystem;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t export_ms = 1'000;

/// Engine speed with and without a value, a speed at the same time, a broadcast of DM1, process data, another bus; and
/// records. The broadcast begins among the sealed frames and ends among the fresh ones.
void fill_for_export(store_bed& bed, store& store) {
  can::frame_block block;
  const auto put = [&](const char* text, std::int64_t ms, std::uint8_t bus = 0) {
    const quoted_frame frame{text, record_start_us + ms * export_ms, bus};
    REQUIRE(block.push(frame.time_us, frame.header, frame.data.data()));
  };
  put("0CF00400#FFFFFF6813FFFFFF", 0);
  put("18FEF100#FF0014FFFFFFFFFF", 0);
  put("0CF00400#FFFFFF00FEFFFFFF", 100);
  put("0CF00400#FFFFFF0000FFFFFF", 200);
  put("0CF00400#FFFFFF0100FFFFFF", 200); // the same signal at the same time
  put("18ECFF00#200A0002FFCAFE00", 300);
  auto sealed = append_of(claim(store, request_for("T1", 1)).claim, 0, std::exchange(block, {}));
  sealed.buses = {{0, "can0"}, {1, "imple\"ment,1"}};
  const auto lane = store.open_appender("w0");
  const auto [claimed, to] = std::pair{sealed.claim, sealed.to};
  REQUIRE(append(*lane, {std::move(sealed)}));
  seal_for_export(bed, store);
  put("18EBFF00#0110FF6E00000564", 350);
  put("18EBFF00#02000301FFFFFFFF", 400);
  put("1CCBFF81#53000600E8030000", 500);
  put("123#0A0B", 600, 1);
  auto frames = append_of(claimed, to, std::move(block));
  auto records = append_records(
    frames.claim, frames.to,
    {record_at(
       0, can::record_kind_sensor,
       R"({"sensor":"soil, \"north\"","type":"soil","quantity":"moisture","value":23.5,"unit":"%"})"),
     record_at(1, can::record_kind_yield, yield_body),
     record_at(2, can::record_kind_tokens, tokens_body)});
  REQUIRE(append(*lane, {std::move(frames), std::move(records)}));
  plain_digest{store}.run_all();
}

/// Exports into a folder of its own and reads what came.
class export_world {
public:
  explicit export_world(const store_bed& bed) : bed_{bed} {}

  program_result run(std::vector<std::string> words) const {
    words.insert(words.begin(), {FURROW_BIN_DIR "/furrow", "export"});
    words.insert(words.end(), {"--database", bed_.url(), "--equipment", "T1"});
    return run_program(std::move(words));
  }
  /// The text of the file that these words make.
  std::string text(std::vector<std::string> words, const std::string& ending = "csv") const {
    const auto name = folder_.file("out." + ending);
    words.insert(words.end(), {"--force", "-o", name});
    const auto ended = run(std::move(words));
    CAPTURE(ended.errors);
    REQUIRE(ended.exit_code == 0);
    CHECK_FALSE(fs::exists(name + ".part"));
    CHECK_FALSE(fs::exists(name + ".part.position"));
    return read(name);
  }
  static std::string read(const std::string& name) {
    std::ifstream in{name, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }

private:
  const store_bed& bed_;
  scratch_folder folder_;
};

/// With the line ends of RFC 4180.
std::string csv(const std::string& lines) {
  std::string out;
  for (const char c : lines)
    out += c == '\n' ? std::string{"\r\n"} : std::string{c};
  return out;
}

} // namespace

TEST_CASE("furrow export: signals as one row a value, with states and labels") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_for_export(*bed, *store);
  const export_world here{*bed};
  CHECK(here.text({"signals", "--signals", "engine_speed,PD.*"})
        == csv("time,signal,value,unit,label,state\n"
               "2026-05-01T06:30:00.000000Z,EEC1.engine_speed,621,rpm,,value\n"
               "2026-05-01T06:30:00.100000Z,EEC1.engine_speed,,rpm,,error\n"
               "2026-05-01T06:30:00.200000Z,EEC1.engine_speed,0,rpm,,value\n"
               "2026-05-01T06:30:00.200000Z,EEC1.engine_speed,0.125,rpm,,value\n"
               "2026-05-01T06:30:00.500000Z,PD.element_5.ddi_6,1000,mg/m\xC2\xB2,,value\n"));
  // Both ends of the range are included, and the broadcast has the time of its last frame.
  CHECK(
    here.text({"signals", "--signals", "DM1.red_*", "--signals", "EEC1.engine_speed", "--from",
               "2026-05-01T06:30:00.2Z", "--to", "2026-05-01T06:30:00.4Z"},
              "jsonl")
    == R"({"time":"2026-05-01T06:30:00.200000Z","signal":"EEC1.engine_speed","value":0,"unit":"rpm","label":null,"state":"value"}
{"time":"2026-05-01T06:30:00.200000Z","signal":"EEC1.engine_speed","value":0.125,"unit":"rpm","label":null,"state":"value"}
{"time":"2026-05-01T06:30:00.400000Z","signal":"DM1.red_stop_lamp","value":1,"unit":null,"label":"on","state":"value"}
)");
}

TEST_CASE("furrow export: signals as columns, absent is empty and never 0") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_for_export(*bed, *store);
  const export_world here{*bed};
  CHECK(here.text({"signals", "--wide", "--signals", "DM1.*lamp,CCVS1.*,engine_*"})
        == csv("time,CCVS1.wheel_based_vehicle_speed (km/h),DM1.amber_warning_lamp,"
               "DM1.malfunction_lamp,DM1.protect_lamp,DM1.red_stop_lamp,EEC1.engine_speed (rpm)\n"
               "2026-05-01T06:30:00.000000Z,20,,,,,621\n"
               "2026-05-01T06:30:00.200000Z,,,,,,0\n"
               "2026-05-01T06:30:00.200000Z,,,,,,0.125\n"
               "2026-05-01T06:30:00.400000Z,,0,0,0,1,\n"));
  // A signal that is named in full has a column, also if it was never sent.
  CHECK(
    here.text({"signals", "--wide", "--signals", "EEC1.engine_speed,EEC2.engine_load"}, "jsonl")
    == R"row({"time":"2026-05-01T06:30:00.000000Z","EEC1.engine_speed (rpm)":621,"EEC2.engine_load (%)":null}
{"time":"2026-05-01T06:30:00.200000Z","EEC1.engine_speed (rpm)":0,"EEC2.engine_load (%)":null}
{"time":"2026-05-01T06:30:00.200000Z","EEC1.engine_speed (rpm)":0.125,"EEC2.engine_load (%)":null}
)row");
}

TEST_CASE("furrow export: a DBC file of the database decodes, and replaces signals of one name") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_for_export(*bed, *store);
  const export_world here{*bed};
  const auto dbc = here.file("own.dbc");
  std::ofstream{dbc} << "BO_ 2364540158 EEC1: 8 X\n"
                        " SG_ engine_speed : 24|16@1+ (1,0) [0|65535] \"raw\" X\n"
                        "BO_ 291 OWN: 2 X\n SG_ second : 8|8@1+ (0.1,0) [0|25.5] \"bar\" X\n";
  good({"dbc", "load", dbc, "--for", "T1", "--database", bed->url()});
  CHECK(here.text({"signals", "--signals", "engine_speed,OWN.*", "--to", "2026-05-01T06:30:00Z"})
        == csv("time,signal,value,unit,label,state\n"
               "2026-05-01T06:30:00.000000Z,EEC1.engine_speed,4968,raw,,value\n"));
  CHECK(here.text({"signals", "--signals", "OWN.second"})
        == csv("time,signal,value,unit,label,state\n"
               "2026-05-01T06:30:00.600000Z,OWN.second,1.1,bar,,value\n"));
  // It names trouble codes too.
  const auto codes = here.file("codes.dbc");
  std::ofstream{codes} << "VERSION \"\"\nBO_ 292 OTHER: 8 X\n"
                          " SG_ oil : 0|8@1+ (1,0) [0|255] \"bar\" X\n"
                          "BA_DEF_ SG_ \"SPN\" INT 0 524287;\nBA_DEF_DEF_ \"SPN\" 0;\n"
                          "BA_ \"SPN\" SG_ 292 oil 100;\n";
  good({"dbc", "load", codes, "--for", "T1", "--database", bed->url()});
  CHECK(here.text({"faults"}).find(",100,OTHER.oil,3,") != std::string::npos);
}

// Symptom: 18446744073709551613 was written as 18446744073709552000.
TEST_CASE("furrow export: whole numbers of 64 bits keep all digits") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  can::frame_block block;
  std::int64_t ms = 0;
  for (const auto* text : {"124#FDFFFFFFFFFFFFFF", "125#0100000000000080", "124#0500000000000000",
                           "124#0100000000002000"}) {
    const quoted_frame frame{text, record_start_us + 100 * export_ms * (ms++ / 2)};
    REQUIRE(block.push(frame.time_us, frame.header, frame.data.data()));
  }
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  REQUIRE(append(*store->open_appender("w0"), {append_of(claimed, 0, std::move(block))}));
  const export_world here{*bed};
  const auto dbc = here.file("big.dbc");
  std::ofstream{dbc} << "BO_ 292 BIG: 8 X\n SG_ serial : 0|64@1+ (1,0) [0|0] \"\" X\n"
                        "BO_ 293 DEEP: 8 X\n SG_ depth : 0|64@1- (1,0) [0|0] \"m\" X\n";
  good({"dbc", "load", dbc, "--for", "T1", "--database", bed->url()});
  CHECK(here.text({"signals", "--signals", "BIG.*,DEEP.*"})
        == csv("time,signal,value,unit,label,state\n"
               "2026-05-01T06:30:00.000000Z,BIG.serial,18446744073709551613,,,value\n"
               "2026-05-01T06:30:00.000000Z,DEEP.depth,-9223372036854775807,m,,value\n"
               "2026-05-01T06:30:00.100000Z,BIG.serial,5,,,value\n"
               "2026-05-01T06:30:00.100000Z,BIG.serial,9007199254740993,,,value\n"));
  CHECK(
    here.text({"signals", "--wide", "--signals", "BIG.serial,DEEP.depth"}, "jsonl")
    == R"row({"time":"2026-05-01T06:30:00.000000Z","BIG.serial":18446744073709551613,"DEEP.depth (m)":-9223372036854775807}
{"time":"2026-05-01T06:30:00.100000Z","BIG.serial":5,"DEEP.depth (m)":null}
{"time":"2026-05-01T06:30:00.100000Z","BIG.serial":9007199254740993,"DEEP.depth (m)":null}
)row");
  // Doubles: a Parquet file has them rounded.
  CHECK(here.text({"signals", "--signals", "BIG.*"}, "parquet").starts_with("PAR1"));
}

TEST_CASE("furrow export: telemetry, frames, faults and records") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_for_export(*bed, *store);
  const export_world here{*bed};
  CHECK(here.text({"telemetry"})
        == csv("time,mode,speed_kmh,wheel_speed_kmh,engine_speed_rpm,engine_load_pct,fuel_rate_lph,"
               "fuel_level_pct,coolant_temperature_c,oil_pressure_kpa,battery_v,"
               "ambient_temperature_c,rear_pto_rpm,front_pto_rpm,rear_hitch_pct,front_hitch_pct,"
               "latitude_deg,longitude_deg,altitude_m,course_deg,engine_hours_h,total_fuel_l\n"
               "2026-05-01T06:30:00.000000Z,off,20,20,0.125,,,,,,,,,,,,,,,,,\n"));
  CHECK(here.text({"frames", "--from", "2026-05-01T06:30:00.5Z"})
        == csv("time,bus,id,extended,remote,error,kind,length,data,direction\n"
               "2026-05-01T06:30:00.500000Z,can0,1CCBFF81,true,false,false,classic,8,"
               "53000600E8030000,\n"
               "2026-05-01T06:30:00.600000Z,\"imple\"\"ment,1\",123,false,false,false,classic,2,"
               "0A0B,\n"));
  CHECK(
    here.text({"frames", "--from", "2026-05-01T06:30:00.6Z"}, "jsonl")
    == R"({"time":"2026-05-01T06:30:00.600000Z","bus":"imple\"ment,1","id":"123","extended":false,"remote":false,"error":false,"kind":"classic","length":2,"data":"0A0B","direction":null}
)");
  CHECK(here.text({"faults"})
        == csv("first_seen,last_seen,cleared,bus,source,iso_name,spn,name,fmi,meaning,appearances,"
               "occurrences,lamp\n"
               "2026-05-01T06:30:00.400000Z,2026-05-01T06:30:00.400000Z,,can0,0,,100,"
               "EFL_P1.engine_oil_pressure,3,voltage too high,1,1,red\n"
               "2026-05-01T06:30:00.400000Z,2026-05-01T06:30:00.400000Z,,can0,0,,110,"
               "ET1.engine_coolant_temperature,0,far above normal,1,5,red\n"));
  CHECK(
    here.text({"sensor"})
    == csv("time,sensor,type,quantity,value,unit,latitude_deg,longitude_deg,altitude_m,quality\n"
           "2026-05-01T06:30:00.000000Z,\"soil, \"\"north\"\"\",soil,moisture,23.5,%,,,,\n"));
  CHECK(
    here.text({"yield"}, "jsonl")
    == R"({"time":"2026-05-01T06:30:01.000000Z","mass_flow_kgps":7.25,"moisture_pct":null,"width_m":9.1,"speed_mps":1.8,"latitude_deg":52.1,"longitude_deg":11.6,"altitude_m":null,"crop":null,"quality":null}
)");
  CHECK(here.text({"tokens"})
        == csv("time,agent,task,model,prompt_tokens,completion_tokens,cost_usd,duration_ms\n"
               "2026-05-01T06:30:02.000000Z,scout,,m-1,1200,88,,\n"));
  CHECK(here.text({"yield", "--from", "2026-05-02"}) // nothing: the header alone
        == csv("time,mass_flow_kgps,moisture_pct,width_m,speed_mps,latitude_deg,longitude_deg,"
               "altitude_m,crop,quality\n"));
}

TEST_CASE("furrow export: the streams of a machine follow each other") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  fill_for_export(*bed, *store);
  can::frame_block
    block; // a second gateway, with its own names of buses; a broadcast does not cross streams
  for (const auto* text : {"18EBFF00#0110FF6E00000564", "0CF00400#FFFFFF0200FFFFFF"}) {
    const quoted_frame frame{text, record_start_us};
    REQUIRE(block.push(frame.time_us, frame.header, frame.data.data()));
  }
  auto second = append_of(claim(*store, request_for("T1", 2)).claim, 0, std::move(block));
  second.buses = {{0, "vcan7"}};
  REQUIRE(append(*store->open_appender("w0"), {std::move(second)}));
  const export_world here{*bed};
  CHECK(here.text({"signals", "--signals", "engine_speed", "--from", "2026-05-01T06:30:00Z", "--to",
                   "2026-05-01T06:30:00Z"})
        == csv("time,signal,value,unit,label,state\n"
               "2026-05-01T06:30:00.000000Z,EEC1.engine_speed,621,rpm,,value\n"
               "2026-05-01T06:30:00.000000Z,EEC1.engine_speed,0.25,rpm,,value\n"));
  const auto frames = here.text({"frames"});
  CHECK(has(frames, "00.600000Z,\"imple\"\"ment,1\",123,false,false,false,classic,2,0A0B,\r\n"
                    "2026-05-01T06:30:00.000000Z,vcan7,18EBFF00,"));
}
