// The messages between nodes: round trips, limits, and what a hostile peer may send.
#include "proto/link.hpp"
#include "tests/proto/samples.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using namespace furrow;
using namespace furrow::tests;
namespace net = furrow::proto::link;

namespace {

net::actor_row some_actor(std::uint64_t id) {
  return {
    id, 1, "equipment default/T" + std::to_string(id), "equipment", "running", 2, "düse", 3, 4,
    5,  6};
}

net::machine_row some_machine(std::size_t values) {
  net::machine_row row{"T1",
                       true,
                       "10.0.0.7:5555",
                       (std::int64_t{7} << 40) + 3,
                       5,
                       3,
                       9,
                       100,
                       1,
                       true,
                       true,
                       2,
                       1,
                       1'588'310'400'000'000,
                       {}};
  for (std::size_t i = 0; i < values; ++i)
    row.values.push_back({"key" + std::to_string(i), -1.5, -7, 61'444, 3, 255});
  return row;
}

net::machine_fault some_fault(std::uint32_t spn) {
  return {3, 0x26, true, spn, 31, 126, true, 0xE4B1, 1'588'310'400'000'000, -7};
}

net::machine_row with_faults(net::machine_row row, std::size_t faults) {
  row.faults.emplace();
  for (std::size_t i = 0; i < faults; ++i)
    row.faults->push_back(some_fault(0x7'FFFF - static_cast<std::uint32_t>(i)));
  return row;
}

net::scope some_scope() {
  return {"default", {"T1", "T2"}, true, false};
}

std::vector<net::message> one_of_each_link() {
  return {net::hello{1, 1, "n1", "abc", "n2", "", "0.1"},
          net::welcome{1, "n2", "def", "0.1"},
          net::ask{7, {some_scope(), net::actors_wish{12}}},
          net::ask{8, {some_scope(), net::end_wish{17, true}}},
          net::ask{9, {some_scope(), net::machines_wish{"T1", {{"T2", 20}, {"T3", 500}}}}},
          net::ask{0xFFFFFFFFFFFFFFFF, {some_scope(), net::report_wish{"T2"}}},
          net::answer{7, net::actors_page_answer{{some_actor(1), some_actor(2)}, true}},
          net::answer{8, net::ended_answer{net::ended_answer::kind::not_permitted, "writer-0"}},
          net::answer{9, net::machines_page_answer{{some_machine(3), some_machine(0)}, true}},
          net::ask{9, {some_scope(), net::machines_wish{{}, {}, true}}},
          net::answer{9, net::machines_page_answer{{with_faults(some_machine(1), 2)}, false}},
          net::answer{10, net::report_answer{true, "{}"}},
          net::answer{11, net::failed_answer{"no"}},
          net::ask{12, {{}, net::lease_wish{}}},
          net::answer{12, net::lease_age_answer{250}},
          net::answer{13, net::lease_age_answer{std::nullopt}},
          proto::ping{3},
          proto::pong{4},
          net::refuse{"this is n2"}};
}

std::string link_body(const net::message& what) {
  std::string out;
  REQUIRE(net::encode(what, out));
  return out.substr(proto::length_bytes);
}

} // namespace

TEST_CASE("link wire: what is encoded comes back the same") {
  for (const auto& what : one_of_each_link()) {
    const auto bytes = link_body(what);
    const auto back = net::decode(bytes_of(bytes));
    REQUIRE(back);
    CHECK(back->index() == what.index());
    CHECK(link_body(*back) == bytes);
  }
  const auto back = net::decode(bytes_of(link_body(one_of_each_link()[8])));
  REQUIRE(back);
  const auto& said = std::get<net::answer>(*back);
  const auto& page = std::get<net::machines_page_answer>(said.reply);
  CHECK(said.id == 9);
  CHECK(page.more);
  REQUIRE(page.rows.size() == 2);
  REQUIRE(page.rows[0].values.size() == 3);
  const auto& value = page.rows[0].values[2];
  CHECK(value.key == "key2");
  CHECK(value.value == -1.5);
  CHECK(value.time_us == -7);
  CHECK(value.bus == 255);
}

TEST_CASE(
  "link wire: a fault comes back with all its numbers, and no faults are not unknown ones") {
  net::machines_page_answer page;
  page.rows = {with_faults(some_machine(0), 3), with_faults(some_machine(0), 0), some_machine(0)};
  const auto back = net::decode(bytes_of(link_body(net::answer{9, page})));
  REQUIRE(back);
  const auto& rows = std::get<net::machines_page_answer>(std::get<net::answer>(*back).reply).rows;
  REQUIRE(rows.size() == 3);
  REQUIRE(rows[0].faults);
  REQUIRE(rows[0].faults->size() == 3);
  const auto& one = rows[0].faults->at(2);
  CHECK(one.bus == 3);
  CHECK(one.source == 0x26);
  CHECK(one.previous);
  CHECK(one.spn == 0x7'FFFD);
  CHECK(one.fmi == 31);
  CHECK(one.count == 126);
  CHECK(one.conversion_method);
  CHECK(one.lamps == 0xE4B1);
  CHECK(one.since_us == 1'588'310'400'000'000);
  CHECK(one.last_us == -7);
  CHECK((rows[1].faults && rows[1].faults->empty()));
  CHECK_FALSE(rows[2].faults);
  std::string out;
  page.rows = {with_faults(some_machine(0), net::faults_max)};
  CHECK(net::encode(net::answer{9, page}, out));
  page.rows = {with_faults(some_machine(0), net::faults_max + 1)};
  CHECK(net::encode(net::answer{9, page}, out).code() == proto::errc::limit);
  page.rows = {with_faults(some_machine(0), 1)};
  page.rows[0].faults->front().spn = 0x8'0000;
  CHECK(net::encode(net::answer{9, page}, out).code() == proto::errc::limit);
}

TEST_CASE("link wire: the age of a lease and no lease are told apart") {
  for (const std::optional<std::uint32_t> age : {std::optional<std::uint32_t>{0}, {}}) {
    const auto back = net::decode(bytes_of(link_body(net::answer{1, net::lease_age_answer{age}})));
    REQUIRE(back);
    CHECK(std::get<net::lease_age_answer>(std::get<net::answer>(*back).reply).age_ms == age);
  }
}

TEST_CASE("link wire: every truncation is refused, or is a shorter valid message") {
  for (const auto& what : one_of_each_link()) {
    const auto whole = link_body(what);
    for (std::size_t length = 0; length < whole.size(); ++length)
      if (const auto back = net::decode(bytes_of(whole).first(length)); back) {
        std::string again;
        REQUIRE(net::encode(*back, again));
      }
  }
}

TEST_CASE("link wire: a broken byte never crashes and never yields an invalid message") {
  std::mt19937 random{7};
  for (const auto& what : one_of_each_link()) {
    const auto whole = link_body(what);
    for (int round = 0; round < 2'000; ++round) {
      auto bytes = whole;
      for (auto flips = random() % 4 + 1; flips > 0; --flips)
        bytes[random() % bytes.size()] = static_cast<char>(random());
      const auto back = net::decode(bytes_of(bytes));
      if (!back)
        continue;
      std::string again; // what decode lets through, encode takes
      REQUIRE(net::encode(*back, again));
    }
  }
}

TEST_CASE("link wire: random bytes never crash") {
  std::mt19937 random{11};
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random() % 200, '\0');
    for (auto& byte : bytes)
      byte = static_cast<char>(random());
    if (const auto back = net::decode(bytes_of(bytes)); back) {
      std::string again;
      REQUIRE(net::encode(*back, again));
    }
  }
}

TEST_CASE("link wire: a full page fits into a message, one row more is refused") {
  net::actors_page_answer actors;
  while (actors.rows.size() < net::actors_page)
    actors.rows.push_back(some_actor(actors.rows.size() + 1));
  std::string out;
  CHECK(net::encode(net::answer{1, actors}, out));
  CHECK(net::decode(bytes_of(out, proto::length_bytes)));
  actors.rows.push_back(some_actor(1));
  CHECK(net::encode(net::answer{1, actors}, out).code() == proto::errc::limit);

  net::machines_page_answer machines;
  while (machines.rows.size() < net::machines_page)
    machines.rows.push_back(some_machine(20));
  out.clear();
  CHECK(net::encode(net::answer{1, machines}, out));
  CHECK(net::decode(bytes_of(out, proto::length_bytes)));
  machines.rows = {some_machine(net::values_max + 1)};
  CHECK(net::encode(net::answer{1, machines}, out).code() == proto::errc::limit);
}

TEST_CASE("link wire: a text that a peer could not read is refused, and fit makes it readable") {
  std::string out;
  CHECK(net::encode(net::hello{1, 1, "", "abc", "n2", "", ""}, out).code() == proto::errc::text);
  CHECK(net::encode(net::refuse{"\xFF"}, out).code() == proto::errc::text);
  CHECK(net::encode(
          net::answer{1, net::report_answer{true, std::string(proto::message_bytes_max, 'x')}}, out)
          .code()
        == proto::errc::limit);
  CHECK(out.empty());
  CHECK(net::fit("plain") == "plain");
  CHECK(net::fit(std::string{"a\0b", 3}) == "a?b");
  CHECK(net::fit("\xFF\xFE") == "??");
  const auto cut = net::fit(std::string(net::row_text_bytes_max - 1, 'x') + "ü");
  CHECK(cut == std::string(net::row_text_bytes_max - 1, 'x')); // no half a letter
}
