// The results of independent tools for the same logs. data/MANIFEST.md says how each row was checked.
#include "can/logs/bus_table.hpp"
#include "can/logs/log_format.hpp"
#include "can/transport/fast_packet.hpp"
#include "can/transport/transport.hpp"
#include "tests/support/data.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/jsonl.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace furrow::can;
using furrow::tests::data_file;
using furrow::tests::for_each_json_line;
using furrow::tests::hex_of;

struct kept_message {
  transport_kind transport;
  std::uint32_t pgn;
  int source;
  int destination;
  std::string hex;
};

/// The messages of a log in any format; complete messages are taken unchanged.
std::vector<kept_message> messages_of(const std::filesystem::path& log, reassembler& from) {
  std::vector<kept_message> all;
  const auto text = furrow::tests::read_file(log);
  log_reader reader;
  reader.feed(text);
  reader.finish();
  log_line line;
  log_payload payload;
  bus_table buses;
  while (reader.next(line, payload)) {
    if (line.kind == line_kind::message) {
      all.push_back({transport_kind::fast, line.message.pgn, line.message.source,
                     line.message.destination, hex_of({payload.data(), line.message.length})});
    } else if (line.kind == line_kind::frame) {
      const std::uint64_t bus = buses.bus_of(line.interface).value_or(0);
      const frame_view frame{line.time_us, {line.header.bits | bus << 32U}, payload.data()};
      if (const auto one = from.feed(frame))
        all.push_back({one->transport, one->pgn, one->source, one->destination, hex_of(one->data)});
    }
  }
  return all;
}

/// The first row in which two sequences differ, for the message of a failed check.
std::string difference(const std::vector<std::string>& got,
                       const std::vector<std::string>& expected) {
  for (std::size_t i = 0; i < std::max(got.size(), expected.size()); ++i) {
    const auto a = i < got.size() ? got[i] : "nothing";
    const auto b = i < expected.size() ? expected[i] : "nothing";
    if (a != b)
      return "row " + std::to_string(i) + ": " + a.substr(0, 80) + " is not " + b.substr(0, 80);
  }
  return {};
}

/// Complete messages that canboat does not show: two commands (126208) that set PGN 65287, a
/// manufacturer's own, in candumpSample1.txt, lines 13 and 4732. canboat shows their acknowledgements.
bool canboat_leaves_out(const kept_message& one) {
  return one.pgn == 126208 && one.hex == "0107FF00F804018798040105010778563412";
}

/// In a log that mixes complete messages and packets, canboat shows the packets of manufacturers' own
/// messages one by one after the first complete line. This test joins them. Incomplete messages are
/// dropped.
std::vector<std::string> put_together(const std::vector<std::string>& rows) {
  struct begun {
    std::string hex;
    std::size_t digits = 0;
    int next = 0;
  };
  std::map<int, begun> open;
  std::vector<std::string> out;
  for (const auto& row : rows) {
    if (row.size() != 16) {
      out.push_back(row);
      continue;
    }
    const auto bytes = furrow::tests::bytes_of(row);
    const int packet = bytes[0] & 31;
    auto& one = open[bytes[0] >> 5];
    if (packet == 0)
      one = {row.substr(4), std::size_t{bytes[1]} * 2, 1};
    else if (packet == one.next)
      one = {one.hex + row.substr(2), one.digits, one.next + 1};
    else
      one = {};
    if (one.hex.size() < one.digits)
      continue;
    if (one.digits != 0)
      out.push_back(one.hex.substr(0, one.digits));
    one = {};
  }
  return out;
}

using by_sender = std::map<std::tuple<std::uint32_t, int>, std::vector<std::string>>;

} // namespace

