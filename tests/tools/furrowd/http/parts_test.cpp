#include "tools/furrowd/api/bodies/frames_body.hpp"
#include "tools/furrowd/front/connection_table.hpp"
#include "tools/furrowd/front/shares.hpp"
#include "tools/furrowd/http/guard.hpp"
#include "tools/furrowd/http/places.hpp"
#include "tools/furrowd/http/target.hpp"
#include "tools/json/rfc3339.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

using namespace furrow;
using namespace furrow::http;
using furrow::json_rows::format_time;
using furrow::json_rows::parse_time;

TEST_CASE("target: path and query are split and decoded") {
  const auto plain = parse_target("/api/v1/equipment/T%201%2Fb?from=a%3Db&to=&x+y=1+2");
  REQUIRE(plain);
  CHECK(plain->segments == std::vector<std::string>{"api", "v1", "equipment", "T 1/b"});
  CHECK(plain->query.at("from") == "a=b");
  CHECK(plain->query.at("to").empty());
  CHECK(plain->query.at("x y") == "1 2");
  CHECK(parse_target("/")->segments.empty());
  CHECK(parse_target("/a/")->segments == std::vector<std::string>{"a"});
  CHECK(parse_target("/a?x=1&x=2")->repeated == "x");
}

TEST_CASE("target: invalid encoding is rejected") {
  for (const char* bad : {"", "a", "*", "//", "/a//b", "/%", "/%4", "/%zz", "/a?x=%0", "/%00",
                          "/a%0Ab", "/%ff", "/a?x=%c3%28", "/a?%ed%a0%80=1", "/\xC0\xAF"})
    CHECK_MESSAGE(!parse_target(bad), bad);
}

