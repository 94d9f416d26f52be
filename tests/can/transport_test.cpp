#include "can/fast_packet.hpp"
#include "can/transport.hpp"
#include "tests/support/data.hpp"
#include "tests/support/frames.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace {

using namespace furrow::can;
using furrow::tests::hex_of;
using furrow::tests::quoted_frame;

constexpr std::int64_t ms = 1000;

/// A bus in a test: each frame 1 ms after the former, unless told otherwise; what comes out is
/// kept.
struct bus {
  reassembler whole;
  std::int64_t now_us = 0;
  std::vector<std::pair<assembled_message, std::string>> out;

  explicit bus(transport_limits limits = {}) : whole{limits} {}

  bool send(std::string_view frame, std::int64_t after_us = ms, std::uint8_t number = 0) {
    now_us += after_us;
    const quoted_frame one{frame, now_us, number};
    const auto got = whole.feed(one.view());
    if (got)
      out.emplace_back(*got, hex_of(got->data));
    return got.has_value();
  }
};

std::string hex_byte(std::size_t value) {
  const auto byte = static_cast<std::uint8_t>(value);
  return hex_of({&byte, 1});
}

/// n bytes 00 01 02 ...
std::vector<std::uint8_t> counting(std::size_t n) {
  std::vector<std::uint8_t> out(n);
  std::iota(out.begin(), out.end(), std::uint8_t{0});
  return out;
}

std::string hex_counting(std::size_t n) {
  return hex_of(counting(n));
}

/// The TP.DT or ETP.DT frame of packet `packet` (from 0) of a counting message.
std::string
packet_of(const std::string& head, std::size_t bytes, std::size_t packet, std::size_t sequence) {
  auto data = hex_counting(bytes).substr(packet * 14, 14);
  data.resize(14, 'F');
  return head + "#" + hex_byte(sequence) + data;
}

/// Frame `packet` of a fast packet of a counting message.
std::string
fast_of(const std::string& id, std::size_t bytes, std::size_t packet, std::size_t counter) {
  const auto head = id + "#" + hex_byte(counter << 5U | packet);
  auto data = packet == 0 ? hex_byte(bytes) + hex_counting(bytes).substr(0, 12)
                          : hex_counting(bytes).substr(12 + (packet - 1) * 14, 14);
  data.resize(14, 'F');
  return head + data;
}

} // namespace

TEST_CASE("transport: a single frame is a message at once, with its parts") {
  bus one;
  REQUIRE(one.send("0CF00400#F0FF7D0000FFFFFF", 7 * ms, 3));
  const auto& message = one.out[0].first;
  CHECK(message.time_us == 7 * ms);
  CHECK(message.bus == 3);
  CHECK(message.pgn == 61444);
  CHECK(message.priority == 3);
  CHECK(message.source == 0);
  CHECK(message.destination == 255);
  CHECK(message.transport == transport_kind::single);
  CHECK(one.out[0].second == "F0FF7D0000FFFFFF");
  REQUIRE(one.send("18EAFF47#00EE00"));
  CHECK(one.out[1].first.pgn == 59904);
  CHECK_FALSE(one.send("400#0011"));
  CHECK(one.whole.counts().messages[0] == 2);
}

TEST_CASE("transport: a real broadcast of 34 bytes, engine configuration of a John Deere") {
  bus one;
  for (const auto* frame :
       {"1CECFF00#20220005FFE3FE00", "1CEBFF00#01201CDD6842DCA0", "1CEBFF00#020FD58D20E37A31",
        "1CEBFF00#03F1C044FFFF0401", "1CEBFF00#04204E0001FAC9FA"})
    CHECK_FALSE(one.send(frame, 60 * ms));
  REQUIRE(one.send("1CEBFF00#05C05D0000FFFFFF", 60 * ms));
  const auto& message = one.out[0].first;
  CHECK(message.transport == transport_kind::bam);
  CHECK(message.pgn == 65251);
  CHECK(message.destination == 255);
  CHECK(message.time_us == 360 * ms);
  CHECK(one.out[0].second
        == "201CDD6842DCA00FD58D20E37A31F1C044FFFF0401204E0001FAC9FAC05D0000FFFF");
  CHECK(one.whole.sessions() == 0);
}

