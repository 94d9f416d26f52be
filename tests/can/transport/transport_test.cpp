#include "can/transport/transport.hpp"
#include "tests/can/transport/transport_bus.hpp"
#include "tests/support/data.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>

using namespace furrow::can;
using namespace furrow::tests;

TEST_CASE("transport: a single frame is a message at once, with its parts") {
  transport_bus one;
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
  transport_bus one;
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
  "transport: a broadcast and two connections of one sender run at once, also on two buses") {
  transport_bus one;
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
  transport_bus one;
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

TEST_CASE("transport: an unfinished session that ends gives no message and is counted") {
  transport_bus one;
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

TEST_CASE("transport: frames of another PGN or another pair do not affect a session") {
  transport_bus one;
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
    transport_bus one;
    one.now_us = 1'700'000'000'000'000;
    one.send("1CECFF80#20140003FFE3FE00");
    one.send(packet_of("1CEBFF80", 20, 0, 1), 750 * ms);
    one.send(packet_of("1CEBFF80", 20, 1, 2), pause);
    one.send(packet_of("1CEBFF80", 20, 2, 3));
    CHECK(one.out.empty());
    CHECK(one.whole.counts().timed_out == 1);
    CHECK(one.whole.counts().stray == 2);
    // The next message is complete again.
    one.send("1CECFF80#20140003FFE3FE00");
    for (std::size_t packet = 0; packet < 3; ++packet)
      one.send(packet_of("1CEBFF80", 20, packet, packet + 1));
    CHECK(one.out.size() == 1);
  }
}

TEST_CASE("transport: invalid announcements open no session") {
  transport_bus one;
  for (const auto* frame : {"1CECFF80#2000000000E3FE00",    // no bytes
                            "1CECFF80#20FA0600FFE3FE00",    // 1,786 bytes, 0 packets
                            "1CECFF80#20140004FFE3FE00",    // 20 bytes in 4 packets
                            "1CECFF80#10140003FFE3FE00",    // a connection with everyone
                            "1CEC2680#20140003FFE3FE00",    // a broadcast to one
                            "1CECFFFE#20140003FFE3FE00",    // from the null address
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
  transport_bus one;
  one.send("1CECFF80#20140003FFE3FE00");
  one.send("1CEBFF80#0400000000000000"); // of another message: this one is over
  CHECK(one.whole.sessions() == 0);
  one.send("1CECFF80#20140003FFE3FE00");
  one.send("1CEBFF80#0000000000000000");
  one.send("1CEBFF80#01000102");
  one.send("1CEBFF80#");
  CHECK(one.whole.counts().malformed >= 4);
  for (std::size_t packet = 0; packet < 2; ++packet)
    one.send(packet_of("1CEBFF80", 20, packet, packet + 1));
  CHECK(one.send("1CEBFF80#030E0F10111213")); // the last packet needs six bytes, and has six
  CHECK(one.out[0].second == hex_counting(20));
}

TEST_CASE("transport: a gap or an older number ends a broadcast, a double of the last packet does "
          "not") {
  transport_bus one;
  const auto announce = [&] { one.send("1CECFF80#20140003FFE3FE00"); };
  const auto put = [&](std::size_t packet, std::int64_t after_us = ms) {
    return one.send(packet_of("1CEBFF80", 20, packet, packet + 1), after_us);
  };
  announce();
  for (const std::size_t packet : {0U, 0U, 1U, 1U, 2U})
    put(packet);
  REQUIRE(one.out.size() == 1);
  CHECK(one.out[0].second == hex_counting(20));
  CHECK(one.whole.counts().repeated == 2);
  announce();
  for (const std::size_t packet : {0U, 2U, 1U, 2U})
    CHECK_FALSE(put(packet));
  announce();
  for (const std::size_t packet : {0U, 1U, 0U, 2U}) // the next message begins with the same bytes
    CHECK_FALSE(put(packet));
  announce();
  put(0);
  one.send("1CEBFF80#01DEADDEADDEADDE");
  CHECK_FALSE(put(1));
  CHECK_FALSE(put(2));
  announce();
  CHECK_FALSE(put(1)); // the first one is lost
  CHECK_FALSE(put(0));
  CHECK(one.whole.sessions() == 0);
  CHECK(one.whole.counts().out_of_sequence == 4);
  CHECK(one.whole.counts().timed_out == 0);
  CHECK(one.out.size() == 1);
}

TEST_CASE("transport: after a packet out of sequence a connection waits until the receiver asks "
          "again") {
  transport_bus one;
  const auto put = [&](std::size_t packet) {
    return one.send(packet_of("1CEB2680", 20, packet, packet + 1));
  };
  one.send("1CEC2680#10140003FF00EF00");
  put(0);
  SUBCASE("a gap, and the receiver does not ask") {
    for (const std::size_t packet : {2U, 1U, 2U})
      CHECK_FALSE(put(packet));
    one.send("1CEC8026#13140003FF00EF00");
    CHECK(one.whole.counts().missed == 1);
  }
  SUBCASE("another message whose request to send is lost") {
    one.send("1CEB2680#01DEADDEADDEADDE");
    CHECK_FALSE(put(1));
    CHECK_FALSE(put(2));
    one.whole.expire(one.now_us + 1'250'001);
    CHECK(one.whole.counts().timed_out == 1);
  }
  SUBCASE("a gap, and the receiver asks for the missing packets") {
    CHECK_FALSE(put(2));
    CHECK_FALSE(put(1)); // not asked for yet
    one.send("1CEC8026#110202FFFF00EF00");
    CHECK_FALSE(put(1));
    REQUIRE(put(2));
    CHECK(one.out[0].second == hex_counting(20));
    one.send("1CEC8026#13140003FF00EF00");
    CHECK(one.whole.counts().missed == 0);
  }
  SUBCASE("the receiver asks for one packet only, and continues after the others") {
    put(1);
    one.send("1CEC8026#110101FFFF00EF00");
    CHECK_FALSE(put(0));
    one.send("1CEC8026#110103FFFF00EF00");
    REQUIRE(put(2));
    CHECK(one.out[0].second == hex_counting(20));
    one.send("1CEC8026#13140003FF00EF00");
    one.send("1CEC2680#10140003FF00EF00"); // and another, to have the count of the others
    CHECK_FALSE(put(1));
    one.send("1CEC2680#FF03FFFFFF00EF00");
  }
  CHECK(one.whole.counts().out_of_sequence == 1);
  CHECK(one.whole.sessions() == 0);
}

TEST_CASE("transport: ETP packets out of sequence or without their offset are dropped") {
  transport_bus one;
  const std::size_t n = 2000; // 286 packets
  const auto window = [&](std::size_t first, std::size_t count, bool with_offset = true) {
    if (with_offset)
      one.send("1CC82680#16" + hex_byte(count) + hex_byte(first) + hex_byte(first >> 8U)
               + "0000EF00");
    for (std::size_t i = 0; i < count; ++i)
      one.send(packet_of("1CC72680", n, first + i, i + 1));
  };
  one.send("1CC82680#14D007000000EF00");
  window(0, 100);
  window(100, 100, false); // it does not overwrite the first hundred
  CHECK(one.whole.counts().out_of_sequence == 1);
  CHECK(one.whole.counts().stray == 99);
  one.send("1CC82680#166464000000EF00");
  one.send(packet_of("1CC72680", n, 100, 1));
  one.send(packet_of("1CC72680", n, 102, 3)); // the second one is lost
  CHECK(one.whole.counts().out_of_sequence == 2);
  window(101, 100);
  window(201, 85);
  REQUIRE(one.out.size() == 1);
  CHECK(one.out[0].second == hex_counting(n));
}

TEST_CASE("transport: a reassembler that continues from saved state keeps the sequence") {
  for (const std::string head : {"1CEBFF80", "1CEB2680", "1CC72680"}) {
    CAPTURE(head);
    transport_bus before;
    before.send("1CECFF80#20140003FFE3FE00");
    before.send("1CEC2680#10140003FF00EF00");
    before.send("1CC82680#141400000000EF00");
    before.send("1CC82680#160300000000EF00");
    before.send(packet_of(head, 20, 0, 1));
    for (const bool broken : {false, true}) {
      if (broken)
        before.send(packet_of(head, 20, 2, 3));
      state_writer saved;
      before.whole.save(saved);
      const auto bytes = saved.take();
      state_reader from{bytes};
      transport_bus after;
      after.whole.restore(from);
      REQUIRE_FALSE(from.failed());
      after.now_us = before.now_us;
      after.send(packet_of(head, 20, 0, 1)); // a double of the last one
      after.send(packet_of(head, 20, 1, 2));
      CHECK(after.send(packet_of(head, 20, 2, 3)) != broken);
      CHECK(after.whole.counts().repeated == (broken ? 0 : 1));
    }
  }
}

TEST_CASE("transport: ETP with data packet offsets, a window sent again, and its end") {
  transport_bus one;
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

TEST_CASE("transport: ETP packets without an offset, beyond it, or far ahead are dropped") {
  transport_bus one{{.sessions_max = 16, .memory_bytes_max = 200'000'000}};
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

TEST_CASE("transport: an ETP message of the largest size") {
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

TEST_CASE("transport: a message larger than the budget is rejected when it is announced") {
  transport_bus one{{.sessions_max = 16, .memory_bytes_max = 1000}};
  one.send("1CECFF80#20E9038FFFE3FE00"); // 1,001 bytes
  CHECK(one.whole.sessions() == 0);
  CHECK(one.whole.counts().refused == 1);
  one.send("1CECFF80#20140003FFE3FE00");
  for (std::size_t packet = 0; packet < 3; ++packet)
    one.send(packet_of("1CEBFF80", 20, packet, packet + 1));
  CHECK(one.out.size() == 1);
}

TEST_CASE("transport: without memory a silent session is evicted; if none is silent, the new "
          "session is rejected") {
  transport_bus one{{.sessions_max = 16, .memory_bytes_max = 2000}};
  const auto begin = [&](const std::string& source, std::size_t packets) {
    one.send("1CECFF" + source + "#20E8038FFFE3FE00"); // 1,000 bytes
    for (std::size_t packet = 0; packet < packets; ++packet)
      one.send(packet_of("1CEBFF" + source, 1000, packet, packet + 1));
  };
  begin("10", 100);
  begin("11", 100);
  CHECK(one.whole.buffer_bytes() <= 2000);
  begin("12", 143); // 10 and 11 sent within 150 ms, so only free memory is given
  CHECK(one.whole.counts().refused >= 1);
  CHECK(one.out.empty());
  one.now_us += 300 * ms;
  begin("13", 143);
  CHECK(one.out.size() == 1);
  CHECK(one.whole.counts().evicted >= 1);
  CHECK(one.whole.buffer_bytes() <= 2000);
}

TEST_CASE("transport: messages from all 254 addresses at once are all reassembled") {
  transport_bus one;
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

TEST_CASE("transport: a flood of sessions uses bounded memory, is counted, and does not stop a "
          "steady sender") {
  transport_limits limits{.sessions_max = 1024, .memory_bytes_max = 256U << 10U};
  transport_bus one{limits};
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
    if (i % 60 == 0 && packet < 255) { // meanwhile a steady sender sends every 33 ms
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
