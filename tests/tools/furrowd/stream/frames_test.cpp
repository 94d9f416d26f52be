/// Raw frames of the live stream, and tickets, in virtual time.
#include "tests/tools/furrowd/stream/stream_world.hpp"
#include "tools/furrowd/stream/tickets.hpp"

#include <doctest/doctest.h>

#include <string>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

TEST_CASE("stream: a client's oldest frames are dropped and counted") {
  http::frame_queue queue;
  for (int i = 0; i < 10; ++i)
    queue.push(std::make_shared<const std::string>(std::string(100, static_cast<char>('a' + i))), 7,
               350);
  CHECK(queue.bytes() == 300);
  CHECK(queue.take_dropped() == 49);
  CHECK(queue.take_dropped() == 0);
  CHECK(queue.pop()->front() == 'h');
}

TEST_CASE("stream: a tap gives the batches in order, and counts what nobody took") {
  const auto batch = [](std::uint64_t first, std::size_t count) {
    actors::tapped_frames made;
    made.first_seq = first;
    const std::uint8_t bytes[8] = {};
    for (std::size_t i = 0; i < count; ++i)
      REQUIRE(made.block.push(stream_time_us,
                              can::pack({.id = 0x18FECA00, .extended = true, .length = 8}), bytes));
    return made;
  };
  actors::frame_tap tap;
  CHECK_FALSE(tap.is_open());
  tap.push(batch(1, 3));
  tap.push(batch(4, 2));
  auto taken = tap.take();
  REQUIRE(taken.batches.size() == 2);
  CHECK(taken.batches[0].first_seq == 1);
  CHECK(taken.dropped == 0);
  for (std::size_t i = 0; i <= actors::frame_tap::batches_max; ++i)
    tap.push(batch(10 + i, 1));
  taken = tap.take();
  CHECK(taken.batches.size() == 1);
  CHECK(taken.dropped == actors::frame_tap::batches_max);
}

TEST_CASE("stream: frames are filtered by PGN and identifier, and a flood keeps the newest") {
  stream_world w{{{"machines", "T1"}, {"frames", "pgn:65226"}}};
  actors::tapped_frames batch;
  batch.first_seq = 100;
  const std::uint8_t bytes[8] = {0x04, 0xFF, 0x6E, 0x00, 0x03, 0x05, 0xFF, 0xFF};
  for (int i = 0; i < 6'000; ++i) {
    const std::uint32_t id = i % 2 == 0 ? 0x18FECA00 : 0x18FEF100;
    REQUIRE(batch.block.push(stream_time_us + i,
                             can::pack({.id = id, .extended = true, .length = 8}), bytes));
  }
  w.view.add_frames("T1", batch);
  w.view.add_frames("X1", batch); // not wanted
  const auto made = w.view.take_frames();
  CHECK(made.dropped == 1'000);
  std::uint64_t count = 0;
  std::uint64_t last = 0;
  for (const auto& one : made.texts) {
    const auto message = json::parse(*one.text);
    CHECK(message["machine"] == "T1");
    count += one.frames;
    CHECK(message["frames"].size() == one.frames);
    for (const auto& frame : message["frames"]) {
      CHECK(frame["pgn"] == 65'226);
      CHECK(frame["seq"] > last);
      last = frame["seq"];
    }
  }
  CHECK(count == http::stream_view::pending_frames_max);
  CHECK(last == 100 + 5'998);
}

TEST_CASE("stream: a ticket opens one connection, for 30 s, with the rights of its token") {
  http::stream_tickets tickets;
  const http::stream_tickets::clock::time_point start{};
  const auto ticket = tickets.issue({viewer_of("hill"), "hash"}, start);
  REQUIRE(ticket);
  CHECK(ticket->size() == 64);
  CHECK_FALSE(tickets.redeem("x", start));
  CHECK_FALSE(tickets.redeem(std::string(64, '0'), start));
  const auto holder = tickets.redeem(*ticket, start + std::chrono::seconds{29});
  REQUIRE(holder);
  CHECK(holder->who.farm == "hill");
  CHECK_FALSE(tickets.redeem(*ticket, start));
  const auto old = tickets.issue({viewer_of("hill"), "hash"}, start);
  CHECK_FALSE(tickets.redeem(*old, start + http::stream_tickets::valid));
  for (std::size_t i = 0; i < http::stream_tickets::token_tickets_max; ++i)
    CHECK(tickets.issue({viewer_of("hill"), "hash"}, start));
  CHECK_FALSE(tickets.issue({viewer_of("hill"), "hash"}, start));
  CHECK(tickets.issue({viewer_of("hill"), "another"}, start));
  CHECK(tickets.issue({viewer_of("hill"), "hash"}, start + http::stream_tickets::valid));
}
