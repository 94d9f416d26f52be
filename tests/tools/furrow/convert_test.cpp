#include "tests/support/closed_output.hpp"
#include "tests/support/data.hpp"
#include "tools/furrow/logs/convert.hpp"

#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

using namespace furrow::can;
using furrow::cli::convert_log;
using furrow::cli::convert_options;
using furrow::tests::data_file;
using furrow::tests::read_file;

namespace {

struct outcome {
  int code = 0;
  std::string text;
  std::string errors;
};

/// The warning about the short times in these tests.
const std::string early_times =
  "stdin: the log has times before the year 2000, or without a date: they are kept as they are; "
  "--start TIME says when the log began\n";

outcome convert(const std::string& text, const convert_options& options) {
  std::istringstream in{text};
  std::ostringstream out;
  std::ostringstream errors;
  const auto code = convert_log(options, in, out, errors);
  return {code, out.str(), errors.str()};
}

} // namespace

TEST_CASE("convert: a real tractor's log survives each format and back, byte for byte") {
  const auto path = data_file("j1939/jd5055e/idle10sec.candump.log");
  if (!path)
    return;
  const auto text = read_file(*path);
  for (const auto format :
       {log_format::asc, log_format::trc, log_format::canboat, log_format::candump}) {
    INFO(std::string{to_string(format)});
    const auto there = convert(text, {.to = format});
    CHECK(there.code == 0);
    CHECK(there.errors.empty());
    const auto back = convert(there.text, {.to = log_format::candump});
    CHECK(back.code == 0);
    // ASC and TRC write Rx for frames without a direction in the log.
    std::string expected;
    const bool directed = format == log_format::asc || format == log_format::trc;
    for (const char c : text)
      expected += c == '\n' && directed ? std::string{" R\n"} : std::string{c};
    CHECK((back.text == expected));
  }
}

TEST_CASE(
  "convert: reports and counts unreadable lines and frames the format cannot hold, and fails") {
  const std::string text = "(1.0) can0 18FEF100#11\n(2.0) can0 18FEF100#1\n(3.0) can0 123#11\n"
                           "DROPCOUNT: dropped 5 CAN frames on 'can0' socket (total drops 5)\n";
  const auto result = convert(text, {.to = log_format::canboat});
  CHECK(result.code == 1);
  CHECK(result.text == "1970-01-01T00:00:01.000Z,6,65265,0,255,1,11\n");
  CHECK(result.errors
        == early_times
             + "stdin:2:22: payload: a byte has two hex digits\n"
               "stdin:3: an identifier of 11 bits: NMEA 2000 text has no form for it\n"
               "stdin: the log reports that 5 frames were dropped while it was recorded\n"
               "stdin: 1 lines could not be read\n"
               "stdin: 1 frames or messages cannot be written as canboat\n");
}

TEST_CASE("convert: reports the first twenty bad lines and counts all of them") {
  std::string text;
  for (int i = 0; i < 500; ++i)
    text += "(1.0) can0 18FEF100#1\n";
  const auto result = convert(text, {.from = log_format::candump});
  CHECK(result.code == 1);
  CHECK(std::count(result.errors.begin(), result.errors.end(), '\n') == 21);
  CHECK(result.errors.ends_with("stdin: 500 lines could not be read\n"));
}

TEST_CASE("convert: converts and reports a last line without line end") {
  const auto result = convert("(1.0) can0 18FEF100#11", {});
  CHECK(result.code == 0);
  CHECK(result.text == "(0000000001.000000) can0 18FEF100#11\n");
  CHECK(result.errors
        == early_times + "stdin: the last line has no line end; the log may be truncated\n");
}

