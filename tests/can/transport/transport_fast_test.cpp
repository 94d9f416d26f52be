// Fast packets, and which PGNs use them.
#include "can/transport/fast_packet.hpp"
#include "tests/can/transport/transport_bus.hpp"
#include "tests/support/data.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace furrow::can;
using namespace furrow::tests;

TEST_CASE("transport: fast packets in order, out of order, interleaved, and doubled") {
  const std::string id = "0DF80563"; // 129029, GNSS position
  const std::size_t n = 43;          // seven packets
  std::mt19937 random{7};
  transport_bus one;
  for (int round = 0; round < 200; ++round) {
    one.now_us += 1000 * ms;
    one.out.clear();
    std::vector<std::string> frames;
    for (std::size_t packet = 0; packet < 7; ++packet)
      for (const std::size_t counter : {1U, 2U})
        frames.push_back(fast_of(id, n, packet, counter));
    std::shuffle(frames.begin() + 2, frames.end(), random); // first frames begin their messages
    if (round % 2 == 0) // doubled by a bridge, while the message is unfinished
      frames.insert(frames.begin() + 2, frames[2]);
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
    transport_bus one;
    for (std::size_t packet = 0; packet < 1 + n / 7; ++packet)
      one.send(fast_of("0DF80563", n, packet, 0));
    CAPTURE(n);
    REQUIRE(one.out.size() == 1);
    CHECK(one.out[0].second == hex_counting(n));
  }
  transport_bus one;
  one.send("0DF80563#00E0010203040506"); // 224
  one.send("0DF80563#0000010203040506"); // 0
  CHECK(one.whole.counts().malformed == 2);
  CHECK(one.whole.sessions() == 0);
}

TEST_CASE("transport: a fast packet that lost a frame is not joined with the next one of the same "
          "counter") {
  const std::string id = "0DF80563";
  transport_bus one;
  for (const std::size_t packet : {0U, 1U, 3U}) // the third is lost
    one.send(fast_of(id, 27, packet, 5));
  one.send("0DF80563#A01B202122232425", 100 * ms); // the counter came round
  one.send("0DF80563#A126272829303132");
  one.send("0DF80563#A233343536373839");
  CHECK_FALSE(one.out.size() == 1);
  REQUIRE(one.send("0DF80563#A340414243444546"));
  CHECK(one.out[0].second == "202122232425262728293031323334353637383940414243444546");
  CHECK(one.whole.counts().superseded == 1);
  // A message without its first packet, and later a first packet that would complete it.
  for (const std::int64_t later_us : {1 * ms, 9 * ms, 500 * ms}) {
    one.out.clear();
    one.send(fast_of(id, 13, 1, 2));
    CHECK_FALSE(one.send(fast_of(id, 13, 0, 2), later_us));
    CHECK(one.send(fast_of(id, 13, 1, 2)));
  }
}

TEST_CASE("transport: a repeated frame of a fast packet ends the message, unless it repeats the "
          "last frame") {
  const std::string id = "0DF80563";
  transport_bus one;
  for (const std::size_t packet : {0U, 0U, 1U, 1U, 2U, 2U})
    one.send(fast_of(id, 27, packet, 5)); // each sent twice by a bridge
  CHECK(one.send(fast_of(id, 27, 3, 5)));
  CHECK_FALSE(one.send(fast_of(id, 27, 3, 5)));
  CHECK(one.out[0].second == hex_counting(27));
  CHECK(one.whole.counts().superseded == 1); // a first frame always begins a new message
  CHECK(one.whole.counts().repeated == 2);
  CHECK(one.whole.counts().stray == 1);
  // One message loses its third frame, the next its first; their second frames are equal.
  for (const std::size_t packet : {0U, 1U, 3U})
    one.send(fast_of(id, 27, packet, 6));
  for (const std::size_t packet : {1U, 2U, 3U})
    CHECK_FALSE(one.send(fast_of(id, 27, packet, 6), packet == 1 ? 100 * ms : ms));
  CHECK(one.whole.counts().out_of_sequence == 1);
  CHECK(one.whole.sessions() == 0);
}

