#include "tests/support/closed_output.hpp"
#include "tests/support/data.hpp"
#include "tests/support/jsonl.hpp"
#include "tools/furrow/logs/decode.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <CLI/CLI.hpp>

namespace {

using furrow::cli::decode_log;
using furrow::cli::decode_options;
using furrow::tests::data_file;
using furrow::tests::for_each_json_line;
using nlohmann::json;

struct decode_run {
  int code = 0;
  std::string out;
  std::string problems;

  [[nodiscard]] std::vector<json> rows() const {
    std::vector<json> all;
    std::istringstream lines{out};
    for (std::string line; std::getline(lines, line);)
      all.push_back(json::parse(line));
    return all;
  }
};

decode_run decode(const std::string& log, const decode_options& options) {
  std::istringstream in{log};
  std::ostringstream out;
  std::ostringstream problems;
  decode_run one;
  one.code = decode_log(options, in, out, problems);
  one.out = out.str();
  one.problems = problems.str();
  return one;
}

/// A DBC file that is there as long as the test.
class dbc_on_disk {
public:
  explicit dbc_on_disk(const std::string& text) {
    static int number = 0;
    path_ = std::filesystem::temp_directory_path()
            / ("furrow-decode-test-" + std::to_string(::getpid()) + '-' + std::to_string(++number)
               + ".dbc");
    std::ofstream{path_} << text;
  }
  ~dbc_on_disk() { std::filesystem::remove(path_); }
  dbc_on_disk(const dbc_on_disk&) = delete;
  dbc_on_disk& operator=(const dbc_on_disk&) = delete;

  [[nodiscard]] std::string path() const { return path_.string(); }

private:
  std::filesystem::path path_;
};

// idle10sec of a John Deere 5055E: the engine stands; then runs (its rev_up_down)
const std::string eec1 = "(1547753403.719009) can0 0CF00400#F0FF7D000000FFFF\n"
                         "(1547753403.729009) can0 0CF00400#F0FF82601C00F0FF\n";

} // namespace

TEST_CASE("decode: prints a row for each message, with all facts of each signal") {
  const auto one = decode(eec1, {.catalogue = true, .json = true});
  CHECK(one.code == 0);
  CHECK(one.problems.empty());
  const auto rows = one.rows();
  REQUIRE(rows.size() == 2);
  const auto& row = rows[1];
  CHECK(row["line"] == 2);
  CHECK(row["time"] == 1547753403.729009);
  CHECK(row["bus"] == "can0");
  CHECK(row["pgn"] == 61444);
  CHECK(row["can_id"] == 0x0CF00400);
  CHECK(row["source"] == 0);
  CHECK(row["destination"] == 255);
  CHECK(row["message"] == "EEC1");
  CHECK(row["signals"]["engine_speed"]
        == json{{"spn", 190},
                {"raw", 7264},
                {"value", 908.0},
                {"unit", "rpm"},
                {"label", nullptr},
                {"state", "value"}});
  CHECK(row["signals"]["engine_torque_driver_demand"]
        == json{{"spn", 512},
                {"raw", 255},
                {"value", nullptr},
                {"unit", "%"},
                {"label", nullptr},
                {"state", "not_available"}});
  CHECK(rows[0]["signals"]["engine_speed"]["value"] == 0.0);
}

TEST_CASE("decode: the text looks like that of cantools") {
  const dbc_on_disk dbc{"BO_ 496 Example: 8 X\n SG_ Enable : 7|1@0+ (1,0) [0|0] \"-\" X\n"
                        " SG_ Radius : 6|6@0+ (0.1,0) [0|5] \"m\" X\n SG_ Temperature : 0|12@0- "
                        "(0.01,250) [0|0] \"degK\" X\n"
                        "VAL_ 496 Enable 0 \"Disabled\" 1 \"Enabled\" ;\n"};
  const auto one = decode("(1.5) vcan0 1F0#80.4A.0F.00\n", {.dbc = {dbc.path()}});
  CHECK(one.out
        == "(1.500000) vcan0 1F0#804A0F00 ::\nExample(\n    Enable: 'Enabled',\n    Radius: 0 m,\n "
           "   Temperature: 255.92 degK\n)\n");
}

