// Logs from other tools, compared with the results of other readers.
#include "can/logs/log_format.hpp"
#include "can/text/civil_time.hpp"
#include "tests/can/logs/log_reading.hpp"
#include "tests/support/data.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using namespace furrow::can;
using namespace furrow::tests;

namespace {

std::string field(std::string_view json, const std::string& name) {
  auto at = json.find("\"" + name + "\":");
  if (at == std::string_view::npos)
    return {};
  at += name.size() + 3;
  if (json[at] == '"')
    return std::string{json.substr(at + 1, json.find('"', at + 1) - at - 1)};
  return std::string{json.substr(at, json.find_first_of(",}", at) - at)};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

/// The fields of a frame that python-can reads differently.
std::set<std::string> differences(const read_frame& frame, const std::string& json) {
  std::set<std::string> names;
  const auto expect = [&](const char* name, const std::string& ours) {
    const auto theirs = field(json, name);
    if (!theirs.empty() && theirs != ours)
      names.insert(name);
  };
  const auto yes = [](bool value) { return std::string{value ? "true" : "false"}; };
  const auto header = frame.header;
  expect("err", yes(header.error()));
  if (header.error() && field(json, "err") == "true")
    return names; // the logs have no more fields of an error frame
  expect("id", std::to_string(header.id()));
  expect("ext", yes(header.extended()));
  expect("rtr", yes(header.remote()));
  expect("fd", yes(header.kind() == frame_kind::fd));
  expect("brs", yes(header.kind() == frame_kind::fd && (header.nibble() & 1U) != 0));
  expect("dlc", std::to_string(header.length()));
  if (hex(frame.data) != field(json, "data"))
    names.insert("data");
  if (header.direction() != frame_direction::unknown)
    expect("rx", yes(header.direction() == frame_direction::received));
  return names;
}

using known_differences =
  std::map<std::size_t, std::set<std::string>>; // by the number of the frame, from 0

/// Compares a log with python-can's result. `start_us` is the start time, which only our times include.
void check_against(const std::string& name,
                   std::int64_t start_us,
                   const known_differences& known = {},
                   std::int64_t within_us = 0) {
  const auto path = data_file("formats/python-can/" + name);
  const auto expected = data_file("formats/python-can/" + name + ".frames.jsonl");
  if (!path || !expected)
    return;
  INFO(std::string{name});
  const auto log = read_text(read_file(*path));
  const auto rows = lines_of(read_file(*expected));
  CHECK(all_faults(log) == "");
  REQUIRE(log.frames.size() == rows.size());
  std::int64_t start = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    INFO(i << ": " << rows[i]);
    const auto theirs_us =
      static_cast<std::int64_t>(std::stold(field(rows[i], "ts")) * 1e6L + 0.5L);
    if (i == 0)
      start = log.frames[i].time_us - theirs_us;
    CHECK(std::abs(log.frames[i].time_us - theirs_us - start) <= 1); // theirs are doubles
    const auto at = known.find(i);
    CHECK(differences(log.frames[i], rows[i])
          == (at == known.end() ? std::set<std::string>{} : at->second));
  }
  CHECK(std::abs(start - start_us) <= within_us);
}

} // namespace