TEST_CASE(
  "transport: exactly the multi-frame messages that the receiver of the ISOBUS log reassembled") {
  const auto log = data_file("isobus/agisostack-1.candump.log");
  const auto truth = data_file("isobus/agisostack-1.truth.jsonl.gz");
  if (!log || !truth)
    return;
  by_sender expected;
  std::size_t expected_count = 0;
  for_each_json_line(*truth, [&](const nlohmann::json& row) {
    const auto kind = row["kind"].get<std::string>();
    if ((kind == "rx_message" && row["len"] > 8) || kind == "rx_ddop") {
      // One byte comes before a device description (command 1, object pool transfer).
      expected[{row["pgn"], row["sa"]}].push_back((kind == "rx_ddop" ? "61" : "")
                                                  + row["hex"].get<std::string>());
      ++expected_count;
    }
  });
  reassembler whole;
  by_sender got;
  std::size_t got_count = 0;
  std::map<transport_kind, int> kinds;
  for (const auto& one : messages_of(*log, whole)) {
    ++kinds[one.transport];
    if (one.transport == transport_kind::single || one.transport == transport_kind::fast)
      continue;
    got[{one.pgn, one.source}].push_back(one.hex);
    ++got_count;
  }
  CHECK(got_count == expected_count);
  for (auto& [who, sequence] : expected) {
    const auto pgn = std::get<0>(who);
    CAPTURE(pgn);
    CHECK(difference(got[who], sequence) == "");
  }
  CHECK(kinds[transport_kind::etp] == 4); // DDOP included
  const auto counts = whole.counts();
  CHECK(counts.aborted == 4);    // by the sender, when the receiver did not answer
  CHECK(counts.superseded == 5); // four repeated requests to send, one broadcast ended by the next
  CHECK(counts.timed_out + counts.missed + counts.stray + counts.malformed + counts.refused
          + counts.evicted
        == 0);
}

TEST_CASE("transport: the messages on which two other tools agree") {
  int rows = 0;
  for (const auto* name : {"jd5055e/idle10sec", "jd5055e/tractoronSitUp",
                           "jd5055e/transmission1and2and3InGear", "css-FCBF0606-00000001"}) {
    const auto log = data_file(std::string{"j1939/"} + name + ".candump.log");
    const std::filesystem::path at{name};
    const auto truth = data_file(
      (std::filesystem::path{"j1939"} / at.parent_path() / "expected" / at.filename()).string()
      + ".candump.log.tp_expected.jsonl.gz");
    if (!log || !truth)
      return;
    CAPTURE(name);
    reassembler whole;
    std::map<std::tuple<std::uint32_t, int, int, std::string>, int> seen;
    for (const auto& one : messages_of(*log, whole))
      if (one.transport != transport_kind::single)
        ++seen[{one.pgn, one.source, one.destination, one.hex}];
    for_each_json_line(*truth, [&](const nlohmann::json& row) {
      if (row["counts"].size() < 2)
        return;
      ++rows;
      const auto count = seen[{row["pgn"], row["sa"], row["da"], row["hex"]}];
      for (const auto& [tool, times] : row["counts"].items()) {
        const auto name_of_tool = tool; // clang cannot capture a binding
        CAPTURE(name_of_tool);
        CHECK(count == times);
      }
    });
    CHECK(whole.counts().malformed == 0);
  }
  CHECK(rows > 5);
}

TEST_CASE("transport: the messages of NMEA 2000 that canboat finds, in its order") {
  for (const auto& [log_name, truth_name] :
       {std::pair{"n2k/css-94C49784-00000002.candump.log", "css-94C49784-00000002"},
        {"n2k/samples/candumpSample1.txt", "candumpSample1.txt"},
        {"n2k/samples/candumpSample2.txt", "candumpSample2.txt"},
        {"n2k/samples/candump-fast.txt", "candump-fast.txt"},
        {"n2k/samples/actisense-522.candump.log", "actisense-522.candump.log"},
        {"n2k/samples/merrimac-ydwg-2020.raw", "merrimac-ydwg-2020.raw"},
        {"n2k/samples/sample-YDWG02.txt", "sample-YDWG02.txt"},
        {"n2k/samples/simulator1.raw", "simulator1.raw"},
        {"n2k/samples/simulator2.raw", "simulator2.raw"},
        {"n2k/samples/sample-single.raw.txt", "sample-single.raw.txt"},
        {"n2k/samples/dirona-actisense-serial.raw", "dirona-actisense-serial.raw"},
        {"n2k/samples/susteranna2020.raw", "susteranna2020.raw"},
        {"n2k/samples/sample3_PCAN-View.trc", "sample3_PCAN-View.trc"}}) {
    const auto log = data_file(log_name);
    const auto truth = data_file(std::string{"n2k/expected/"} + truth_name + ".analyzer.jsonl.gz");
    if (!log || !truth)
      return;
    const std::string which{log_name};
    CAPTURE(which);
    by_sender expected;
    for_each_json_line(*truth, [&](const nlohmann::json& row) {
      if (row.contains("pgn"))
        expected[{row["pgn"], row["src"]}].push_back(row["data"]);
    });
    if (which == "n2k/samples/susteranna2020.raw" || which == "n2k/samples/sample-single.raw.txt")
      for (auto& [who, sequence] : expected)
        if (packet_type_of(std::get<0>(who)) == packet_type::proprietary)
          sequence = put_together(sequence);
    std::erase_if(expected, [](const auto& one) {
      return one.second.empty() || std::get<0>(one.first) > 0x3FFFF; // a gateway's own
    });
    reassembler whole;
    by_sender got;
    for (const auto& one : messages_of(*log, whole))
      if (!canboat_leaves_out(one))
        got[{one.pgn, one.source}].push_back(one.hex);
    if (which == "n2k/samples/simulator2.raw") {
      // Lines 1752 to 1771 are another product information. canboat mixes it with a message that lost
      // packets 3.7 s before (lines 1193 to 1197), because canboat has no time-out.
      REQUIRE(got[{126996, 75}].size() == 25);
      got[{126996, 75}].pop_back();
    }
    for (const auto& [who, sequence] : expected) {
      const auto pgn = std::get<0>(who);
      const auto source = std::get<1>(who);
      CAPTURE(pgn);
      CAPTURE(source);
      if (pgn == 60416 || pgn == 60160)
        continue; // carriers: canboat shows them too
      CHECK(difference(got[who], sequence) == "");
    }
    for (const auto& [who, sequence] : got) {
      const auto pgn = std::get<0>(who);
      CAPTURE(pgn);
      if (std::get<1>(who) == 255)
        continue; // lines of a tool that knows no source: canboat shows nothing of them
      CHECK(expected.count(who) == 1);
    }
  }
}