TEST_CASE("decode: an assembled message has the line of its last frame") {
  const dbc_on_disk dbc{
    "BO_ 2566841342 EC1: 40 X\n SG_ idle_speed : 0|16@1+ (0.125,0) [0|0] \"rpm\" X\n"};
  const std::string bam =
    "(1.000000) can0 1CECFF00#2009000203E3FE00\n(1.050000) can0 1CEBFF00#01201C0000000000\n"
    "(1.060000) can0 18FEF100#FFFFFFFFFFFFFFFF\n(1.100000) can0 1CEBFF00#020000FFFFFFFFFF\n";
  const auto fixed = [&] {
    auto text = bam;
    text.replace(text.find("2009000203E3FE00"), 16, "20090002FFE3FE00");
    return text;
  }();
  const auto one = decode(fixed, {.dbc = {dbc.path()}, .json = true, .messages = true});
  const auto rows = one.rows();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]
        == json{{"line", 3},
                {"pgn", 65265},
                {"source", 0},
                {"destination", 255},
                {"transport", "single"},
                {"data", "FFFFFFFFFFFFFFFF"}});
  CHECK(rows[1]
        == json{{"line", 4},
                {"pgn", 65251},
                {"source", 0},
                {"destination", 255},
                {"transport", "bam"},
                {"data", "201C00000000000000"}});
  CHECK(rows[2]["message"] == "EC1");
  CHECK(rows[2]["line"] == 4);
  CHECK(rows[2]["pgn"] == 65251);
  CHECK(rows[2]["signals"]["idle_speed"]["value"] == 900.0);
}

TEST_CASE(
  "decode: a whole identifier in a file means the frame, even if J1939 sees a piece of a message") {
  const dbc_on_disk dbc{
    "BO_ 2565570304 mine: 8 X\n SG_ a : 0|8@1+ (1,0) [0|0] \"\" X\n"}; // 0x98EB7F00
  const auto rows =
    decode("(1.0) can0 18EB7F00#0501020304050607\n", {.dbc = {dbc.path()}, .json = true}).rows();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0]["pgn"].is_null());
  CHECK(rows[0]["source"].is_null());
  CHECK(rows[0]["signals"]["a"]["value"] == 5.0);
}

TEST_CASE("decode: uses the user's file before the catalogue") {
  const dbc_on_disk dbc{
    "BO_ 2364540158 Mine: 8 X\n SG_ rpm : 24|16@1+ (0.125,0) [0|0] \"rpm\" X\n"};
  const auto rows = decode(eec1, {.dbc = {dbc.path()}, .catalogue = true, .json = true}).rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["message"] == "Mine");
}

TEST_CASE("decode: writes floats, signs, infinity and two signals of one name as valid JSON") {
  const dbc_on_disk dbc{
    "BO_ 5 m: 8 X\n SG_ f : 0|32@1+ (2,0) [0|0] \"\" X\n SG_ s : 32|8@1- (1,0) [0|0] \"\" X\n SG_ "
    "s : 40|8@1+ (1,0) [0|0] \"\\\"q\\\"\" X\nSIG_VALTYPE_ 5 f : 1;\n"};
  const auto rows =
    decode("(1.0) can0 005#0000803FFF07\n(2.0) can0 005#0000807F0000\n(3.0) can0 005#0000C07F\n",
           {.dbc = {dbc.path()}, .json = true})
      .rows();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]["signals"]["f"]["raw"] == 1.0);
  CHECK(rows[0]["signals"]["f"]["value"] == 2.0);
  CHECK(rows[0]["signals"]["s"]["raw"] == -1);
  CHECK(rows[0]["signals"]["s#2"]["raw"] == 7);
  CHECK(rows[0]["signals"]["s#2"]["unit"] == "\"q\"");
  CHECK(rows[1]["signals"]["f"]["value"] == "inf");
  CHECK(rows[2]["signals"]["f"]["value"].is_null());
  CHECK(rows[2]["signals"]["f"]["state"] == "not_available");
  CHECK(rows[2]["signals"].size() == 1); // the others lie beyond the frame
}