TEST_CASE("convert: ends with success when the reader has enough") {
  std::string log; // several pieces, so that the last one ends within a line
  while (log.size() < 2'000'000)
    log += "(1547753403.715009) can0 18FEF100#FF00FF00FF00FF00\n";
  convert_options options;
  options.to = furrow::can::log_format::asc;
  furrow::tests::closed_output head{1'000};
  std::istringstream in{log};
  std::ostream out{&head};
  std::ostringstream problems;
  CHECK(convert_log(options, in, out, problems) == 0);
  CHECK(problems.str().empty());

  // Damaged lines are reported as before.
  std::istringstream bad{"no frame\n"};
  std::ostringstream all;
  CHECK(convert_log(options, bad, all, problems) == 1);
  CHECK(problems.str().find("1:1") != std::string::npos);
}

TEST_CASE("convert: empty input gives empty output") {
  const auto result = convert("", {.to = log_format::asc});
  CHECK(result.code == 0);
  CHECK(result.text.empty());
  CHECK(result.errors.empty());
}

TEST_CASE("convert: a log of which no frame can be read fails with one line") {
  const auto fails = [](const std::string& text) {
    CAPTURE(text.substr(0, 60));
    const auto result = convert(text, {.to = log_format::candump});
    CHECK(result.code == 1);
    CHECK(result.text.empty());
    CHECK(std::count(result.errors.begin(), result.errors.end(), '\n') == 1);
    return result.errors;
  };
  CHECK(fails("root:x:0:0:root:/root:/bin/bash\nbin:x:1:1:bin:/bin:/bin/sh\n")
          .starts_with("stdin:1:1: no frame could be read: format: unknown; known are candump, "));
  CHECK(fails(std::string{"\x1F\x8B\x08\x00\x0A\x01\x02\x0A\xFF", 9})
        == "furrow convert: cannot read stdin to its end: it ends in the middle of its packed "
           "data\n");
  CHECK(fails("date Mon Mar 2 09:10:11 2020\nbase hex timestamps absolute\n")
        == "stdin: no frame could be read: its 2 lines have no frames\n");
  CHECK(fails("# only a remark\n").starts_with("stdin: no frame could be read"));
  // CSV of other programs: not mistaken for a known format.
  CHECK(
    fails("***BUSMASTER Ver 3.2.2***\nTime,Tx/Rx,Channel\n").starts_with("stdin:1:1: no frame"));
  CHECK(fails("TimestampEpoch;BusChannel;ID;IDE;DLC;DataLength;Dir;EDL;BRS;DataBytes\n"
              "1578922367.777150;1;14F;0;8;8;0;0;0;01A02B3C4D5E6F70\n")
          .starts_with("stdin:1:1: no frame"));
}

TEST_CASE("convert: the small faults before the format is known are named once it is known") {
  const auto result =
    convert("no heading\n(1.0) can0 123#11\n(1.0) can0 123#1\n", {.to = log_format::candump});
  CHECK(result.code == 1);
  CHECK(std::count(result.errors.begin(), result.errors.end(), '\n') == 4);
  CHECK(result.errors.starts_with("stdin:1:1: format: unknown"));
  CHECK(result.errors.find(early_times) != std::string::npos);
  CHECK(result.errors.find("stdin:3:17: payload") != std::string::npos);
}

TEST_CASE("convert: the small inputs that other programs write are read") {
  const struct {
    const char* name;
    const char* text;
  } inputs[] = {
    {"01-asc-24h-with-am.asc", "(1578402889.126000) can0 0CF00400#F07D7D401FFFFFFF R\n"},
    {"08-asc-with-bom.asc", "(1583140211.750000) can0 0CF00400#F07D7D401FFFFFFF R\n"},
    {"08-trc-with-bom.trc", "(1583150400.250000) can0 0CF00400#F07D7D401FFFFFFF R\n"},
    {"08-candump-utf16.log", "(1700000000.000000) can0 0CF00400#F07D7D401FFFFFFF\n"},
    {"22-gvret.csv", "(0000000000.000973) can0 0CF00400#F07D7D401FFFFFFF R\n"
                     "(0000000000.002009) can0 030#0000000017000150 R\n"}};
  for (const auto& input : inputs) {
    const auto path = data_file(std::string{"faults/"} + input.name);
    if (!path)
      continue;
    CAPTURE(input.name);
    const auto result = convert(read_file(*path), {.to = log_format::candump});
    CHECK(result.code == 0);
    CHECK(result.text == input.text);
  }
  if (const auto path = data_file("faults/07-trc-1.0-error-frame.trc")) {
    const auto result = convert(read_file(*path), {.to = log_format::candump});
    CHECK(result.code == 0);
    CHECK(result.text.find("(0000000001.842000) can0 20000000#") != std::string::npos);
  }
}

TEST_CASE("convert: writes assembled messages to canboat and to no other format") {
  const std::string text = "2021-02-03T04:05:06.000Z,3,126208,0,204,9,10,20,30,40,50,60,70,80,90\n";
  CHECK(convert(text, {.to = log_format::canboat}).text == text);
  CHECK(convert(text, {.to = log_format::candump}).code == 1);
}

TEST_CASE("convert: rejects an unknown format") {
  for (const char* line :
       {"convert", "convert --to mdf", "convert --to garmin", "convert --to asc --from x"}) {
    CLI::App app;
    int exit_code = 0;
    furrow::cli::add_convert(app, exit_code);
    CHECK_THROWS_AS(app.parse(line, false), CLI::ParseError);
  }
  CLI::App app;
  int exit_code = 0;
  furrow::cli::add_convert(app, exit_code);
  app.parse("convert --to asc /nowhere/at/all.log", false);
  CHECK(exit_code == 1);
}
