/// Logs as programs write them besides the documents: byte order marks, UTF-16, stray marks of the half of a day, error
/// frames of TRC 1.0, the CSV of GVRET.
#include "can/text/civil_time.hpp"
#include "tests/can/logs/log_reading.hpp"

#include <string>
#include <vector>

using namespace furrow::can;
using namespace furrow::tests;

namespace {

const std::string asc_text = "date Mon Mar 2 09:10:11.500 2020\r\nbase hex  timestamps absolute\r\n"
                             "   0.250000 1  CF00400x        Rx   d 8 F0 7D 7D 40 1F FF FF FF\r\n";
const std::string trc_text = ";$FILEVERSION=1.1\r\n;$STARTTIME=43892.5\r\n"
                             "    1)       250.0  Rx     0CF00400  8  F0 7D 7D 40 1F FF FF FF\r\n";
const std::string gvret_text = "Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8\n"
                               "973,0CF00400,true,Rx,0,8,F0,7D,7D,40,1F,FF,FF,FF,\n"
                               "2009,00000030,false,Tx,2,3,00,01,50,\n";
const std::vector<std::string> one_of_each{
  asc_text,
  trc_text,
  gvret_text,
  "(1700000000.000000) can0 0CF00400#F07D7D401FFFFFFF\n",
  "2022-05-06T07:08:09.123Z,2,127250,9,255,8,01,02,03,04,05,06,07,08\n",
  "01:02:03.014 R 09F8012A 11 22 33 44 55 66 77 88\r\n",
  "A000159.990 31FF7 0FF63 0102030405060708\n",
  "0,120034,127508,Battery,Maker,6,255,2,1,8,0x0102030405060708\n",
  "$PCDIN,01FD07,00012345,03,0102030405060708*5E\n",
  "2021-04-24 00:00:00.128 FINE   a.b.C x$4 23:59:59.1281 18EA00F9 [3] 00 EE 00\r\n"};

std::string utf16(std::string_view text, bool little) {
  std::string out;
  for (const char c : text) {
    out += little ? c : '\0';
    out += little ? '\0' : c;
  }
  return out;
}

/// The encodings of a text that a reader must understand.
std::vector<std::string> encodings_of(const std::string& text) {
  return {"\xEF\xBB\xBF" + text, "\xFF\xFE" + utf16(text, true), "\xFE\xFF" + utf16(text, false),
          utf16(text, true), utf16(text, false)};
}

} // namespace

TEST_CASE("log variants: every format is read with a byte order mark and in UTF-16") {
  for (const auto& text : one_of_each) {
    const auto plain = read_text(text);
    CAPTURE(to_string(plain.format));
    REQUIRE(plain.frames.size() + plain.messages.size() > 0);
    for (const auto& encoded : encodings_of(text)) {
      for (const std::size_t piece : {std::string::npos, std::size_t{1}, std::size_t{3}}) {
        const auto log =
          read_text(encoded, piece); // also checks that offset() counts bytes of the file
        CHECK(log.format == plain.format);
        CHECK(all_faults(log) == "");
        CHECK(log.frames == plain.frames);
        CHECK(log.messages.size() == plain.messages.size());
        CHECK(log.lines == plain.lines);
      }
    }
  }
}

TEST_CASE("log variants: a log may be ended before its lines are taken, and one byte is a log") {
  for (const std::string& text :
       {std::string{"(1.0) can0 123#11\n(2.0) can0 123#22"}, std::string{"x"}, std::string{"\xEF"},
        std::string{"\xFF\xFE("}, std::string{"\xEF\xBB\xBF"}}) {
    log_reader reader;
    reader.feed(text);
    reader.finish();
    read_log log;
    take(reader, log);
    CHECK(reader.offset() == text.size());
    CHECK(log.frames.size() + log.faults.size()
          == (text.size() > 3    ? 2
              : text.size() == 1 ? 1
                                 : 0));
  }
}