TEST_CASE("decode: prints all digits of a whole number of 64 bits") { // cantools issue 203
  const dbc_on_disk dbc{"BO_ 100 L: 8 X\n SG_ U : 0|64@1+ (1,0) [0|0] \"\" X\n"
                        "BO_ 101 N: 8 X\n SG_ I : 0|64@1- (1,0) [0|0] \"\" X\n"};
  const std::string log = "(1.0) can0 064#FDFFFFFFFFFFFFFF\n(1.0) can0 065#0100000000000080\n(1.0) "
                          "can0 064#A086010000000000\n";
  const auto rows = decode(log, {.dbc = {dbc.path()}, .json = true}).rows();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]["signals"]["U"]["value"].dump() == "18446744073709551613");
  CHECK(rows[1]["signals"]["I"]["value"].dump() == "-9223372036854775807");
  CHECK(rows[2]["signals"]["U"]["value"].dump() == "100000");
  const auto text = decode(log, {.dbc = {dbc.path()}}).out;
  CHECK(text.find("U: 18446744073709551613\n") != std::string::npos);
  CHECK(text.find("I: -9223372036854775807\n") != std::string::npos);
}

TEST_CASE("decode: prints all faults of a DM1") { // j1939-84 issue 1231, Open-SAE-J1939 issue 14
  const std::string log = "(1.000000) can0 1CECFF00#200A0002FFCAFE00\n"
                          "(1.050000) can0 1CEBFF00#0143FF6600040175\n"
                          "(1.100000) can0 1CEBFF00#02021601FFFFFFFF\n"
                          "(1.200000) can0 18FECA27#03FF00000000FFFF\n"
                          "(1.300000) can0 18FECA3D#04FF00F0E37FFFFF\n";
  const auto rows = decode(log, {.catalogue = true, .json = true}).rows();
  std::vector<json> faults;
  for (const auto& row : rows)
    if (row["message"] == "DM1")
      faults.push_back(row["faults"]);
  REQUIRE(faults.size() == 3);
  CHECK(faults[0]
        == json::array({{{"spn", 102},
                         {"fmi", 4},
                         {"text", "voltage too low"},
                         {"occurrences", 1},
                         {"conversion_method", false}},
                        {{"spn", 629},
                         {"fmi", 22},
                         {"text", nullptr},
                         {"occurrences", 1},
                         {"conversion_method", false}}}));
  CHECK(faults[1].empty());
  REQUIRE(faults[2].size() == 1);
  CHECK(faults[2][0]["spn"] == 520192);
  CHECK(faults[2][0]["fmi"] == 3);
  CHECK(faults[2][0]["occurrences"].is_null());
  const auto text = decode(log, {.catalogue = true}).out;
  CHECK(
    text.find(",\n    fault 1: SPN 102 FMI 4 voltage too low, 1 time,\n    fault 2: SPN 629 FMI 22")
    != std::string::npos);
}

TEST_CASE("decode: prints short messages of makers from logs of whole messages") {
  const auto path = data_file("faults/24-assembled-short-proprietary.raw");
  if (!path)
    return;
  const auto text = furrow::tests::read_file(*path);
  const auto messages_of = [](const std::string& log) {
    return decode(log, {.json = true, .signals = false, .messages = true}).rows();
  };
  CHECK(messages_of(text).size() == 4);
  CHECK(messages_of(text.substr(text.find('\n') + 1)).size() == 3); // before any long line
}

TEST_CASE("decode: prints a marine device's short message of its own PGN from a raw bus") {
  const auto path = data_file("faults/23-126720-single-frame-marine.log");
  if (!path)
    return;
  const auto rows =
    decode(furrow::tests::read_file(*path), {.json = true, .signals = false, .messages = true})
      .rows();
  std::vector<std::string> found;
  for (const auto& row : rows)
    if (row["pgn"] == 126720)
      found.push_back(row["data"]);
  CHECK(found == std::vector<std::string>{"89987E0A01005001", "89987E0A01005005"});
}