TEST_CASE(
  "transport: a broadcast and two connections of one sender run at once, on two buses too") {
  bus one;
  const std::size_t n = 20;
  for (const std::uint8_t number : {0, 1}) {
    one.send("1CECFF80#20140003FFE3FE00", ms, number);
    one.send("1CEC2680#10140003FF00EF00", ms, number);
    one.send("1CEC2780#10140003FF00EF00", ms, number);
  }
  for (std::size_t packet = 0; packet < 3; ++packet)
    for (const auto* head : {"1CEBFF80", "1CEB2680", "1CEB2780"})
      for (const std::uint8_t number : {0, 1})
        CHECK(one.send(packet_of(head, n, packet, packet + 1), ms, number) == (packet == 2));
  REQUIRE(one.out.size() == 6);
  for (const auto& [message, hex] : one.out)
    CHECK(hex == hex_counting(n));
  CHECK(one.out[2].first.destination == 0x26);
  CHECK(one.out[3].first.bus == 1);
  CHECK(one.whole.sessions() == 4); // connections wait for their acknowledgements
  CHECK(one.whole.counts().stray == 0);
}

TEST_CASE("transport: a connection with holds, packets sent again, and an acknowledgement") {
  bus one;
  one.send("1CEC2680#10140003FF00EF00");
  one.send("1CEC8026#1100FFFFFF00EF00", 1000 * ms); // wait
  one.send("1CEC8026#1100FFFFFF00EF00", 1000 * ms); // wait on
  one.send("1CEC8026#110301FFFF00EF00", 1000 * ms);
  one.send(packet_of("1CEB2680", 20, 0, 1));
  one.send("1CEB2680#02DEADDEADDEADDE"); // damaged in the receiver's eyes
  one.send("1CEC8026#110202FFFF00EF00"); // from the second on, please
  one.send(packet_of("1CEB2680", 20, 1, 2));
  REQUIRE(one.send(packet_of("1CEB2680", 20, 2, 3)));
  CHECK(one.out[0].second == hex_counting(20));
  CHECK(one.out[0].first.transport == transport_kind::rts);
  CHECK_FALSE(one.send(packet_of("1CEB2680", 20, 2, 3))); // once more, before the acknowledgement
  CHECK_FALSE(one.send("1CEC8026#13140003FF00EF00"));
  CHECK(one.whole.sessions() == 0);
  CHECK(one.whole.counts().repeated == 2);
  CHECK(one.whole.counts().timed_out == 0);
}

TEST_CASE("transport: whatever ends a session unfinished gives nothing and is counted") {
  bus one;
  one.send("1CEC2680#10140003FF00EF00");
  one.send(packet_of("1CEB2680", 20, 0, 1));
  SUBCASE("abort by the receiver") {
    one.send("1CEC8026#FF01FFFFFF00EF00");
    CHECK(one.whole.counts().aborted == 1);
  }
  SUBCASE("abort by the sender") {
    one.send("1CEC2680#FF03FFFFFF00EF00");
    CHECK(one.whole.counts().aborted == 1);
  }
  SUBCASE("silence") {
    one.whole.expire(one.now_us + 1'250'001);
    CHECK(one.whole.counts().timed_out == 1);
    one.now_us += 1'250'001;
  }
  SUBCASE("a new request to send") {
    one.send("1CEC2680#101500030300EF00");
    CHECK(one.whole.counts().superseded == 1);
    CHECK(one.whole.sessions() == 1);
    one.send("1CEC2680#FF03FFFFFF00EF00");
  }
  SUBCASE("an acknowledgement of packets that we missed") {
    one.send("1CEC8026#13140003FF00EF00");
    CHECK(one.whole.counts().missed == 1);
  }
  CHECK(one.whole.sessions() == 0);
  CHECK_FALSE(one.send(packet_of("1CEB2680", 20, 1, 2)));
  CHECK_FALSE(one.send(packet_of("1CEB2680", 20, 2, 3)));
  CHECK(one.whole.counts().stray == 2);
  CHECK(one.out.empty());
}

TEST_CASE("transport: what concerns another PGN or another pair leaves a session alone") {
  bus one;
  one.send("1CEC2680#10140003FF00EF00");
  one.send("1CEC8026#FF01FFFFFF01EF00"); // another PGN
  one.send("1CEC8027#FF01FFFFFF00EF00"); // another pair
  one.send("1CEC8026#13140003FF01EF00");
  for (std::size_t packet = 0; packet < 3; ++packet)
    one.send(packet_of("1CEB2680", 20, packet, packet + 1));
  REQUIRE(one.out.size() == 1);
}

