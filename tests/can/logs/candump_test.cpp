#include "can/logs/candump.hpp"
#include "tests/support/data.hpp"
#include "tests/support/random_frames.hpp"

#include <string>
#include <vector>

using namespace furrow::can;
using furrow::tests::data_file;
using furrow::tests::read_file;

namespace {

/// The result of reading a line: the frame in the form of candump -L, or the kind of the line.
std::string again(std::string_view line) {
  log_line read;
  log_payload payload;
  parse_candump(line, read, payload);
  switch (read.kind) {
  case line_kind::nothing:
    return "nothing";
  case line_kind::dropped:
    return "dropped " + std::to_string(read.dropped) + " on " + std::string{read.interface};
  case line_kind::fault:
    return std::to_string(read.column) + ": " + read.fault;
  case line_kind::message:
    return "message";
  case line_kind::frame:
    break;
  }
  CHECK(fault_of(read.header) == frame_fault::none);
  std::string text;
  append_candump(text, {read.time_us, read.header, payload.data()}, read.interface);
  text.pop_back();
  return text;
}

bool is_fault(std::string_view line, std::string_view field) {
  log_line read;
  log_payload payload;
  parse_candump(line, read, payload);
  if (read.kind != line_kind::fault || read.column < 1 || read.column > line.size() + 1)
    return false;
  INFO(line << " -> " << read.fault);
  CHECK(std::string_view{read.fault}.starts_with(field));
  return std::string_view{read.fault}.starts_with(field);
}

struct totals {
  std::size_t frames = 0;
  std::size_t nothing = 0;
  std::size_t faults = 0;
  std::string written;
};

totals read_all(std::string_view text) {
  totals sum;
  candump_reader reader{text};
  log_line line;
  log_payload payload;
  while (reader.next(line, payload)) {
    sum.frames += line.kind == line_kind::frame;
    sum.nothing += line.kind == line_kind::nothing;
    sum.faults += line.kind == line_kind::fault;
    if (line.kind == line_kind::frame)
      append_candump(sum.written, {line.time_us, line.header, payload.data()}, line.interface);
  }
  return sum;
}

} // namespace

TEST_CASE("candump: lines of candump -L are written back byte for byte") {
  for (const char* line : {
         "(1700000000.715009) can0 18EEFF26#E1C2A30412345678",
         "(1700000000.715009) can0 123#",
         "(1700000000.715009) vcan12 7FF#11",
         "(1700000000.715009) can0 00000123#1122",
         "(1700000000.715009) can0 123#R",
         "(1700000000.715009) can0 123#R5",
         "(1700000000.715009) can0 123#R8_9",
         "(1700000000.715009) can0 1FFFFFFF#R8",
         "(1700000000.715009) can0 123#1122334455667788_F",
         "(1700000000.715009) can0 123##0",
         "(1700000000.715009) can0 123##5112233445566778899AABBCC",
         "(1700000000.715009) can0 18FEF100##111",
         "(1700000000.715009) can0 20000004#0001000000000000",
         "(1700000000.715009) can0 3FFFFFFF#00",
         "(1700000000.715009) can0 45123#81:00:12345678#11223344556677",
         "(1700000000.715009) can0 18EEFF26#E1C2 T",
         "(1700000000.715009) can0 123#R R",
         "(0000000000.352000) can0 09F20101#601A00B706670D0B",
         "(12345678901.000001) can0 09F20101#60",
         "(-0000000001.500000) can0 09F20101#60",
       })
    CHECK(again(line) == line);
}

TEST_CASE("candump: blanks, case, separators, widths and fractions are normalised") {
  CHECK(again("(1700000000.715009)\t can0   18eeff26#e1.c2.a3")
        == "(1700000000.715009) can0 18EEFF26#E1C2A3");
  CHECK(again("(1700000000.715009) can0 CF00400#11") == "(1700000000.715009) can0 0CF00400#11");
  CHECK(again("(1.5) can0 123#.11.22\r\n") == "(0000000001.500000) can0 123#1122");
  CHECK(again("(1700000000.123456789) can0 123#11") == "(1700000000.123456) can0 123#11");
  CHECK(again("(1700000000.1281) can0 123#11") == "(1700000000.128100) can0 123#11");
  CHECK(again("(000.000000) can0 123#r2") == "(0000000000.000000) can0 123#R2");
  CHECK(again("(000.000000) can0 123#R0") == "(0000000000.000000) can0 123#R");
  CHECK(again("(1700000000.715009)  can0 12345678#11  T ")
        == "(1700000000.715009) can0 12345678#11 T");
  CHECK(again("(2023-11-14 22:13:20.715009) can0 123#11") == "(1700000000.715009) can0 123#11");
  CHECK(again("(0.0) can0 123##3.11.22") == "(0000000000.000000) can0 123##31122");
}