namespace {

/// PGN and source of each message that canboat printed, as JSON or as `TIME prio src dst pgn name:`.
std::vector<std::pair<std::uint32_t, int>> printed_by_canboat(const std::filesystem::path& path) {
  std::vector<std::pair<std::uint32_t, int>> out;
  std::istringstream lines{furrow::tests::read_file(path)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('{')) {
      const auto row = nlohmann::json::parse(line);
      if (row.contains("pgn"))
        out.emplace_back(row["pgn"], row["src"]);
      continue;
    }
    std::istringstream words{line};
    std::string time;
    int priority = 0;
    int source = 0;
    int destination = 0;
    std::uint32_t pgn = 0;
    if (words >> time >> priority >> source >> destination >> pgn)
      out.emplace_back(pgn, source);
  }
  return out;
}

} // namespace

// Those of canboat's own 23 tests with one message per line. Furrow intentionally differs in four:
// canboat has no time-out (iso-tp-large-payload-test has a second between packets of a broadcast);
// canboat ends a broadcast at an abort of another PGN (the second in iso-tp-test); canboat reads a
// line with more bytes than its length (mixed-format), and invents bytes for an empty first packet
// (short-frame).
TEST_CASE("transport: the messages of canboat's own tests, in its order") {
  const struct {
    const char* name;
    std::size_t count;
    int more; // than canboat
  } tests[] = {{"actisense-format", 4, 0},
               {"invalid-pgn-test", 1, 0},
               {"iso-tp-large-payload-test", 0, -1},
               {"iso-tp-preassembled-test", 1, 0},
               {"iso-tp-test", 2, 1},
               {"j1939-pgn-test", 853, 0},
               {"mixed-format", 8, -1},
               {"pgn-126208-request-130817", 2, 0},
               {"pgn-126998-lau-ff", 2, 0},
               {"pgn-130823-directory", 2, 0},
               {"pgn-130823-truncated", 1, 0},
               {"pgn-65379-test", 7, 0},
               {"pgn-garmin-autopilot", 5, 0},
               {"pgn-test-actisense", 22, 0},
               {"pgn-test", 30, 0},
               {"recombine-frames", 8, 0},
               {"short-frame", 0, -1},
               {"short-reserved", 1, 0}};
  for (const auto& test : tests) {
    const std::string name{test.name};
    const auto log = data_file("n2k/canboat-analyzer-tests/" + name + ".in");
    const auto truth = data_file("n2k/canboat-analyzer-tests/" + name + ".out");
    if (!log || !truth)
      return;
    CAPTURE(name);
    reassembler whole;
    std::vector<std::pair<std::uint32_t, int>> got;
    for (const auto& one : messages_of(*log, whole))
      got.emplace_back(one.pgn, one.source);
    const auto expected = printed_by_canboat(*truth);
    CHECK(got.size() == test.count);
    CHECK(static_cast<int>(got.size()) == static_cast<int>(expected.size()) + test.more);
    if (test.more == 0)
      CHECK(got == expected);
  }
}