TEST_CASE("transport: a broadcast that pauses for longer than T1 is lost, a clock that steps back "
          "ends it as well") {
  for (const std::int64_t pause : {std::int64_t{751'000}, std::int64_t{-3'600'000'000}}) {
    bus one;
    one.now_us = 1'700'000'000'000'000;
    one.send("1CECFF80#20140003FFE3FE00");
    one.send(packet_of("1CEBFF80", 20, 0, 1), 750 * ms);
    one.send(packet_of("1CEBFF80", 20, 1, 2), pause);
    one.send(packet_of("1CEBFF80", 20, 2, 3));
    CHECK(one.out.empty());
    CHECK(one.whole.counts().timed_out == 1);
    CHECK(one.whole.counts().stray == 2);
    // And the next one is whole again.
    one.send("1CECFF80#20140003FFE3FE00");
    for (std::size_t packet = 0; packet < 3; ++packet)
      one.send(packet_of("1CEBFF80", 20, packet, packet + 1));
    CHECK(one.out.size() == 1);
  }
}

TEST_CASE("transport: announcements that no standard allows open nothing") {
  bus one;
  for (const auto* frame : {"1CECFF80#2000000000E3FE00",    // no bytes
                            "1CECFF80#20FA0600FFE3FE00",    // 1,786 bytes, 0 packets
                            "1CECFF80#20140004FFE3FE00",    // 20 bytes in 4 packets
                            "1CECFF80#10140003FFE3FE00",    // a connection with everyone
                            "1CEC2680#20140003FFE3FE00",    // a broadcast to one
                            "1CECFFFE#20140003FFE3FE00",    // from nobody
                            "1CECFF80#20140003FFE3FE",      // seven bytes
                            "1CECFF80#63140003FFE3FE00",    // no such control byte
                            "1CC82680#140000000000EF00",    // ETP of nothing
                            "1CC82680#14FAFFFFFF00EF00"}) { // ETP beyond its limit
    CAPTURE(frame);
    CHECK_FALSE(one.send(frame));
    CHECK(one.whole.sessions() == 0);
  }
  CHECK(one.whole.counts().malformed == 10);
}

TEST_CASE("transport: packets beyond the message, or too short for it, do not become part of it") {
  bus one;
  one.send("1CECFF80#20140003FFE3FE00");
  one.send("1CEBFF80#0400000000000000");
  one.send("1CEBFF80#0000000000000000");
  one.send("1CEBFF80#01000102");
  one.send("1CEBFF80#");
  CHECK(one.whole.counts().malformed >= 4);
  for (std::size_t packet = 0; packet < 2; ++packet)
    one.send(packet_of("1CEBFF80", 20, packet, packet + 1));
  CHECK(one.send("1CEBFF80#030E0F10111213")); // the last one needs six bytes, and has no more
  CHECK(one.out[0].second == hex_counting(20));
}

TEST_CASE("transport: ETP with data packet offsets, a window sent again, and its end") {
  bus one;
  const std::size_t n = 2000; // 286 packets
  one.send("1CC82680#14D007000000EF00");
  std::size_t packet = 0;
  while (packet < 286) {
    const auto count = std::min<std::size_t>(16, 286 - packet);
    const auto offset = hex_byte(packet) + hex_byte(packet >> 8U) + "00";
    one.send("1CC88026#15" + hex_byte(count) + hex_byte(packet + 1) + hex_byte((packet + 1) >> 8U)
             + "0000EF00");
    for (int again = 0; again < (packet == 32 ? 2 : 1); ++again) {
      one.send("1CC82680#16" + hex_byte(count) + offset + "00EF00");
      for (std::size_t i = 0; i < count; ++i)
        one.send(packet_of("1CC72680", n, packet + i, i + 1));
    }
    packet += count;
  }
  REQUIRE(one.out.size() == 1);
  CHECK(one.out[0].first.transport == transport_kind::etp);
  CHECK(one.out[0].first.pgn == 61184);
  CHECK(one.out[0].second == hex_counting(n));
  CHECK(one.whole.counts().repeated == 16);
  one.send("1CC88026#17D007000000EF00");
  CHECK(one.whole.sessions() == 0);
  CHECK(one.whole.counts().missed == 0);
}