TEST_CASE("candump: lines that are neither frame nor fault are recognised") {
  CHECK(again("") == "nothing");
  CHECK(again("  \t\r\n") == "nothing");
  CHECK(again("# a sample") == "nothing");
  CHECK(again("interface = can0, family = 29, type = 3, proto = 1") == "nothing");
  CHECK(again("\tprotocol-violation{{bit-stuffing-error}{}}") == "nothing");
  CHECK(again("DROPCOUNT: dropped 7 CAN frames on 'can1' socket (total drops 9)")
        == "dropped 7 on can1");
  CHECK(again("DROPCOUNT: dropped 1 CAN frame on 'can1' socket (total drops 9)")
        == "dropped 1 on can1");
}

TEST_CASE("candump: screen output is read") {
  CHECK(again(" (1700000000.715009)  can0  18FEF100   [8]  FA 10 20 30 40 50 60 70")
        == "(1700000000.715009) can0 18FEF100#FA10203040506070");
  CHECK(again("  can0  18FEF100   [3]  FF 00 11") == "(0000000000.000000) can0 18FEF100#FF0011");
  CHECK(again("  can0  123  [08]  11 22 33 44 55 66 77 88")
        == "(0000000000.000000) can0 123##01122334455667788");
  CHECK(again("  can0  RX B E       123  [01]  11") == "(0000000000.000000) can0 123##311 R");
  CHECK(again("  can0  TX - -  123   [1]  11") == "(0000000000.000000) can0 123#11 T");
  CHECK(again("  can0  123   [5]  remote request") == "(0000000000.000000) can0 123#R5");
  CHECK(again("  can0  20000004   [8]  00 01 00 00 00 00 00 00   ERRORFRAME")
        == "(0000000000.000000) can0 20000004#0001000000000000");
  CHECK(again("  can0  123   [2]  41 20                     'A '")
        == "(0000000000.000000) can0 123#4120");
  CHECK(again("  can0  123   {F}  11 22 33 44 55 66 77 88")
        == "(0000000000.000000) can0 123#1122334455667788_F");
  CHECK(again("  can0  123 [0002] (45|81:00:12345678) 11 22")
        == "(0000000000.000000) can0 45123#81:00:12345678#1122");
  CHECK(again("<0x18eeff21> [8] 0a 1b 2c 3d 4e 5f 60 71 ")
        == "(0000000000.000000) can0 18EEFF21#0A1B2C3D4E5F6071");
  CHECK(again(" (2023-11-14 22:13:20.715009)  can0  123   [0] ")
        == "(1700000000.715009) can0 123#");
  log_line line;
  log_payload payload;
  parse_candump("  can0  123   [0]", line, payload);
  CHECK_FALSE(line.timed);
  parse_candump(" (000.000000)  can0  123   [0]", line, payload);
  CHECK(line.timed);
}

TEST_CASE("candump: a heading names the interface of the lines under it") {
  const std::string_view text =
    "interface = can3, family = 29, type = 3, proto = 1\n<0x18eeff21> [1] 05\n";
  CHECK(read_all(text).written == "(0000000000.000000) can3 18EEFF21#05\n");
}

TEST_CASE("candump: an invalid line names the field") {
  const std::string at = "(1700000000.715009) can0 ";
  CHECK(is_fault(at + "12#11", "identifier"));
  CHECK(is_fault(at + "1234#11", "identifier"));
  CHECK(is_fault(at + "800#11", "identifier"));
  CHECK(is_fault(at + "40000000#11", "identifier"));
  CHECK(is_fault(at + "98FEF100#11", "identifier"));
  CHECK(is_fault(at + "123456789#11", "identifier"));
  CHECK(is_fault(at + "18FEF1G0#11", "identifier"));
  CHECK(is_fault(at + "18FEF100#112233445566778899", "payload"));
  CHECK(is_fault(at + "18FEF100#112", "payload"));
  CHECK(is_fault(at + "18FEF100#11.", "payload"));
  CHECK(is_fault(at + "18FEF100#11xx", "payload"));
  CHECK(is_fault(at + "18FEF100#R9", "length"));
  CHECK(is_fault(at + "18FEF100#1122334455667788_8", "raw DLC"));
  CHECK(is_fault(at + "18FEF100#11223344556677_9", "raw DLC"));
  CHECK(is_fault(at + "18FEF100#1122334455667788_", "raw DLC"));
  CHECK(is_fault(at + "123##", "flags"));
  CHECK(is_fault(at + "123##1112233445566778899", "length"));
  CHECK(is_fault(at + "123##1" + std::string(130, '0'), "payload"));
  CHECK(is_fault(at + "123#11 X", "direction"));
  CHECK(is_fault(at + "45123#81:00:12345678#", "payload"));
  CHECK(is_fault(at + "45923#81:00:12345678#11", "priority"));
  CHECK(is_fault(at + "45123#81:00:1234567#11", "af"));
  CHECK(is_fault(at + "45123#81:00:12345678#" + std::string(4098, '1'), "payload"));
  CHECK(is_fault("(1700000000.715009 can0 123#11", "time"));
  CHECK(is_fault("(1547753403) can0 123#11", "time"));
  CHECK(is_fault("(1700000000.) can0 123#11", "time"));
  CHECK(is_fault("(1700000000.1234567890) can0 123#11", "time"));
  CHECK(is_fault("(1234567890123.1) can0 123#11", "time"));
  CHECK(is_fault("(2019-02-29 19:30:03.7) can0 123#11", "time"));
  CHECK(is_fault("(1700000000.715009) " + std::string(65, 'c') + " 123#11", "interface"));
  CHECK(is_fault("(1700000000.715009) c\xC3\xA4n 123#11", "interface"));
  CHECK(is_fault("DROPCOUNT: dropped many", "DROPCOUNT"));
  CHECK(is_fault("  can0  18FEF100   [8]  FA 10 20 30 40 50 60", "payload"));
  CHECK(is_fault("  can0  18FEF100   [2]  FF 00 11", "payload"));
  CHECK(is_fault("  can0  18FEF100   [9]  FA 10 20 30 40 50 60 00 00", "length"));
  CHECK(is_fault("  can0  123 [0099] (45|81:00:12345678) 11 22 ...", "payload: candump truncated"));
  CHECK(is_fault("this is no log", "not a candump line"));
  CHECK(is_fault(std::string(line_bytes_max + 1, '('), "line"));
}