TEST_CASE("times: RFC 3339 is read, with any offset, and infinity") {
  CHECK(parse_time("1970-01-01T00:00:00Z") == 0);
  CHECK(parse_time("1970-01-01") == 0);
  CHECK(parse_time("2026-05-01T06:30:00.25Z") == 1'777'617'000'250'000);
  CHECK(parse_time("2026-05-01T08:30:00.250+02:00") == 1'777'617'000'250'000);
  CHECK(parse_time("2026-05-01T08:30:00.250 02:00") == 1'777'617'000'250'000);
  CHECK(parse_time("2026-05-01 03:00:00.250-03:30") == 1'777'617'000'250'000);
  CHECK(parse_time("1969-12-31T23:59:59.999999Z") == -1);
  CHECK(parse_time("-infinity") == std::numeric_limits<std::int64_t>::min());
  CHECK(parse_time("infinity") == std::numeric_limits<std::int64_t>::max());
  for (const char* bad : {"", "now", "2026-05-01T06:30:00", "2026-02-29", "2026-05-01T24:00:00Z",
                          "2026-05-01T06:30Z", "2026-05-01T06:30:00Zx", "2026-05-01T06:30:00.Z"})
    CHECK_MESSAGE(!parse_time(bad), bad);
}

TEST_CASE("times: a written time reads back the same") {
  CHECK(format_time(1'777'617'000'250'000) == "2026-05-01T06:30:00.250000Z");
  CHECK(format_time(-1) == "1969-12-31T23:59:59.999999Z");
  CHECK(format_time(1'777'617'000'250'999, 3) == "2026-05-01T06:30:00.250Z");
  for (const std::int64_t time : {std::int64_t{0}, std::int64_t{-62'167'219'200'000'000},
                                  std::int64_t{253'402'300'799'999'999}})
    CHECK(parse_time(format_time(time)) == time);
  CHECK(format_time(std::numeric_limits<std::int64_t>::max()) == "+294247-01-10T04:00:54.775807Z");
}

TEST_CASE("frames filter: an identifier of more than three digits has 29 bits") {
  CHECK(parse_can_id("18FEF100")->extended);
  CHECK(parse_can_id("0x00000123")->extended);
  CHECK_FALSE(parse_can_id("123")->extended);
  CHECK(parse_can_id("7ff")->id == 0x7FF);
  for (const char* bad : {"", "0x", "800", "20000000", "123456789", "12g", "-1"})
    CHECK_MESSAGE(!parse_can_id(bad), bad);
  CHECK(parse_pgn("65265") == 65'265);
  CHECK(parse_pgn("0xFEF1") == 65'265);
  for (const char* bad : {"", "0x", "FEF1", "262144", "-1", "1 "})
    CHECK_MESSAGE(!parse_pgn(bad), bad);
}

TEST_CASE("frames filter: a PGN matches extended frames, without the destination") {
  frames_filter filter;
  filter.pgn = 0xEA00;
  CHECK(filter.takes(can::pack({.id = 0x18EAFF00, .extended = true})));
  CHECK(filter.takes(can::pack({.id = 0x18EA2701, .extended = true})));
  CHECK_FALSE(filter.takes(can::pack({.id = 0x18FEF100, .extended = true})));
  CHECK_FALSE(filter.takes(can::pack({.id = 0x18EAFF00, .error = true})));
  filter = {};
  filter.can_id = parse_can_id("123");
  CHECK(filter.takes(can::pack({.id = 0x123})));
  CHECK_FALSE(filter.takes(can::pack({.id = 0x123, .extended = true})));
}

TEST_CASE("frames: a line of JSON has everything about a frame") {
  const std::uint8_t bytes[] = {0xDE, 0xAD};
  const auto line = [&](const can::header_parts& parts) {
    std::string text;
    const auto header = can::pack(parts);
    append_frame_json(text, {1'000'001, header, bytes}, 42, "\"can1\"",
                      bus_names{}.message(header));
    return text;
  };
  CHECK(line({.id = 0x18FEF100, .extended = true, .length = 2})
        == "{\"seq\":42,\"time\":\"1970-01-01T00:00:01.000001Z\",\"bus\":\"can1\","
           "\"can_id\":\"18FEF100\",\"extended\":true,\"remote\":false,\"error\":false,"
           "\"kind\":\"classic\",\"length\":2,\"pgn\":65265,\"name\":\"CCVS1\",\"payload\":"
           "\"DEAD\"}\n");
  CHECK(line({.id = 0x12, .remote = true, .length = 4, .direction = can::frame_direction::received})
        == "{\"seq\":42,\"time\":\"1970-01-01T00:00:01.000001Z\",\"bus\":\"can1\","
           "\"can_id\":\"012\",\"extended\":false,\"remote\":true,\"error\":false,"
           "\"kind\":\"classic\",\"length\":4,\"pgn\":null,\"name\":null,\"payload\":\"\","
           "\"direction\":\"received\"}\n");
  CHECK(line({.id = 4, .error = true, .length = 0}).find("\"can_id\":\"20000004\"")
        != std::string::npos);
  CHECK(line({.id = 4, .length = 2, .nibble = 5, .kind = can::frame_kind::fd})
          .ends_with("\"fd_flags\":5}\n"));
}

TEST_CASE("connections: at the limit the one that has waited longest gives way") {
  using place = connection_table::place;
  connection_table table{{2, 1}};
  CHECK(table.enter(1, "a").got == place::ordinary);
  CHECK(table.enter(2, "a").got == place::ordinary);
  CHECK(table.work(1).got == place::ordinary);
  table.wait(1); // now 2 has waited longest
  const auto third = table.enter(3, "a");
  CHECK(third.got == place::ordinary);
  CHECK(third.gives_way == 2);
  CHECK(table.work(2).got == place::none); // its request came too late
  CHECK(table.open() == 2);
}

TEST_CASE(
  "connections: a lower limit closes those that wait, and takes no new one before it holds") {
  using place = connection_table::place;
  connection_table table{{4, 1}};
  for (const std::uint64_t id : {1, 2, 3, 4})
    CHECK(table.enter(id, "a").got == place::ordinary);
  CHECK(table.work(1).got == place::ordinary);
  CHECK(table.work(3).got == place::ordinary);
  CHECK(table.limit(1, 9) == std::vector<std::uint64_t>{2, 4});
  CHECK(table.open() == 2);
  CHECK(table.enter(5, "a").got == place::reserved);
  table.wait(1);
  const auto sixth = table.enter(6, "a"); // 1 gives way, and 3 fills the limit
  CHECK(sixth.got == place::none);
  CHECK(sixth.gives_way == 1);
  table.leave(3);
  CHECK(table.enter(7, "a").got == place::ordinary);
  CHECK(table.limit(3, 9).empty());
  CHECK(table.enter(8, "a").got == place::ordinary);
}

TEST_CASE("connections: when all work, a reserved place is left, and it becomes an ordinary one") {
  using place = connection_table::place;
  connection_table table{{2, 1}};
  for (const std::uint64_t id : {1, 2}) {
    CHECK(table.enter(id, "a").got == place::ordinary);
    CHECK(table.work(id).got == place::ordinary);
  }
  CHECK(table.enter(3, "a").got == place::reserved);
  const auto fourth = table.enter(4, "a");
  CHECK(fourth.got == place::reserved);
  CHECK(fourth.gives_way == 3);
  CHECK(table.work(4).got == place::reserved);
  CHECK(table.enter(5, "a").got == place::none); // the reserved place works, too
  table.leave(5);
  table.wait(4);
  table.leave(1);
  CHECK(table.work(4).got == place::ordinary);
  CHECK(table.enter(6, "a").got == place::reserved);
  CHECK(table.give_way() == std::nullopt); // nobody with an ordinary place waits
  CHECK(table.open() == 3);
}

TEST_CASE("connections: an address with its share makes room for itself, never at others' cost") {
  using place = connection_table::place;
  connection_table table{{4, 1, 2}};
  CHECK(table.enter(1, "b").got == place::ordinary); // waits longest of all
  CHECK(table.enter(2, "a").got == place::ordinary);
  CHECK(table.enter(3, "a").got == place::ordinary);
  const auto third = table.enter(4, "a");
  CHECK(third.got == place::ordinary);
  CHECK(third.gives_way == 2);
  CHECK(table.work(3).got == place::ordinary);
  CHECK(table.work(4).got == place::ordinary);
  const auto fourth = table.enter(5, "a");
  CHECK(fourth.got == place::reserved);
  CHECK(fourth.address_full);
  CHECK_FALSE(fourth.gives_way.has_value());
  CHECK(table.work(5).address_full);
  CHECK(table.enter(6, "b").got == place::ordinary);
  table.leave(3);
  table.wait(5);
  CHECK(table.work(5).got == place::ordinary);
  CHECK(table.open() == 4);
}

TEST_CASE("connections: a lower limit for an address closes those of it that wait") {
  connection_table table{{8, 1, 4}};
  for (const std::uint64_t id : {1, 2, 3})
    (void)table.enter(id, "a");
  for (const std::uint64_t id : {4, 5})
    (void)table.enter(id, "b");
  (void)table.work(1);
  CHECK(table.limit(8, 1) == std::vector<std::uint64_t>{2, 3, 4});
  CHECK(table.open() == 2);
}

TEST_CASE("shares: hosts of one IPv6 network share, and an IPv4 address is the same in IPv6") {
  const auto of = [](const char* text) { return share_of(boost::asio::ip::make_address(text)); };
  CHECK(of("10.0.0.7") == "10.0.0.7");
  CHECK(of("::ffff:10.0.0.7") == "10.0.0.7");
  CHECK(of("2001:db8:1:2:3::4") == of("2001:db8:1:2:ffff::1"));
  CHECK(of("2001:db8:1:2::1") != of("2001:db8:1:3::1"));
}

TEST_CASE("shares: a token has so many requests in progress, a client without one has no limit") {
  const auto of = std::make_shared<token_requests>(2);
  daemon::credential one;
  one.kind = daemon::credential_kind::token;
  one.hash = daemon::hash_of_secret("one");
  auto other = one;
  other.hash = daemon::hash_of_secret("other");
  auto first = of->take(one);
  const auto second = of->take(one);
  CHECK(first);
  CHECK(second);
  CHECK_FALSE(of->take(one));
  CHECK(of->take(other));
  first.reset();
  CHECK(of->take(one));
  of->limit(1);
  CHECK_FALSE(of->take(one));
  std::vector<share> open;
  for (int i = 0; i < 9; ++i)
    open.push_back(of->take(daemon::credential{}));
  CHECK(std::count(open.begin(), open.end(), nullptr) == 0);
}

TEST_CASE("places: requests take turns, and no farm takes all places") {
  const auto of = std::make_shared<places>(4);
  std::vector<place> taken;
  std::vector<std::string> order;
  const auto ask = [&](const std::string& farm, const std::string& name) {
    of->take(farm, [&, name](place got) {
      REQUIRE(got);
      taken.push_back(std::move(got));
      order.push_back(name);
    });
  };
  for (const char* name : {"a1", "a2", "a3", "a4"})
    ask("a", name);
  ask("b", "b1");
  ask("b", "b2");
  CHECK(order == std::vector<std::string>{"a1", "a2", "a3", "b1"}); // three quarters for a farm
  taken.erase(taken.begin() + 3); // b1 ends: a has its share still
  CHECK(order.back() == "b2");
  taken.erase(taken.begin()); // a1 ends
  CHECK(order.back() == "a4");
}

TEST_CASE("guard: without a token file only loopback names and the node's own pages are served") {
  const guard open{std::make_shared<daemon::authority>()};
  const auto admitted = [&](const std::string& host, const std::string& origin) {
    return std::holds_alternative<daemon::credential>(
      open.admit({"POST", "/", "", host, origin, ""}, daemon::permission::administer));
  };
  CHECK(admitted("127.0.0.1:7480", ""));
  CHECK(admitted("LOCALHOST", ""));
  CHECK(admitted("[::1]:7480", "http://[::1]:7480"));
  CHECK(admitted("", ""));
  CHECK(admitted("localhost:7480", "http://localhost:7480"));
  CHECK_FALSE(admitted("localhost:7480", "http://evil.example"));
  CHECK_FALSE(admitted("localhost:7480", "null"));
  CHECK_FALSE(admitted("evil.example:7480", ""));
  CHECK_FALSE(admitted("127.0.0.1.evil.example", ""));
}