TEST_CASE("transport: ETP packets without an offset, beyond it, or far ahead are not taken") {
  bus one{{.sessions_max = 16, .memory_bytes_max = 200'000'000}};
  one.send("1CC82680#14F9FFFF0600EF00"); // 117,440,505 bytes
  one.send("1CC72680#0100000000000000");
  CHECK(one.whole.counts().stray == 1);
  one.send("1CC82680#1602FEFFFF00EF00"); // an offset near the end costs no memory
  one.send("1CC72680#0100000000000000");
  one.send("1CC72680#0300000000000000");
  CHECK(one.whole.counts().malformed == 1);
  CHECK(one.whole.counts().stray == 2);
  CHECK(one.whole.buffer_bytes() < 4096);
}

TEST_CASE("transport: an ETP of the largest size there is") {
  constexpr std::uint32_t bytes = reassembler::etp_bytes_max;
  constexpr std::uint32_t packets = bytes / 7;
  static_assert(packets == 0xFFFFFF && bytes % 7 == 0);
  reassembler whole{{.sessions_max = 16, .memory_bytes_max = bytes}};
  std::array<std::uint8_t, 8> data{};
  const auto header = [](std::uint32_t id) {
    return pack({.id = id, .extended = true, .length = 8});
  };
  const auto control = header(0x1CC82680);
  const auto transfer = header(0x1CC72680);
  data = {20,   bytes & 0xFF, bytes >> 8U & 0xFF, bytes >> 16U & 0xFF, bytes >> 24U, 0x00,
          0xEF, 0x00};
  CHECK_FALSE(whole.feed({0, control, data.data()}));
  std::optional<assembled_message> out;
  for (std::uint32_t packet = 0; packet < packets; ++packet) {
    if (packet % 255 == 0) {
      data = {22,
              255,
              static_cast<std::uint8_t>(packet),
              static_cast<std::uint8_t>(packet >> 8U),
              static_cast<std::uint8_t>(packet >> 16U),
              0x00,
              0xEF,
              0x00};
      REQUIRE_FALSE(whole.feed({packet, control, data.data()}));
    }
    data = {
      static_cast<std::uint8_t>(packet % 255 + 1), static_cast<std::uint8_t>(packet), 0, 0, 0, 0, 0,
      static_cast<std::uint8_t>(packet >> 8U)};
    out = whole.feed({packet, transfer, data.data()});
    if (out)
      CHECK(packet + 1 == packets);
  }
  REQUIRE(out);
  REQUIRE(out->data.size() == bytes);
  CHECK(out->data[std::size_t{7} * 0x123456] == 0x56);
  CHECK(out->data[std::size_t{7} * 0x123456 + 6] == 0x34);
  CHECK(whole.buffer_bytes() == 0); // the message left the budget when it was given out
}

TEST_CASE("transport: a message that the budget cannot hold is refused when it is announced") {
  bus one{{.sessions_max = 16, .memory_bytes_max = 1000}};
  one.send("1CECFF80#20E9038FFFE3FE00"); // 1,001 bytes
  CHECK(one.whole.sessions() == 0);
  CHECK(one.whole.counts().refused == 1);
  one.send("1CECFF80#20140003FFE3FE00");
  for (std::size_t packet = 0; packet < 3; ++packet)
    one.send(packet_of("1CEBFF80", 20, packet, packet + 1));
  CHECK(one.out.size() == 1);
}

TEST_CASE("transport: when memory is short the silent give way, and the one that asks when none is "
          "silent") {
  bus one{{.sessions_max = 16, .memory_bytes_max = 2000}};
  const auto begin = [&](const std::string& source, std::size_t packets) {
    one.send("1CECFF" + source + "#20E8038FFFE3FE00"); // 1,000 bytes
    for (std::size_t packet = 0; packet < packets; ++packet)
      one.send(packet_of("1CEBFF" + source, 1000, packet, packet + 1));
  };
  begin("10", 100);
  begin("11", 100);
  CHECK(one.whole.buffer_bytes() <= 2000);
  begin("12", 143); // 10 and 11 spoke 150 ms ago and less: it gets what is left, not theirs
  CHECK(one.whole.counts().refused >= 1);
  CHECK(one.out.empty());
  one.now_us += 300 * ms;
  begin("13", 143);
  CHECK(one.out.size() == 1);
  CHECK(one.whole.counts().evicted >= 1);
  CHECK(one.whole.buffer_bytes() <= 2000);
}