TEST_CASE("candump: every truncated line is a fault or a shorter frame") {
  for (const std::string line :
       {"(1700000000.715009) can0 18EEFF26#E1C2A30412345678 T",
        "(1700000000.715009) can0 123##5112233445566778899AABBCC",
        "(1700000000.715009) can0 45123#81:00:12345678#112233",
        " (1700000000.715009)  can0  18FEF100   [8]  FA 10 20 30 40 50 60 70"})
    for (std::size_t size = 1; size < line.size(); ++size) {
      log_line read;
      log_payload payload;
      parse_candump(std::string_view{line}.substr(0, size), read, payload);
      if (read.kind == line_kind::frame)
        CHECK(line.find('#') < size);
      else
        CHECK((read.kind == line_kind::fault || line[size - 1] == ' '));
    }
}

TEST_CASE("candump: a last line without a line end is reported") {
  candump_reader reader{"(1.0) can0 123#1122\n(2.0) can0 123#11"};
  log_line line;
  log_payload payload;
  REQUIRE(reader.next(line, payload));
  CHECK_FALSE(reader.unterminated());
  REQUIRE(reader.next(line, payload));
  CHECK(line.kind == line_kind::frame);
  CHECK(reader.unterminated());
  CHECK(reader.line() == 2);
  CHECK_FALSE(reader.next(line, payload));
  CHECK(reader.line() == 2);
  CHECK(reader.offset() == 37);
}

TEST_CASE("candump: any written frame reads back the same") {
  furrow::tests::random_frames frames{20'260'512};
  std::string text;
  log_line read;
  log_payload payload;
  for (int i = 0; i < 200'000; ++i) {
    const auto& frame = frames.next();
    text.clear();
    append_candump(text, frame, "can7");
    parse_candump(text, read, payload);
    INFO(text);
    REQUIRE(read.kind == line_kind::frame);
    REQUIRE(read.interface == "can7");
    REQUIRE(read.time_us == frame.time_us);
    REQUIRE(read.header == frame.header);
    REQUIRE(std::equal(frame.payload().begin(), frame.payload().end(), payload.begin()));
  }
}

TEST_CASE("candump: real logs are written back byte for byte") {
  const struct {
    const char* name;
    std::size_t frames;
  } logs[] = {{"j1939/jd5055e/idle10sec.candump.log", 6'753},
              {"j1939/jd5055e/tractoronSitUp.candump.log", 9'740},
              {"j1939/jd5055e/transmission1and2and3InGear.candump.log", 5'229},
              {"j1939/css-FCBF0606-00000001.candump.log", 1'815},
              {"isobus/agisostack-1.candump.log", 21'474},
              {"n2k/css-94C49784-00000002.candump.log", 9'600},
              {"n2k/samples/candump-fast.txt", 23},
              {"formats/css-same-164-frames/multiple_CAN.log", 164}};
  for (const auto& log : logs) {
    const auto path = data_file(log.name);
    if (!path)
      continue;
    const auto text = read_file(*path);
    const auto sum = read_all(text);
    CHECK_MESSAGE(sum.frames == log.frames, log.name);
    CHECK_MESSAGE(sum.faults == 0, log.name);
    CHECK_MESSAGE((sum.written == text), log.name);
  }
}

TEST_CASE("candump: real logs in other forms are read to the last line") {
  const struct {
    const char* name;
    std::size_t frames;
  } logs[] = {{"j1939/canboat-j1939-engine-start.candump.txt", 853},
              {"n2k/samples/candumpSample1.txt", 6'026},
              {"n2k/samples/candumpSample2.txt", 402},
              {"n2k/samples/actisense-522.candump.log", 106}};
  for (const auto& log : logs) {
    const auto path = data_file(log.name);
    if (!path)
      continue;
    const auto sum = read_all(read_file(*path));
    CHECK_MESSAGE(sum.frames == log.frames, log.name);
    CHECK_MESSAGE(sum.faults == 0, log.name);
    CHECK_MESSAGE(read_all(sum.written).written == sum.written, log.name);
  }
}
