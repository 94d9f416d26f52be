#include "can/logs/candump.hpp"
#include "can/logs/log_format.hpp"
#include "can/text/civil_time.hpp"
#include "tests/can/logs/log_reading.hpp"
#include "tests/support/random_frames.hpp"

#include <string>
#include <vector>

using namespace furrow::can;
using namespace furrow::tests;

namespace {

std::vector<read_frame> some_frames(std::uint64_t seed, std::size_t count, log_format format) {
  furrow::tests::random_frames random{seed};
  std::vector<read_frame> frames;
  std::int64_t time_us = september_us;
  while (frames.size() < count) {
    const auto& frame = random.next();
    auto header = frame.header;
    // Only frames that the format can express and read back.
    if (header.kind() == frame_kind::xl)
      continue;
    const bool text_of_n2k = format == log_format::canboat || format == log_format::ydwg;
    if (text_of_n2k
        && (header.kind() != frame_kind::classic || !header.extended() || header.remote()))
      continue;
    auto parts = header_parts{.id = header.id(),
                              .extended = header.extended(),
                              .remote = header.remote(),
                              .length = header.length(),
                              .nibble = header.nibble(),
                              .kind = header.kind(),
                              .direction = random.below(2) == 0 ? frame_direction::received
                                                                : frame_direction::sent};
    if (header.error())
      parts = {.error = true, .direction = frame_direction::received};
    if (header.error() && (text_of_n2k || format == log_format::asc))
      continue;
    if (parts.kind == frame_kind::fd)
      parts.nibble &= 3;
    if (text_of_n2k)
      parts.nibble = 0;
    if (format == log_format::canboat)
      parts.direction = frame_direction::unknown;
    time_us += static_cast<std::int64_t>(random.below(5'000)) - (random.below(9) == 0 ? 3'000 : 0);
    const char* const buses[] = {"can0", "can3", "vcan0", "can1", "eth-can"};
    frames.push_back({time_us,
                      pack(parts),
                      text_of_n2k ? "can0" : buses[random.below(5)],
                      {frame.data, frame.data + pack(parts).payload_bytes()}});
  }
  return frames;
}

} // namespace

TEST_CASE("log formats: written frames read back the same") {
  for (const auto format : {log_format::candump, log_format::asc, log_format::trc,
                            log_format::canboat, log_format::ydwg}) {
    INFO(to_string(format));
    const auto frames = some_frames(static_cast<std::uint64_t>(format), 5'000, format);
    const auto text = write_text(frames, format);
    const auto log = read_text(text);
    CHECK(log.format == format);
    CHECK(all_faults(log) == "");
    REQUIRE(log.frames.size() == frames.size());
    for (std::size_t i = 0; i < frames.size(); ++i) {
      INFO(i);
      auto expected = frames[i];
      if (format == log_format::ydwg) // no date
        expected.time_us = expected.time_us - days_of({2017, 9, 30}) * day_us;
      REQUIRE(log.frames[i].time_us == expected.time_us);
      REQUIRE(log.frames[i].header.bits == expected.header.bits);
      REQUIRE(log.frames[i] == expected);
    }
  }
}

TEST_CASE(
  "log formats: each version of TRC writes the frames that it can express, and rejects the rest") {
  auto frames = some_frames(7, 2'000, log_format::trc);
  std::erase_if(frames, [](const read_frame& frame) {
    return frame.header.kind() == frame_kind::fd || frame.header.error();
  });
  for (auto& frame : frames)
    frame.interface = "can3";
  for (const auto version : {trc_version::v1_0, trc_version::v1_1, trc_version::v1_2,
                             trc_version::v1_3, trc_version::v2_0}) {
    INFO(static_cast<int>(version));
    const auto log = read_text(write_text(frames, log_format::trc, version));
    CHECK(log.format == log_format::trc);
    CHECK(all_faults(log) == "");
    REQUIRE(log.frames.size() == frames.size());
    const std::int64_t step = version == trc_version::v1_0   ? 1'000
                              : version == trc_version::v1_1 ? 100
                                                             : 1;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      auto expected = frames[i];
      if (version == trc_version::v1_0) {
        expected.header.bits &= ~(3ULL << 58U); // no direction
      }
      expected.time_us -= expected.time_us % step;
      INFO(i);
      REQUIRE(log.frames[i].time_us == expected.time_us);
      REQUIRE(log.frames[i].header.bits == expected.header.bits);
      REQUIRE(log.frames[i] == expected);
    }
  }
  const std::uint8_t data[64] = {};
  std::string out;
  trc_writer old{trc_version::v1_1};
  CHECK(old.append(out, {0, pack({.id = 1, .length = 8, .kind = frame_kind::fd}), data}, "can0")
        != nullptr);
  CHECK(out.empty());
  CHECK(old.append(out, {0, pack({.id = 1, .length = 8}), data}, "can0") == nullptr);
  CHECK(old.append(out, {0, pack({.id = 1, .length = 8}), data}, "can1") != nullptr);
}

TEST_CASE("log formats: a writer gives the reason when it cannot express a frame") {
  const std::uint8_t data[xl_bytes_max] = {};
  std::string out;
  const auto xl = pack({.id = 1, .length = 20, .kind = frame_kind::xl});
  for (const auto format :
       {log_format::asc, log_format::trc, log_format::canboat, log_format::ydwg}) {
    CHECK(log_writer{format}.append(out, {0, xl, data}, "can0") != nullptr);
    CHECK(out.empty());
  }
  for (const auto format : {log_format::canboat, log_format::ydwg}) {
    CHECK(log_writer{format}.append(out, {0, pack({.id = 1, .length = 8}), data}, "can0")
          != nullptr);
    CHECK(log_writer{format}.append(
            out, {0, pack({.id = 1, .extended = true, .remote = true}), data}, "can0")
          != nullptr);
  }
  CHECK(log_writer{log_format::asc}.append(out, 0, message_head{129029, 43, 3, 1, 255}, data)
        != nullptr);
  CHECK(out.empty());
}

TEST_CASE("log formats: an invalid line names the field, and reading goes on") {
  const auto one_fault = [](std::string_view text, std::string_view at) {
    const auto log = read_text(text);
    REQUIRE(log.faults.size() == 1);
    INFO(log.faults[0]);
    CHECK(log.faults[0].starts_with(at));
    return log.frames.size();
  };
  const std::string asc =
    "date Mon Mar 2 09:10:11 am 2020\nbase hex  timestamps absolute\n  1.0 1 123 Rx d 1 11\n";
  CHECK(one_fault(asc + "  2.0 1 123 Rx d 2 11\n  3.0 1 123 Rx d 1 11\n", "4:22: payload") == 2);
  CHECK(one_fault(asc + "  2.0 1 8FF Rx d 1 11\n", "4:9: identifier") == 1);
  CHECK(one_fault(asc + "  2.0 1 12G Rx d 1 11\n", "4:9: identifier") == 1);
  CHECK(one_fault(asc + "  2.0 1 123\n", "4:12: direction") == 1);
  CHECK(one_fault(asc + "  2.0 300 123 Rx d 1 11\n", "4:10: channel") == 1);
  CHECK(one_fault(asc + "what is this\n", "4:1: not an ASC line") == 1);
  CHECK(one_fault(asc + "  2.0 CANFD   1 Rx 300 1 0 9 8 a1 a2 a3 a4 a5 a6 a7 a8 1 1 303000\n",
                  "4:66: length")
        == 1);
  CHECK(one_fault("date unknown\n 1.0 1 123 Rx d 1 11\n", "1:6: date") == 1);
  const std::string trc =
    ";$FILEVERSION=1.1\n;$STARTTIME=44100.3750005139\n 1) 1000.4  Rx  0704  1  00\n";
  CHECK(one_fault(trc + " 2) 17536.4  Rx  0704  2  00\n 3) 1.0 Tx 12345678 0\n", "4:29: payload")
        == 2);
  CHECK(one_fault(trc + " 2) x  Rx  0704  2  00\n", "4:5: time") == 1);
  CHECK(one_fault(trc + " 2) 1.0  Rx  0804  2  00 00\n", "4:14: identifier") == 1);
  CHECK(one_fault(";$FILEVERSION=9.9\n", "1:15: version") == 0);
  CHECK(one_fault(";$FILEVERSION=2.1\n  1  1.0 DT 1 0123 Rx 00\n", "2:1: columns") == 0);
  const std::string plain = "2022-05-06T07:08:09.123Z,2,127250,9,255,8,01,02,03,04,05,06,07,08\n";
  CHECK(one_fault(plain + "2022-05-06T07:08:09.123Z,2,127250,9,255,8,ff,10\n", "2:48: payload")
        == 1);
  CHECK(one_fault(plain + "2022-05-06T07:08:09.123Z,8,127250,7,255,1,ff\n", "2:27: priority") == 1);
  CHECK(one_fault(plain + "2022-05-06T07:08:09.123Z,2,524287,7,255,1,ff\n", "2:28: PGN") == 1);
  CHECK(one_fault(plain + "2022-05-06T07:08:09.123Z,2,59905,7,255,1,ff\n", "2:28: PGN") == 1);
  CHECK(one_fault(plain + "2022-02-30T07:08:09.123Z,2,59904,7,255,1,ff\n", "2:1: time") == 1);
  CHECK(read_text(plain + "2021-04-05-10:11:12.772,0,262386,0,0,1,01\n").faults.empty());
  const std::string ydwg = "01:02:03.014 R 09F8012A 50 C3\r\n";
  CHECK(one_fault(ydwg + "01:02:03.014 R 29F8012A 50 C3\r\n", "2:16: identifier") == 1);
  CHECK(one_fault(ydwg + "01:02:03.014 X 09F8012A 50 C3\r\n", "2:14: direction") == 1);
  CHECK(one_fault(ydwg + "01:02:03.014 R 09F8012A 50 C\r\n", "2:28: payload") == 1);
  CHECK(one_fault("$PCDIN,01FD07,00012345,03,0102030405060708*00\n", "1:44: checksum") == 0);
  CHECK(one_fault("some text of no format\n# comment\n" + ydwg, "1:1: format") == 1);
}

TEST_CASE("log formats: the small formats are read with all their fields") {
  const auto garmin = read_text(
    "Sequence #,Timestamp,PGN,Name,Manufacturer,Remote Address,Local Address,Priority,Single "
    "Frame,Size,Packet\n0,120034,127508,Battery,Maker,6,255,2,1,8,0x0102030405060708\n"
    "1,05_06_2022_07_08_09_123,129029,Position,,3,255,3,0,9,0x010203040506070809\n");
  REQUIRE(garmin.frames.size() == 1);
  CHECK(garmin.frames[0].time_us == 120'034'000);
  CHECK(garmin.frames[0].header == pack({.id = 0x09F21406, .extended = true, .length = 8}));
  REQUIRE(garmin.messages.size() == 1);
  CHECK(garmin.messages[0].pgn == 129029);
  CHECK(garmin.messages[0].length == 9);
  const auto pcdin = read_text("$PCDIN,01FD07,00012345,03,0102030405060708*5E\n");
  REQUIRE(pcdin.frames.size() == 1);
  CHECK(pcdin.frames[0].header.id() == 0x01FD0703);
  CHECK(hex(pcdin.frames[0].data) == "0102030405060708");
  const auto actisense = read_text("A000159.990 31FF7 0FF63 0102030405060708\n");
  REQUIRE(actisense.frames.size() == 1);
  CHECK(actisense.frames[0].time_us == 119'990'000);
  CHECK(actisense.frames[0].header.id() == 0x1CFF6331);
  const auto request = read_text("2021-04-05-10:11:12.266,6,59904,9,35,3,00,ee,00\n");
  REQUIRE(request.frames.size() == 1);
  CHECK(request.frames[0].header.id() == 0x18EA2309);
  const auto rp1210 =
    read_text("2021-04-24 00:00:00.128 FINE   a.b.C x$4 23:59:59.1281 18EA00F9 [3] 00 EE 00\r\n");
  REQUIRE(rp1210.frames.size() == 1);
  CHECK(rp1210.frames[0].time_us == days_of({2021, 4, 23}) * day_us + to_us({23, 59, 59, 128'100}));
}

TEST_CASE("log formats: ASC with decimal numbers, relative times and renamed channels") {
  const auto log =
    read_text("date Die Mär 3 01:00:00.5 pm 2020\nbase dec  timestamps relative\n// furrow: "
              "channel 2 is vcan7\n"
              " 0.5 1 Statistic: D 0\n 0.25 2 2047 Tx d 2 255 7\n 0.25 1 419361024x Rx r 3\n");
  CHECK(all_faults(log) == "");
  REQUIRE(log.frames.size() == 2);
  CHECK(log.frames[0].time_us == days_of({2020, 3, 3}) * day_us + to_us({13, 0, 1, 250'000}));
  CHECK(log.frames[0].interface == "vcan7");
  CHECK(log.frames[0].header
        == pack({.id = 2047, .length = 2, .direction = frame_direction::sent}));
  CHECK(hex(log.frames[0].data) == "FF07");
  CHECK(log.frames[1].time_us == log.frames[0].time_us + 250'000);
  CHECK(log.frames[1].header.id() == 0x18FEF100);
  CHECK(log.frames[1].header.remote());
}

TEST_CASE("log formats: a time of day continues over midnight, and steps back over it") {
  const auto log =
    read_text("23:59:59.900 R 09F8012A 00\n00:00:00.100 R 09F8012A 00\n23:59:59.950 R 09F8012A 00\n"
              "00:00:00.200 R 09F8012A 00\n");
  REQUIRE(log.frames.size() == 4);
  CHECK(log.frames[1].time_us - log.frames[0].time_us == 200'000);
  CHECK(log.frames[2].time_us - log.frames[0].time_us == 50'000);
  CHECK(log.frames[3].time_us - log.frames[0].time_us == 300'000);
}

TEST_CASE("log formats: pieces of any size give the same lines") {
  std::string text;
  for (const auto& frame : some_frames(3, 300, log_format::asc))
    append_candump(text, frame.view(), frame.interface);
  text += std::string(3 * line_bytes_max, 'x') + "\n(1.0) can0 123#11\n(2.0) can0 123#1";
  const auto whole = read_text(text);
  CHECK(whole.frames.size() == 301);
  CHECK(whole.faults.size() == 2);
  for (const std::size_t piece : {1U, 7U, 64U, 1'000U, 4'096U}) {
    const auto parts = read_text(text, piece);
    CHECK(parts.frames == whole.frames);
    CHECK(parts.faults == whole.faults);
    CHECK(parts.lines == whole.lines);
  }
}

TEST_CASE("log formats: a restored reader goes on where it was saved") {
  for (const auto format : {log_format::candump, log_format::asc, log_format::trc,
                            log_format::canboat, log_format::ydwg}) {
    INFO(to_string(format));
    const auto text = write_text(some_frames(9, 400, format), format);
    const auto whole = read_text(text);
    for (const std::size_t stop : {1U, 3U, 10U, 200U}) {
      log_reader first;
      first.feed(text);
      log_line line;
      log_payload payload;
      read_log log;
      for (std::size_t i = 0; i < stop; ++i) {
        REQUIRE(first.next(line, payload));
        if (line.kind == line_kind::frame)
          log.frames.push_back({line.time_us,
                                line.header,
                                std::string{line.interface},
                                {payload.data(), payload.data() + line.header.payload_bytes()}});
      }
      log_reader second;
      REQUIRE(second.restore(first.save()));
      CHECK(second.save() == first.save());
      CHECK(second.line() == stop);
      second.feed(std::string_view{text}.substr(second.offset()));
      take(second, log);
      CHECK(log.frames == whole.frames);
      CHECK(second.line() == whole.lines);
    }
  }
  log_reader reader;
  CHECK_FALSE(reader.restore(""));
  CHECK_FALSE(reader.restore("2 candump 1 2"));
  CHECK_FALSE(reader.restore(reader.save().substr(0, 30)));
}

TEST_CASE("log formats: the format is detected from the content") {
  CHECK(format_of("# nothing\n\n  can0  18FEF100   [1]  FF\n") == log_format::candump);
  CHECK(format_of("(1.0) can0 123#11\n") == log_format::candump);
  CHECK(format_of(" 1)  1000  0704  1  RTR\n") == log_format::trc);
  CHECK(format_of("  0.019968 1  64  Rx   d 1 64\n") == log_format::asc);
  CHECK(format_of("one,two,three\n") == log_format::unknown);
  CHECK(format_of("") == log_format::unknown);
  CHECK(parse_log_format("canboat") == log_format::canboat);
  CHECK_FALSE(parse_log_format("unknown"));
  CHECK(can_write(log_format::ydwg));
  CHECK_FALSE(can_write(log_format::garmin));
}

TEST_CASE(
  "log formats: a short line with a fast packet PGN is a message in a log of whole messages") {
  const std::string short_command =
    "2020-01-01T00:00:00.000Z,3,126208,72,1,7,02,0d,f2,01,00,01,f0\n";
  const std::string maker_packet =
    "2020-01-01T00:00:00.000Z,3,130824,27,255,8,a0,2e,7d,99,37,21,fa,3f\n";
  const std::string maker_short =
    "2020-01-01T00:00:00.000Z,7,130820,7,255,7,3f,9f,00,40,00,00,80\n";
  const std::string long_one =
    "2020-01-01T00:00:00.000Z,3,126208,7,255,9,00,01,f0,fc,ff,ff,01,00,00\n";
  // These lines cannot be told from packets.
  const auto packets = read_text(short_command + maker_packet);
  CHECK(packets.frames.size() == 2);
  const auto messages = read_text(long_one + short_command + maker_packet + maker_short);
  REQUIRE(messages.messages.size() == 3);
  CHECK(messages.frames.size() == 1); // the maker's own that fills a frame
  log_reader reader;
  reader.feed(long_one);
  log_line line;
  log_payload payload;
  REQUIRE(reader.next(line, payload));
  log_reader later; // continues in the middle
  REQUIRE(later.restore(reader.save()));
  later.feed(short_command);
  REQUIRE(later.next(line, payload));
  REQUIRE(line.kind == line_kind::message);
  CHECK(line.message.pgn == 126208);
  CHECK(line.message.length == 7);
  CHECK(line.message.priority == 3);
  CHECK(line.message.source == 72);
  CHECK(line.message.destination == 1);
  CHECK(payload[6] == 0xF0);
}

TEST_CASE(
  "log formats: a maker's own message that fills a frame is a message unless the log has packets") {
  const auto line = [](const std::string& pgn, const std::string& data) {
    return "2024-01-01T00:00:00.000Z,3," + pgn + ",24,255,8," + data + "\n";
  };
  const auto raymarine = line("126720", "3b,9f,f0,81,11,12,13,14"); // code 1851, marine
  const auto navico = line("130824", "7d,99,05,41,2e,00,00,00");    // code 381, marine
  const auto packet = line("130824", "a0,2e,7d,99,37,21,fa,3f");    // counter 5, first of 46 bytes
  const auto in_packet = line("130824", "a3,9d,e5,33,21,a2,22,3a"); // looks like a code
  const auto whole = read_text(raymarine + navico);
  REQUIRE(whole.messages.size() == 2);
  CHECK(whole.messages[0].pgn == 126720);
  CHECK(whole.messages[1].length == 8);
  CHECK(read_text("2024-01-01T00:00:00.300Z,3,130824,38,255,2,7d,99\n").messages.size() == 1);
  const auto mixed = read_text(packet + in_packet + navico);
  CHECK(mixed.messages.empty());
  CHECK(mixed.frames.size() == 3);
  log_reader reader;
  reader.feed(packet);
  log_line out;
  log_payload payload;
  REQUIRE(reader.next(out, payload));
  log_reader later; // goes on in the middle
  REQUIRE(later.restore(reader.save()));
  later.feed(in_packet);
  REQUIRE(later.next(out, payload));
  CHECK(out.kind == line_kind::frame);
}