TEST_CASE("transport: fast packets in order, out of order, interleaved, and doubled") {
  const std::string id = "0DF80563"; // 129029, GNSS position
  const std::size_t n = 43;          // seven packets
  std::mt19937 random{7};
  bus one;
  for (int round = 0; round < 200; ++round) {
    one.now_us += 1000 * ms;
    one.out.clear();
    std::vector<std::string> frames;
    for (std::size_t packet = 0; packet < 7; ++packet)
      for (const std::size_t counter : {1U, 2U})
        frames.push_back(fast_of(id, n, packet, counter));
    std::shuffle(frames.begin(), frames.end(), random);
    if (round % 2 == 0) // doubled by a bridge, while the message is unfinished
      frames.insert(frames.begin(), frames.front());
    for (const auto& frame : frames)
      one.send(frame, ms);
    REQUIRE(one.out.size() == 2);
    CHECK(one.out[0].second == hex_counting(n));
    CHECK(one.out[1].second == hex_counting(n));
    CHECK(one.out[0].first.transport == transport_kind::fast);
    CHECK(one.out[0].first.pgn == 129029);
    CHECK(one.whole.sessions() == 0);
  }
  CHECK(one.whole.counts().repeated == 100);
}

TEST_CASE("transport: fast packets of every length") {
  for (std::size_t n = 1; n <= 223; ++n) {
    bus one;
    for (std::size_t packet = 0; packet < 1 + n / 7; ++packet)
      one.send(fast_of("0DF80563", n, packet, 0));
    CAPTURE(n);
    REQUIRE(one.out.size() == 1);
    CHECK(one.out[0].second == hex_counting(n));
  }
  bus one;
  one.send("0DF80563#00E0010203040506"); // 224
  one.send("0DF80563#0000010203040506"); // 0
  CHECK(one.whole.counts().malformed == 2);
  CHECK(one.whole.sessions() == 0);
}

TEST_CASE(
  "transport: a fast packet that lost a frame is not glued to the next of the same counter") {
  const std::string id = "0DF80563";
  bus one;
  for (const std::size_t packet : {0U, 1U, 3U}) // the third is lost
    one.send(fast_of(id, 27, packet, 5));
  one.send("0DF80563#A01B202122232425", 100 * ms); // the counter came round
  one.send("0DF80563#A126272829303132");
  one.send("0DF80563#A233343536373839");
  CHECK_FALSE(one.out.size() == 1);
  REQUIRE(one.send("0DF80563#A340414243444546"));
  CHECK(one.out[0].second == "202122232425262728293031323334353637383940414243444546");
  CHECK(one.whole.counts().superseded == 1);
  // A body whose first packet was lost, and much later a first packet that would complete it.
  one.out.clear();
  one.send(fast_of(id, 13, 1, 2));
  CHECK_FALSE(one.send(fast_of(id, 13, 0, 2), 500 * ms));
  CHECK(one.send(fast_of(id, 13, 1, 2)));
}

TEST_CASE("transport: which PGNs are fast packets comes from the table") {
  CHECK(packet_type_of(129029) == packet_type::fast);
  CHECK(packet_type_of(129025) == packet_type::single);
  CHECK(packet_type_of(126996) == packet_type::fast);
  CHECK(packet_type_of(126992) == packet_type::single);
  CHECK(packet_type_of(126208) == packet_type::fast);
  CHECK(packet_type_of(126464) == packet_type::fast);
  CHECK(packet_type_of(130586) == packet_type::fast);
  CHECK(packet_type_of(130585) == packet_type::single);
  CHECK(packet_type_of(130815) == packet_type::single);
  for (const auto pgn : {126720U, 130816U, 131071U})
    CHECK(packet_type_of(pgn) == packet_type::proprietary);
  for (std::uint32_t pgn = 0; pgn < fast_pgn_first; ++pgn)
    REQUIRE(packet_type_of(pgn) == packet_type::single);
  for (const auto pgn : {0x20000U, 0x2F004U, 0x3FFFFU})
    CHECK(packet_type_of(pgn) == packet_type::single);
}

TEST_CASE("transport: John Deere's 126720 are single frames, and none of them is eaten") {
  for (const auto& [name, count] : {std::pair{"idle10sec", 768},
                                    {"tractoronSitUp", 853},
                                    {"transmission1and2and3InGear", 462}}) {
    const auto log =
      furrow::tests::data_file(std::string{"j1939/jd5055e/"} + name + ".candump.log");
    if (!log)
      return;
    reassembler whole;
    int got = 0;
    furrow::tests::for_each_frame(furrow::tests::read_file(*log), [&](const frame_view& frame) {
      const auto one = whole.feed(frame);
      if (one && one->pgn == 126720 && one->transport == transport_kind::single)
        ++got;
    });
    CHECK(got == count);
  }
}