TEST_CASE("log formats: ASC files are read as python-can reads them") {
  check_against("issue_1256.asc", days_of({2014, 5, 27}) * day_us + to_us({16, 9, 35, 0}));
  // DLC D with eight bytes: python-can returns 32, the length for FD.
  check_against("issue_1299.asc", days_of({2022, 4, 28}) * day_us + to_us({10, 44, 52, 480'000}),
                {{2, {"dlc"}}});
  // 64 bytes on a classic line: python-can keeps eight.
  check_against("single_frame.asc", september_us, {{0, {"data", "fd"}}});
  check_against("single_frame_us_locale.asc", september_us);
  // A classic remote frame on a CANFD line (its flags say so): FD has no remote frames.
  check_against("test_CanFdRemoteMessage.asc", september_us, {{0, {"fd"}}});
  check_against("logfile.asc", september_us, {{17, {"fd"}}});
  check_against("logfile_errorframes.asc", september_us);
  check_against("test_CanErrorFrames.asc", september_us);
  check_against("test_CanFdMessage.asc", september_us);
  check_against("test_CanFdMessage64.asc", september_us);
  check_against("test_CanRemoteMessage.asc", september_us);
  // The time in the trigger block is seven hours after the heading. PEAK's converter uses it, too.
  check_against("test_CanMessage.asc", september_us + to_us({7, 0, 0, 0}));
}

TEST_CASE("log formats: TRC files are read as python-can reads them") {
  for (const char* name :
       {"test_CanMessage.trc", "test_CanMessage_V1_0_BUS1.trc", "test_CanMessage_V1_1.trc",
        "test_CanMessage_V1_3.trc", "test_CanMessage_V2_0_BUS1.trc", "test_CanMessage_V2_1.trc"})
    check_against(name, 0, {}, 1);
}

TEST_CASE("log formats: candump, ASC and TRC logs of one drive have the same frames") {
  const auto log_path = data_file("formats/css-same-164-frames/multiple_CAN.log");
  const auto asc_path = data_file("formats/css-same-164-frames/multiple_CAN.asc");
  const auto trc_path = data_file("formats/css-same-164-frames/multiple_CAN.trc");
  const auto csv_path = data_file("formats/css-same-164-frames/multiple_CAN.csv");
  if (!log_path || !asc_path || !trc_path || !csv_path)
    return;
  const auto log = read_text(read_file(*log_path));
  const auto asc = read_text(read_file(*asc_path));
  const auto trc = read_text(read_file(*trc_path));
  const auto csv = lines_of(read_file(*csv_path));
  CHECK(log.format == log_format::candump);
  CHECK(asc.format == log_format::asc);
  CHECK(trc.format == log_format::trc);
  REQUIRE(log.frames.size() == 164);
  REQUIRE(asc.frames.size() == 164);
  REQUIRE(trc.frames.size() == 164);
  REQUIRE(csv.size() == 165);
  for (std::size_t i = 0; i < 164; ++i) {
    INFO(i);
    const auto& frame = log.frames[i];
    // The ASC log marks no frame as FD; only the length shows it. The times are those of the other log.
    CHECK(asc.frames[i].time_us == frame.time_us);
    CHECK(asc.frames[i].interface == frame.interface);
    CHECK(asc.frames[i].header.socketcan_id() == frame.header.socketcan_id());
    CHECK(asc.frames[i].data == frame.data);
    CHECK((asc.frames[i].header.kind() == frame_kind::fd) == (frame.data.size() > 8));
    // The TRC log counts days from one day after PEAK's day 0.
    CHECK(std::abs(trc.frames[i].time_us + day_us - frame.time_us)
          <= 10); // ten digits of days: 8.6 us
    CHECK(trc.frames[i].time_us - trc.frames[0].time_us == frame.time_us - log.frames[0].time_us);
    CHECK(trc.frames[i].interface == frame.interface);
    CHECK((trc.frames[i].header.bits & ~(3ULL << 58U)) == frame.header.bits);
    CHECK(trc.frames[i].data == frame.data);
    // TimestampEpoch;BusChannel;ID;IDE;DLC;DataLength;Dir;EDL;BRS;DataBytes
    std::vector<std::string> row;
    std::istringstream in{csv[i + 1]};
    for (std::string cell; std::getline(in, cell, ';');)
      row.push_back(cell.ends_with('\r') ? cell.substr(0, cell.size() - 1) : cell);
    row.resize(10);
    CHECK(static_cast<std::int64_t>(std::stold(row[0]) * 1e6L + 0.5L) == frame.time_us);
    CHECK("can" + std::to_string(std::stoi(row[1]) - 1) == frame.interface);
    CHECK(std::stoul(row[2], nullptr, 16) == frame.header.id());
    CHECK((row[3] == "1") == frame.header.extended());
    CHECK((row[7] == "1") == (frame.header.kind() == frame_kind::fd));
    CHECK((row[8] == "1")
          == (frame.header.kind() == frame_kind::fd && (frame.header.nibble() & 1U) != 0));
    CHECK(row[9] == hex(frame.data));
  }
}

TEST_CASE("log formats: samples of NMEA 2000 gateways are read to the last line") {
  const struct {
    const char* name;
    log_format format;
    std::size_t frames;
    std::size_t messages;
    const char* faults = "";
  } logs[] = {{"n2k/samples/dirona-actisense-serial.raw", log_format::canboat, 37'232, 2'638},
              {"n2k/samples/susteranna2020.raw", log_format::canboat, 5'886, 201,
               "202:28: PGN: above 3FFFF (18 bits)\n"},
              {"n2k/samples/merrimac-ydwg-2020.raw", log_format::ydwg, 914, 0},
              {"n2k/samples/simulator1.raw", log_format::ydwg, 560, 0},
              {"n2k/samples/simulator2.raw", log_format::ydwg, 1'784, 0},
              {"n2k/samples/sample-YDWG02.txt", log_format::ydwg, 31, 0},
              {"n2k/samples/sample3_PCAN-View.trc", log_format::trc, 12'274, 0},
              {"n2k/canboat-analyzer-tests/actisense-format.in", log_format::actisense, 4, 0},
              {"n2k/canboat-analyzer-tests/pgn-test-actisense.in", log_format::actisense, 19, 3},
              {"n2k/canboat-analyzer-tests/iso-tp-preassembled-test.in", log_format::canboat, 0, 1},
              {"j1939/eti-j1939_840.log", log_format::rp1210, 2'645, 0}};
  for (const auto& sample : logs) {
    const auto path = data_file(sample.name);
    if (!path)
      continue;
    INFO(std::string{sample.name});
    const auto log = read_text(read_file(*path));
    CHECK(log.format == sample.format);
    CHECK(log.frames.size() == sample.frames);
    CHECK(log.messages.size() == sample.messages);
    CHECK(all_faults(log) == sample.faults);
  }
}

TEST_CASE("log formats: canboat and YDWG samples are written back byte for byte") {
  for (const char* name : {"dirona-actisense-serial.raw", "merrimac-ydwg-2020.raw",
                           "simulator1.raw", "simulator2.raw", "sample-YDWG02.txt"}) {
    const auto path = data_file(std::string{"n2k/samples/"} + name);
    if (!path)
      continue;
    const auto text = read_file(*path);
    log_reader reader;
    reader.feed(text);
    log_line line;
    log_payload payload;
    std::string written;
    log_writer writer{format_of(text)};
    while (reader.next(line, payload)) {
      if (line.kind == line_kind::frame)
        REQUIRE(writer.append(written, {line.time_us, line.header, payload.data()}, line.interface)
                == nullptr);
      else if (line.kind == line_kind::message)
        REQUIRE(writer.append(written, line.time_us, line.message, payload.data()) == nullptr);
    }
    // A gateway's own status (PGN 262144 and above) is not a frame. Times are written in one form only.
    std::string expected;
    for (auto row : lines_of(text)) {
      if (row.find(",262") != std::string::npos)
        continue;
      if (row.find(',') == 19 && row[10] == '-')
        row = row.replace(10, 1, "T").insert(19, ".000Z");
      std::size_t length = 0;
      for (int comma = 0; comma < 5 && length != std::string::npos; ++comma)
        length = row.find(',', length + 1);
      if (length != std::string::npos && row[length + 1] == '0' && row[length + 2] != ',')
        row.erase(length + 1, 1);
      expected += row + "\n";
    }
    CHECK_MESSAGE((written == expected), name);
  }
}
