/// Names beside PGNs and SPNs: over HTTP and with the real program, on a fake node.
#include "tests/tools/furrow/cli_world.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::ordered_json;

namespace {

/// PGN 65265, which the catalogue calls CCVS1, SPN 110, which it calls ET1.engine_coolant_temperature, and a frame of
/// 11 bits.
constexpr const char* own_file = R"(VERSION ""
BU_: ECU
BO_ 2566844926 Ground_Speed: 8 ECU
 SG_ coolant : 0|8@1+ (1,-40) [-40|210] "C" ECU
BO_ 291 Door: 8 ECU
 SG_ open : 0|2@1+ (1,0) [0|1] "" ECU
BA_DEF_ SG_ "SPN" INT 0 524287;
BA_DEF_DEF_ "SPN" 0;
BA_ "SPN" SG_ 2566844926 coolant 110;
)";

struct names_world : cli_world {
  names_world() {
    const auto fault = [this](const char* machine, std::int32_t spn) {
      node.database.bus_faults.push_back(
        {"default", machine, "can0", 0, {}, spn, 3, 1, 2, {}, 1, 2, "red"});
    };
    fault("T1", 110);
    fault("T2", 110);
  }
  void load(const std::string& equipment) {
    storage::stored_dbc file;
    file.id = 1;
    file.name = "own.dbc";
    file.farm = "default";
    file.equipment = equipment;
    file.content = own_file;
    CHECK(node.own_files.set({"1", {file}}).empty());
  }
  ordered_json get(const std::string& target) {
    raw_client client{front.at()};
    const auto answer = client.get(target);
    REQUIRE(answer.status == 200);
    return ordered_json::parse(answer.body);
  }
  /// The names of the frames of T1, in order.
  std::string frame_names(const std::string& target) {
    raw_client client{front.at()};
    std::istringstream lines{client.get(target).body};
    std::string out;
    for (std::string line; std::getline(lines, line);)
      out += ordered_json::parse(line).at("name").dump() + ' ';
    return out;
  }
};

const std::string of_faults = "/api/v1/faults";
const std::string of_frames = "/api/v1/frames?equipment=T1&format=jsonl";

} // namespace

TEST_CASE("names: frames and faults have those of the catalogue, and null where it knows none") {
  names_world furrow;
  CHECK(furrow.frame_names(of_frames) == R"("CCVS1" null "CCVS1" )");
  CHECK(furrow.frame_names("/api/v1/equipment/T1/frames?last=2&format=jsonl")
        == R"(null "CCVS1" )");
  furrow.node.database.bus_faults[1].spn = 524'000;
  const auto faults = furrow.get(of_faults)["faults"];
  CHECK(faults[0]["name"] == "ET1.engine_coolant_temperature");
  CHECK(faults[1]["name"].is_null());
  const auto machine = furrow.get("/api/v1/equipment/T1");
  CHECK(machine["faults"][0]["name"] == "ET1.engine_coolant_temperature");
  CHECK(machine["cleared_faults"][0]["name"] == "EEC1.engine_speed"); // SPN 190
}

TEST_CASE("names: a DBC file for a machine names its messages and parameters, and no other's") {
  names_world furrow;
  furrow.load("T1");
  CHECK(furrow.frame_names(of_frames) == R"("Ground_Speed" "Door" "Ground_Speed" )");
  const auto faults = furrow.get(of_faults)["faults"];
  CHECK(faults[0]["name"] == "Ground_Speed.coolant");
  CHECK(faults[1]["name"] == "ET1.engine_coolant_temperature"); // of T2
  const auto machine = furrow.get("/api/v1/equipment/T1");
  CHECK(machine["faults"][0]["name"] == "Ground_Speed.coolant");
  CHECK(machine["cleared_faults"][0]["name"] == "EEC1.engine_speed"); // the catalogue's
  furrow.load("T2");
  CHECK(furrow.frame_names(of_frames) == R"("CCVS1" null "CCVS1" )");
}

TEST_CASE("furrow frames, faults, equipment: a wide table has the names") {
  names_world furrow;
  CHECK(
    good(furrow("frames", "T1", "-o", "wide", "--last", "2"))
    == "       SEQ  TIME                         BUS           ID     PGN  LEN  DATA              "
       "NAME\n"
       "         2  2020-05-01T05:20:00.002000Z  can0         123       -    2  0102        "
       "      -\n"
       "         3  2020-05-01T05:20:00.003000Z  can0    18FEF100   65265    8  0102030405060703"
       "  CCVS1\n");
  CHECK(good(furrow("frames", "T1")).find("CCVS1") == std::string::npos);
  const auto faults = good(furrow("faults", "-o", "wide"));
  CHECK(faults.find("  NAME\n") != std::string::npos);
  CHECK(faults.find("  ET1.engine_coolant_temperature\n") != std::string::npos);
  CHECK(good(furrow("faults")).find("NAME") == std::string::npos);
  CHECK(good(furrow("equipment", "T1", "-o", "wide")).find("  EEC1.engine_speed\n")
        != std::string::npos);
}