TEST_CASE("transport: a manufacturer's own PGN is fast from a marine device, single on the bus of "
          "a tractor") {
  const std::string marine = "18EEFF63#05A0BE1C00A0A0C0"; // a Garmin, industry group 4
  const std::string tractor = "18EEFF63#4D74300400340220";
  const auto own = [](const char* frame) { return std::string{"1DFF0063"} + frame; };
  bus one;
  CHECK_FALSE(one.send(own("#0008112233445566"))); // nobody said anything yet: fast
  CHECK(one.send(own("#0177889900112233")));
  one.send("0CF00400#F0FF7D0000FFFFFF");
  CHECK(one.send(own("#2008112233445566"))); // an engine speaks here: single
  one.send(marine);
  CHECK_FALSE(one.send(own("#4008112233445566"))); // the sender is marine all the same
  CHECK(one.send(own("#4177889900112233")));
  one.send(tractor);
  CHECK(one.send(own("#6008112233445566")));
  CHECK_FALSE(one.send("1DFF0063#6008112233445566", ms,
                       1)); // what is said on one bus says nothing of another
}

TEST_CASE("transport: sessions from all 254 addresses at once are all put together") {
  bus one;
  const std::size_t n = 30; // five packets
  for (std::size_t source = 0; source < 254; ++source) {
    one.send("1CECFF" + hex_byte(source) + "#201E0005FFE3FE00", 0);
    one.send("1CEC" + hex_byte(source ^ 1U) + hex_byte(source) + "#101E0005FF00EF00", 0);
  }
  CHECK(one.whole.sessions() == 508);
  for (std::size_t packet = 0; packet < 5; ++packet)
    for (std::size_t source = 0; source < 254; ++source) {
      one.send(packet_of("1CEBFF" + hex_byte(source), n, packet, packet + 1), 10);
      one.send(packet_of("1CEB" + hex_byte(source ^ 1U) + hex_byte(source), n, packet, packet + 1),
               10);
      if (packet < 4)
        one.send(fast_of("0DF805" + hex_byte(source), n - 3, packet, 3), 10);
    }
  CHECK(one.out.size() == 3 * 254);
  for (const auto& [message, hex] : one.out)
    CHECK(hex == hex_counting(message.transport == transport_kind::fast ? n - 3 : n));
  CHECK(one.whole.counts().evicted + one.whole.counts().refused == 0);
}

TEST_CASE("transport: a flood of sessions costs bounded memory, is counted, and does not stop a "
          "steady sender") {
  transport_limits limits{.sessions_max = 1024, .memory_bytes_max = 256U << 10U};
  bus one{limits};
  std::mt19937 random{254};
  std::size_t packet = 0;
  const std::size_t n = 1785;
  one.send("1CECFF80#20F906FFFFE3FE00");
  // An attacker with all addresses of a 250 kbit/s bus: 1,800 frames a second, for ten seconds.
  for (int i = 0; i < 18'000; ++i) {
    const auto source = random() % 253;
    const auto peer = random() % 253;
    const auto pair = hex_byte(peer) + hex_byte(source);
    switch (random() % 3) {
    case 0:
      one.send("1CEC" + pair + "#10F906FFFF00EF00", 555);
      break;
    case 1:
      one.send("1CEB" + pair + "#0100112233445566", 555);
      break;
    default:
      one.send("0DF8" + hex_byte(5 + random() % 3) + hex_byte(source) + "#"
                 + hex_byte(1 + random() % 255) + "11223344556677",
               555);
    }
    if (i % 60 == 0 && packet < 255) { // meanwhile an honest broadcast goes on, every 33 ms
      one.send(packet_of("1CEBFF80", n, packet, packet + 1), 0);
      ++packet;
    }
    REQUIRE(one.whole.sessions() <= limits.sessions_max);
    REQUIRE(one.whole.buffer_bytes() <= limits.memory_bytes_max);
  }
  CHECK(packet == 255);
  bool whole = false;
  for (const auto& [message, hex] : one.out)
    whole = whole || (message.transport == transport_kind::bam && hex == hex_counting(n));
  CHECK(whole);
  const auto counts = one.whole.counts();
  CHECK(counts.evicted + counts.timed_out + counts.refused > 1000);
}