TEST_CASE("log variants: the start of a log with a byte order mark is its date, not 1970") {
  const auto asc = read_text("\xEF\xBB\xBF" + asc_text); // hms-networks/AbccSpiAnalyzer issue 29
  REQUIRE(asc.frames.size() == 1);
  CHECK(asc.frames[0].time_us == days_of({2020, 3, 2}) * day_us + to_us({9, 10, 11, 750'000}));
  const auto trc = read_text("\xEF\xBB\xBF" + trc_text);
  REQUIRE(trc.frames.size() == 1);
  CHECK(trc.frames[0].time_us == days_of({2020, 3, 2}) * day_us + to_us({12, 0, 0, 250'000}));
}

TEST_CASE("log variants: letters outside ASCII survive UTF-16 where they matter") {
  std::string log = "\xFF\xFE" + utf16("date Die M", true) + '\xE4' + '\0'
                    + utf16("r 3 01:00:00 2020\n // ", true) + '\x34' + '\x12'
                    + utf16("\n 0.5 1 123 Rx d 1 11\n", true);
  const auto read = read_text(log);
  CHECK(all_faults(read) == "");
  REQUIRE(read.frames.size() == 1);
  CHECK(read.frames[0].time_us == days_of({2020, 3, 3}) * day_us + to_us({1, 0, 0, 500'000}));
}

TEST_CASE("log variants: a restored reader goes on in the middle of a log in UTF-16") {
  const std::string line = "(1700000000.000000) can0 0CF00400#F07D\n";
  for (const auto& encoded : encodings_of(line + line + line)) {
    log_reader first;
    first.feed(encoded);
    log_line out;
    log_payload payload;
    REQUIRE(first.next(out, payload));
    log_reader second;
    REQUIRE(second.restore(first.save()));
    CHECK(second.save() == first.save());
    second.feed(std::string_view{encoded}.substr(second.offset()));
    for (int i = 0; i < 2; ++i) {
      REQUIRE(second.next(out, payload));
      CHECK(out.kind == line_kind::frame);
    }
    CHECK(second.offset() == encoded.size());
    CHECK_FALSE(second.next(out, payload));
  }
  // What an older version saved ends before the encoding.
  log_reader first;
  first.feed(line);
  log_line out;
  log_payload payload;
  REQUIRE(first.next(out, payload));
  auto saved = first.save();
  saved.resize(saved.size() - 4);
  log_reader second;
  REQUIRE(second.restore(saved));
  second.feed("(\n");
  CHECK(second.next(out, payload));
}

TEST_CASE("log variants: an ASC date ignores am and pm where the hour is above 12") {
  const auto start_of = [](const std::string& clock) { // hardbyte/python-can issue 754
    const auto log = read_text("date Tue Jan 7 " + clock + " 2020\nBegin Triggerblock Tue Jan 7 "
                               + clock + " 2020\n 0.000 1 123 Rx d 1 11\n");
    REQUIRE(log.frames.size() == 1);
    CHECK(all_faults(log) == "");
    return log.frames[0].time_us - days_of({2020, 1, 7}) * day_us;
  };
  CHECK(start_of("13:14:48.626 am") == to_us({13, 14, 48, 626'000}));
  CHECK(start_of("23:59:59 AM") == to_us({23, 59, 59, 0}));
  CHECK(start_of("13:14:48.626 pm") == to_us({13, 14, 48, 626'000}));
  CHECK(start_of("01:14:48.626 pm") == to_us({13, 14, 48, 626'000}));
  CHECK(start_of("01:14:48.626 am") == to_us({1, 14, 48, 626'000}));
  CHECK(start_of("12:14:48.626 am") == to_us({0, 14, 48, 626'000}));
  CHECK(start_of("12:14:48.626 pm") == to_us({12, 14, 48, 626'000}));
  CHECK(start_of("13:14:48.626") == to_us({13, 14, 48, 626'000}));
}

TEST_CASE("log variants: an error line of TRC 1.0 is an error frame") {
  const auto log = read_text(";   C:\\trace.trc\n     1)      1841  0001      8  00 11 22 33 44 55 "
                             "66 77\n     2)      1842  0008      4  ERROR   00 19 08 08\n");
  CHECK(all_faults(log) == "");
  REQUIRE(log.frames.size() == 2);
  CHECK(log.frames[1].header.error());
  CHECK(log.frames[1].time_us == 1'842'000);
}

TEST_CASE("log variants: the CSV of GVRET is a format of its own") {
  const auto log = read_text(gvret_text);
  CHECK(log.format == log_format::gvret);
  CHECK(all_faults(log) == "");
  REQUIRE(log.frames.size() == 2);
  CHECK(log.frames[0].time_us == 973);
  CHECK(log.frames[0].interface == "can0");
  CHECK(hex(log.frames[0].data) == "F07D7D401FFFFFFF");
  CHECK(
    log.frames[0].header
    == pack(
      {.id = 0xCF00400, .extended = true, .length = 8, .direction = frame_direction::received}));
  CHECK(log.frames[1].interface == "can2");
  CHECK(log.frames[1].header
        == pack({.id = 0x30, .length = 3, .direction = frame_direction::sent}));
  SUBCASE("without a heading, without a direction, with 0x and with padding") {
    const auto old = read_text("1000,0x18FEF100,true,1,2,0x11,0x22,0x00,0x00\n");
    CHECK(old.format == log_format::gvret);
    REQUIRE(old.frames.size() == 1);
    CHECK(hex(old.frames[0].data) == "1122");
    CHECK(old.frames[0].interface == "can1");
  }
  SUBCASE("more than eight bytes are FD") {
    std::string line = "5,123,false,Rx,0,12,";
    for (int i = 0; i < 12; ++i)
      line += "0" + std::to_string(i % 10) + ",";
    const auto fd = read_text("Time Stamp,ID,Extended,Dir,Bus,LEN\n" + line + "\n");
    REQUIRE(fd.frames.size() == 1);
    CHECK(fd.frames[0].header.kind() == frame_kind::fd);
  }
  SUBCASE("a bad line names the field") {
    const auto fault = [](const std::string& line) {
      const auto bad = read_text("Time Stamp,ID,Extended,Dir,Bus,LEN,D1\n" + line + "\n");
      REQUIRE(bad.faults.size() == 1);
      return bad.faults[0];
    };
    CHECK(fault("x,123,false,Rx,0,0").starts_with("2:1: time"));
    CHECK(fault("1,XYZ,false,Rx,0,0").starts_with("2:3: identifier"));
    CHECK(fault("1,123,maybe,Rx,0,0").starts_with("2:3: extended"));
    CHECK(fault("1,800,false,Rx,0,0").starts_with("2:3: identifier: above 7FF"));
    CHECK(fault("1,123,false,Rx,999,0").starts_with("2:13: bus"));
    CHECK(fault("1,123,false,Rx,0,9,1,2,3,4,5,6,7,8,9").starts_with("2:13: length: no FD"));
    CHECK(fault("1,123,false,Rx,0,2,11").starts_with("2:13: payload: fewer"));
  }
  SUBCASE("garmin lines stay garmin") {
    CHECK(format_of("0,120034,127508,Battery,Maker,6,255,2,1,8,0x0102030405060708\n")
          == log_format::garmin);
    CHECK(format_of("0,120034,127508,1,1,6,255,2,1,8,0x01\n") == log_format::garmin);
  }
}