TEST_CASE("decode: ends with success when the reader has enough") {
  std::string log; // several pieces, so that the last one ends within a line
  while (log.size() < 2'000'000)
    log += "(1547753403.715009) can0 18FEF100#FF00FF00FF00FF00\n";
  decode_options options;
  options.messages = true;
  options.signals = false;
  furrow::tests::closed_output head{1'000};
  std::istringstream in{log};
  std::ostream out{&head};
  std::ostringstream problems;
  CHECK(decode_log(options, in, out, problems) == 0);
  CHECK(problems.str().empty());

  // Damaged lines are reported as before.
  std::istringstream bad{"no frame\n"};
  std::ostringstream all;
  CHECK(decode_log(options, bad, all, problems) == 1);
  CHECK(problems.str().find("1:1") != std::string::npos);
}

TEST_CASE("decode: reports in one line what cannot be loaded or read") {
  const dbc_on_disk broken{"(1.0) can0 123#11\n(1.0) can0 123#11\n"};
  const auto one = decode(eec1, {.dbc = {broken.path()}, .json = true});
  CHECK(one.code == 1);
  CHECK(one.out.empty());
  CHECK(one.problems
        == "furrow decode: " + broken.path() + ":1:1: expected a keyword such as BO_ or SG_\n");
  const dbc_on_disk part{"BO_ 291 a: 8 X\n SG_ s : 0;8@1+ (1,0) [0|0] \"\" X\n"
                         " SG_ t : 0|8@1+ (1,0) [0|0] \"\" X\n"};
  const auto rest = decode("(1547753403.0) can0 123#11\n", {.dbc = {part.path()}, .json = true});
  CHECK(rest.code == 0);
  CHECK(rest.problems == "furrow decode: " + part.path() + ":2:11: warning: expected '|'\n");
  CHECK(rest.rows().at(0)["signals"]["t"]["value"] == 17);
  CHECK(decode(eec1, {.dbc = {"/nowhere.dbc"}}).problems
        == "furrow decode: /nowhere.dbc: cannot read: No such file or directory\n");
  CHECK(decode(eec1, {.dbc = {"/tmp"}}).code == 1);
  const auto cut = decode(eec1 + "(15477", {.catalogue = true, .json = true});
  CHECK(cut.code == 0);
  CHECK(cut.rows().size() == 2);
  CHECK(cut.problems.rfind("furrow decode: 3:", 0) == 0);
  CHECK(decode("hello\n", {.catalogue = true}).code == 1);
  CHECK(decode("", {.catalogue = true}).code == 0);
}

TEST_CASE("decode: rejects an invalid command line") {
  for (const auto* line :
       {"decode", "decode --signals", "decode --catalogue -o yaml", "decode --dbc"}) {
    CAPTURE(line);
    CLI::App app;
    int code = 0;
    furrow::cli::add_decode(app, code);
    CHECK_THROWS_AS(app.parse(line, false), CLI::ParseError);
  }
}

TEST_CASE("decode: a real tractor's log gives every row of the reference") {
  const auto dbc = data_file("dbc/ref_j1939_iso11783.dbc");
  if (!dbc)
    return;
  const auto log = data_file("j1939/jd5055e/tractoronSitUp.candump.log");
  const auto expected =
    data_file("j1939/jd5055e/expected/tractoronSitUp.candump.log.ref_decode.jsonl.gz");
  REQUIRE((log && expected));
  const auto one = decode(furrow::tests::read_file(*log), {.dbc = {dbc->string()}, .json = true});
  CHECK(one.code == 0);
  std::map<std::uint64_t, json> ours;
  std::size_t reassembled = 0;
  for (auto& row : one.rows()) {
    reassembled += row["pgn"] == 65251 ? 1 : 0;
    const auto line = row["line"].get<std::uint64_t>();
    ours[line] = std::move(row);
  }
  std::size_t rows = 0;
  for_each_json_line(*expected, [&](const json& row) {
    ++rows;
    CAPTURE(row.dump());
    const auto found = ours.find(row["line"].get<std::uint64_t>());
    REQUIRE(found != ours.end());
    CHECK(found->second["pgn"] == row["pgn"]);
    CHECK(found->second["source"] == row["sa"]);
    const auto& signals = found->second["signals"];
    REQUIRE(signals.size() == row["s"].size());
    for (const auto& value : signals) {
      CAPTURE(value.dump());
      const auto& want = row["s"]["SPN" + value["spn"].dump()];
      CHECK(value["raw"] == want[0]);
      CHECK((value["state"] == "value") == (want.size() == 2));
      if (want.size() == 2)
        CHECK(std::abs(value["value"].get<double>() - want[1].get<double>())
              <= 1e-9 * std::abs(want[1].get<double>()));
      else
        CHECK(value["value"].is_null());
    }
  });
  CHECK(rows == 5145);
  CHECK(reassembled > 0);
  CHECK(ours.size() == rows + reassembled);
}

TEST_CASE("decode: prints every complete message of an ISOBUS log, and no incomplete one") {
  const auto log = data_file("isobus/agisostack-1.candump.log");
  const auto truth = data_file("isobus/agisostack-1.truth.jsonl.gz");
  if (!log || !truth)
    return;
  const auto rows =
    decode(furrow::tests::read_file(*log), {.json = true, .signals = false, .messages = true})
      .rows();
  std::multiset<std::string> ours;
  for (const auto& row : rows)
    if (row["transport"] != "single" && row["transport"] != "fast")
      ours.insert(row["pgn"].dump() + ' ' + row["source"].dump() + ' '
                  + row["data"].get<std::string>());
  std::size_t received = 0;
  for_each_json_line(*truth, [&](const json& row) {
    const auto kind = row["kind"].get<std::string>();
    if (kind != "tx_bam" && kind != "tx_rts" && kind != "tx_etp")
      return;
    const auto key =
      row["pgn"].dump() + ' ' + row["sa"].dump() + ' ' + row["hex"].get<std::string>();
    CAPTURE(key.substr(0, 80));
    CHECK((ours.count(key) > 0) == row["received"].get<bool>());
    received += row["received"].get<bool>() ? 1 : 0;
  });
  CHECK(received > 50);
}

TEST_CASE("decode: prints a transfer that is larger than a node accepts, whole") {
  constexpr std::size_t bytes = 5'000'000;
  const auto hex = [](std::uint64_t value, int digits) {
    std::string out;
    for (int i = 0; i < digits; i += 2) // little-endian
      for (const int shift : {i * 4 + 4, i * 4})
        out += "0123456789ABCDEF"[value >> shift & 15U];
    return out;
  };
  std::string log = "(1547753403.000000) can0 1CC82680#14" + hex(bytes, 8) + "00E700\n";
  constexpr std::size_t packets = (bytes + 6) / 7;
  for (std::size_t packet = 0; packet < packets; ++packet) {
    if (packet % 255 == 0)
      log += "(1547753403.000000) can0 1CC82680#16"
             + hex(std::min<std::size_t>(255, packets - packet), 2) + hex(packet, 6) + "00E700\n";
    log += "(1547753403.000000) can0 1CC72680#" + hex(packet % 255 + 1, 2) + hex(packet, 6)
           + "A5A5A5A5\n";
  }
  const auto one = decode(log, {.json = true, .signals = false, .messages = true});
  CHECK(one.problems == "");
  const std::string_view head = "\"transport\":\"etp\",\"data\":\"";
  const auto at = one.out.find(head);
  REQUIRE(at != std::string::npos);
  CHECK(std::count(one.out.begin(), one.out.end(), '\n') == 1);
  const auto data = std::string_view{one.out}.substr(at + head.size());
  CHECK(data.find('"') == bytes * 2);
  CHECK(data.substr(7 * 2 * 12'345, 14) == hex(12'345, 6) + "A5A5A5A5");
}