TEST_CASE("transport: a frame that arrives before the first frame of its message is used, an older "
          "frame is not") {
  const std::string id = "0DF80563";
  for (const std::int64_t pause_us : {1 * ms, 9 * ms}) {
    transport_bus one;
    for (const std::size_t packet : {0U, 2U, 3U, 2U}) // a message lacks its second frame
      one.send(fast_of(id, 27, packet, 6));
    one.send(fast_of(id, 27, 0, 6), pause_us);
    one.send(fast_of(id, 27, 1, 6));
    CHECK(one.send(fast_of(id, 27, 3, 6)) == (pause_us == 1 * ms));
    CHECK(one.send(fast_of(id, 27, 2, 6)) == (pause_us == 9 * ms));
    CHECK(one.out.size() == 1);
    CHECK(one.out[0].second == hex_counting(27));
  }
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

TEST_CASE("transport: John Deere's 126720 are single frames, and none is lost") {
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
  transport_bus one;
  CHECK_FALSE(one.send(own("#0008112233445566"))); // no NAME and no engine on the bus yet: fast
  CHECK(one.send(own("#0177889900112233")));
  one.send("0CF00400#F0FF7D0000FFFFFF");
  CHECK(one.send(own("#2008112233445566"))); // an engine on the bus: single
  one.send(marine);
  CHECK_FALSE(one.send(own("#4008112233445566"))); // the sender is marine all the same
  CHECK(one.send(own("#4177889900112233")));
  one.send(tractor);
  CHECK(one.send(own("#6008112233445566")));
  CHECK_FALSE(one.send("1DFF0063#6008112233445566", ms,
                       1)); // messages on one bus do not affect another bus
}

TEST_CASE(
  "transport: a marine device's short message of its own PGN in a single frame is a message "
  "where no fast packet fits") {                         // canboat issue 569
  const std::string claim = "18EEFF60#67122011008C78C0"; // Maretron (137), marine
  transport_bus one;
  CHECK_FALSE(one.send("19EFFF60#89987E0A01005001")); // no NAME yet
  one.send(claim);
  CHECK(one.send("19EFFF60#89987E0A01005001"));
  CHECK(one.send("19EFFF60#899801", 5'000 * ms));
  CHECK(one.out.back().first.transport == transport_kind::single);
  CHECK(one.out.back().first.pgn == 126720);
  CHECK(one.out.back().second == "899801");
  CHECK(one.whole.counts().stray == 1);
  CHECK(one.whole.sessions() == 0);
  CHECK_FALSE(one.send("19EFFF60#8A987E0A01005001"));        // another maker
  CHECK_FALSE(one.send("19EFFF60#89787E0A01005001"));        // another industry group
  CHECK_FALSE(one.send("19EFFF61#89987E0A01005001"));        // another sender
  CHECK_FALSE(one.send("19EFFF60#89987E0A01005001", ms, 1)); // another bus
  CHECK_FALSE(one.send("0DF80560#89987E0A01005001"));        // a PGN that is always fast

  // A fast packet of the same sender and counter takes the frame that it lacks: packet 9 of counter 4.
  one.out.clear();
  for (std::size_t packet = 0; packet < 9; ++packet)
    one.send(fast_of("19EFFF60", 69, packet, 4));
  CHECK(one.send("19EFFF60#89987E0A01005001"));
  CHECK(one.out.back().first.transport == transport_kind::fast);
  CHECK(one.out.back().second.size() == 2 * 69);
  // A fast packet that has no packet 9 lets the whole message pass, and goes on.
  one.out.clear();
  one.send(fast_of("19EFFF60", 20, 0, 4));
  one.send(fast_of("19EFFF60", 20, 1, 4));
  CHECK(one.send("19EFFF60#89987E0A01005005"));
  CHECK(one.send(fast_of("19EFFF60", 20, 2, 4)));
  CHECK(one.out.back().second == hex_counting(20));
  CHECK(one.out.size() == 2);
}

// Symptom: the short messages of a maker whose code is a multiple of 32 were taken for packet 0 of fast packets, and never shown.
TEST_CASE("transport: a short message whose maker's code looks like packet 0 is a message") {
  const std::string claim = "18EEFF60#6712002C008C78C0"; // maker's code 352, marine
  transport_bus one;
  CHECK_FALSE(one.send("19EFFF60#60997E0A01005001")); // no NAME yet: packet 0 of 153 bytes
  one.send(claim);
  CHECK(one.send("19EFFF60#60997E0A01005001", 5'000 * ms));
  CHECK(one.out.back().first.transport == transport_kind::single);
  CHECK(one.out.back().second == "60997E0A01005001");
  CHECK(one.send("19EFFF60#609901"));
  CHECK_FALSE(one.send("19EFFF60#60797E0A01005001", ms)); // another industry group
  CHECK_FALSE(one.send("19EFFF61#60997E0A01005001", ms)); // another sender

  // A fast packet of 153 bytes with counter 3 begins with the same two bytes, and then with the maker's code.
  one.out.clear();
  constexpr std::size_t packets = 1 + 153 / 7;
  one.send("19EFFF60#6099609901020304", 5'000 * ms);
  CHECK(one.send("19EFFF60#60997E0A01005001")); // a short message in between does not disturb it
  for (std::size_t packet = 1; packet < packets; ++packet)
    CHECK(one.send("19EFFF60#" + hex_byte(0x60 + packet) + "05060708090A0B")
          == (packet + 1 == packets));
  CHECK(one.out.back().first.transport == transport_kind::fast);
  CHECK(one.out.back().second.size() == 2 * 153);
  CHECK(one.out.size() == 2);
}

TEST_CASE(
  "transport: saved claims keep the maker, and the former layout keeps the industry group") {
  transport_bus before;
  before.send("18EEFF60#67122011008C78C0");
  state_writer saved;
  before.whole.save(saved);
  const auto bytes = saved.take();
  transport_bus after;
  state_reader from{bytes};
  after.whole.restore(from);
  CHECK_FALSE(from.failed());
  CHECK(from.empty());
  CHECK(after.send("19EFFF60#89987E0A01005001"));

  state_writer former;
  for (int word = 0; word < 4; ++word)
    former.number(std::uint64_t{word == 0}); // bus 0 is a vehicle's
  former.number(std::uint32_t{1});
  former.number(std::uint8_t{0});
  std::array<std::uint8_t, 64> groups{};
  groups[0x60 / 4] = 2;
  former.bytes(groups);
  const std::span<const std::uint8_t> sessions{bytes.data() + 4 * 8 + 4 + 1 + 4 + 512,
                                               bytes.size() - (4 * 8 + 4 + 1 + 4 + 512)};
  auto old = former.take();
  old.insert(old.end(), sessions.begin(), sessions.end());
  transport_bus oldest;
  state_reader from_old{old};
  oldest.whole.restore(from_old);
  CHECK_FALSE(from_old.failed());
  CHECK_FALSE(oldest.send(fast_of("19EFFF60", 13, 0, 1))); // fast: the sender is marine
  CHECK(oldest.send(fast_of("19EFFF60", 13, 1, 1)));
}
