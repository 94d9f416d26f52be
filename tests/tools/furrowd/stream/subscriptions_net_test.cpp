// What a client of the live stream gets for what it asks: heartbeats, its pace, frames, a field, machines of other nodes.
#include "actors/cluster/peer_nodes.hpp"
#include "tests/support/eventually.hpp"
#include "tests/tools/furrowd/http/stored_world.hpp"
#include "tests/tools/furrowd/stream/live_node.hpp"
#include "tests/tools/furrowd/stream/stream_client.hpp"
#include "tools/json/rfc3339.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;
using nlohmann::json;
namespace net = furrow::proto::link;

namespace {

std::int64_t wall_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
           std::chrono::system_clock::now().time_since_epoch())
    .count();
}

/// The entry of a machine in the next message that has one.
json next_of(stream_client& client, const std::string& machine) {
  while (true) {
    const auto one = client.next_event();
    if (one.type.empty())
      return nullptr;
    if (one.data.contains("machines"))
      for (const auto& row : one.data["machines"])
        if (row["name"] == machine)
          return row;
  }
}

actors::live_equipment at(const std::string& name, double latitude, double longitude) {
  auto made = machine_of("default", name, 900);
  auto state = *made.state;
  state.position =
    can::observed<can::position>{{latitude, longitude}, stream_time_us, 129'025, 4, 0};
  made.state = std::make_shared<const can::live_state>(state);
  return made;
}

void push_frames(actors::live_place& place,
                 std::uint64_t first_seq,
                 const std::vector<std::uint32_t>& ids) {
  actors::tapped_frames batch;
  batch.first_seq = first_seq;
  const std::uint8_t bytes[8] = {0x04, 0xFF, 0x6E, 0x00, 0x03, 0x05, 0xFF, 0xFF};
  for (const auto id : ids)
    REQUIRE(batch.block.push(stream_time_us, can::pack({.id = id, .extended = true, .length = 8}),
                             bytes));
  place.frames().push(batch);
}

/// A node with a machine of its own, and node n2 whose machines the test says.
class peer_view final : public actors::peer_nodes {
public:
  void ask_peers(net::wish what, heard done) override {
    actors::peers_said said;
    {
      const std::scoped_lock lock{mutex_};
      asked_ = std::get<net::machines_wish>(what.what);
      if (is_there_)
        said.answers.emplace_back(
          "n2", std::make_shared<const net::reply>(net::machines_page_answer{rows_, false}));
    }
    done(std::move(said));
  }
  void ask_peer(const std::string&, net::wish, heard done) override { done({}); }
  void answer(const net::wish&, actors::link_port::handler) override {}

  void show(std::vector<net::machine_row> rows) {
    const std::scoped_lock lock{mutex_};
    rows_ = std::move(rows);
  }
  void leave() {
    const std::scoped_lock lock{mutex_};
    is_there_ = false;
  }
  [[nodiscard]] net::machines_wish asked() {
    const std::scoped_lock lock{mutex_};
    return asked_;
  }

private:
  std::mutex mutex_;
  bool is_there_ = true;
  std::vector<net::machine_row> rows_;
  net::machines_wish asked_;
};

net::machine_row peer_row(double rpm) {
  net::machine_row row;
  row.equipment = "P1";
  row.connected = true;
  row.epoch = 3;
  row.last_frame_us = stream_time_us;
  row.values = {{"engine_speed_rpm", rpm, stream_time_us, 61'444, 0, 0}};
  row.faults.emplace();
  return row;
}

} // namespace

TEST_CASE("stream: when nothing changes, a tick has the time of the server") {
  live_node node;
  node.show(machine_of("default", "T1", 900));
  http::http_config config;
  config.stream.heartbeat = 500ms;
  http_front front{node, config};
  for (const bool events : {true, false}) {
    stream_client client{front.at()};
    std::vector<json> ticks;
    const auto read = [&] {
      return events ? client.next_event().data : json::parse(client.next_frame().second);
    };
    REQUIRE(status_of(events ? client.ask("/api/v1/stream") : client.upgrade("/api/v1/stream"))
            == (events ? 200 : 101));
    const auto hello = read();
    CHECK(hello["type"] == "hello");
    CHECK(hello["heartbeat_ms"] == 500);
    CHECK(read()["type"] == "snapshot");
    for (int i = 0; i < 2; ++i) {
      const auto tick = read();
      CHECK(tick["type"] == "tick");
      const auto time = json_rows::parse_time(tick["time"].get<std::string>());
      REQUIRE(time);
      CHECK(std::abs(*time - wall_us()) < 10'000'000);
      ticks.push_back(tick["time"]);
    }
    CHECK(ticks[0] < ticks[1]);
  }
}

TEST_CASE("stream: max_hz bounds the deltas of a second, and the newest value comes") {
  live_node node;
  node.show(machine_of("default", "T1", 0));
  http_front front{node};
  stream_client client{front.at()};
  client.ask("/api/v1/stream?max_hz=4&signals=engine_speed_rpm");
  (void)client.next_event("snapshot");
  std::atomic<bool> enough = false;
  std::atomic<int> shown = 0;
  std::thread fleet{[&] {
    while (!enough) {
      node.show(machine_of("default", "T1", ++shown));
      std::this_thread::sleep_for(2ms);
    }
  }};
  const auto begun = std::chrono::steady_clock::now();
  double last = 0;
  constexpr int deltas = 8;
  for (int i = 0; i < deltas; ++i) {
    const auto row = next_of(client, "T1");
    const auto value = row["values"]["engine_speed_rpm"]["value"].get<double>();
    CHECK(value > last);
    last = value;
  }
  const auto took = std::chrono::steady_clock::now() - begun;
  enough = true;
  fleet.join();
  CHECK(took >= (deltas - 2) * 250ms); // the first may come at once
  while (last < shown)                 // what was left out between comes at its newest value
    last = next_of(client, "T1")["values"]["engine_speed_rpm"]["value"].get<double>();
  CHECK(last == shown);
}

TEST_CASE("stream: raw frames by identifier, by PGN, or all of them") {
  live_node node;
  node.show(machine_of("default", "T1", 900));
  http_front front{node};
  const auto place = node.place_of("default", "T1");
  const std::vector<std::pair<std::string, std::set<std::uint64_t>>> filters{
    {"id:18FEF100", {11}},
    {"id:18FECA21,pgn:61444", {12, 13}},
    {"pgn:65226", {10, 12}},
    {"all", {10, 11, 12, 13}}};
  for (const auto& [filter, wanted] : filters) {
    CAPTURE(filter);
    stream_client client{front.at()};
    client.ask("/api/v1/stream?machines=T1&signals=engine_speed_rpm&max_hz=500&frames=" + filter);
    (void)client.next_event("snapshot");
    REQUIRE(eventually(20s, [&] { return place->frames().is_open(); }));
    push_frames(*place, 10, {0x18FECA00, 0x18FEF100, 0x18FECA21, 0x0CF00400});
    std::set<std::uint64_t> seen;
    const auto told = client.next_event("frames").data;
    CAPTURE(told.dump());
    for (const auto& frame : told["frames"])
      seen.insert(frame["seq"].get<std::uint64_t>());
    CHECK(seen == wanted);
    client.socket().close();
    int rpm = 0;
    REQUIRE(eventually(20s, [&] { // a write finds that it left
      node.show(machine_of("default", "T1", ++rpm));
      return !place->frames().is_open();
    }));
  }
}

TEST_CASE("stream: a field shows the machines inside its boundary, as they come and go") {
  live_node node;
  const stored_world kept; // whose fields the node has
  node.database.kept = kept.store->farm();
  http_front front{node};
  REQUIRE(kept
            .ask("POST", "/api/v1/fields",
                 R"({"name":"Upper","boundary":{"type":"Polygon","coordinates":)"
                 R"([[[8,49],[8.2,49],[8,49.2],[8,49]]]}})")
            .status
          == 200);
  node.show(at("T1", 49.05, 8.05));
  node.show(at("T2", 49.15, 8.15)); // in the box of the triangle, and outside of it
  stream_client client{front.at()};
  REQUIRE(status_of(client.ask("/api/v1/stream?field=Upper&max_hz=500")) == 200);
  const auto snapshot = client.next_event("snapshot").data;
  REQUIRE(snapshot["machines"].size() == 1);
  CHECK(snapshot["machines"][0]["name"] == "T1");
  node.show(at("T2", 49.05, 8.1));
  const auto entered = next_of(client, "T2");
  CHECK(entered["whole"] == true);
  node.show(at("T1", 49.19, 8.19));
  CHECK(next_of(client, "T1")["gone"] == "area");
  stream_client unknown{front.at()};
  CHECK(status_of(unknown.ask("/api/v1/stream?field=Lower")) == 404);
}

TEST_CASE("stream: a machine of another node is shown with its values, faults and connection") {
  live_node node;
  peer_view others;
  node.others = &others;
  node.show(machine_of("default", "T1", 900));
  others.show({peer_row(1'500)});
  http_front front{node};
  stream_client client{front.at()};
  client.ask("/api/v1/stream?max_hz=500&machines=P*");
  auto row = next_of(client, "P1");
  CHECK(row["whole"] == true);
  CHECK(row["node"] == "n2");
  CHECK(row["connected"] == true);
  CHECK(row["values"]["engine_speed_rpm"]["value"] == 1'500);
  CHECK(others.asked().faults);
  auto seq = row["seq"].get<std::uint64_t>();
  const auto next = [&] {
    row = next_of(client, "P1");
    CHECK(row["seq"] > seq); // so that a client knows a gap
    seq = row["seq"];
    return row;
  };
  others.show({peer_row(1'600)});
  CHECK(next()["values"]["engine_speed_rpm"]["value"] == 1'600);
  CHECK_FALSE(row.contains("faults"));

  auto faulty = peer_row(1'600);
  faulty.faults->push_back({0, 0x26, false, 110, 3, 5, false, 0xFFDF, stream_time_us, 9});
  others.show({faulty});
  const auto appeared = next()["faults"];
  REQUIRE(appeared.size() == 1);
  CHECK(appeared[0]["event"] == "appeared");
  CHECK(appeared[0]["spn"] == 110);
  CHECK(appeared[0]["fmi"] == 3);
  CHECK(appeared[0]["source"] == 0x26);
  CHECK(appeared[0]["count"] == 5);
  faulty.faults->front().count = 6;
  others.show({faulty});
  CHECK(next()["faults"][0]["event"] == "counted");
  auto unknown = peer_row(1'700);
  unknown.faults.reset(); // a node of an earlier version
  others.show({unknown});
  next();
  CHECK_FALSE(row.contains("faults"));
  others.show({peer_row(1'700)});
  CHECK(next()["faults"][0]["event"] == "cleared");

  auto away = peer_row(1'700);
  away.connected = false;
  others.show({away});
  CHECK(next()["connected"] == false);
  others.show({peer_row(1'700)});
  CHECK(next()["connected"] == true);
  others.leave();
  CHECK(next()["gone"] == "silent");
}

TEST_CASE("stream: a client that was away sees by `from` that it has missed something") {
  live_node node;
  node.show(machine_of("default", "T1", 1));
  http_front front{node};
  stream_client client{front.at()};
  client.ask("/api/v1/stream?max_hz=500");
  const auto first = client.next_event("snapshot");
  node.show(machine_of("default", "T1", 2));
  const auto second = client.next_event("delta");
  CHECK(second.data["from"] == first.data["at"]);
  // Who lost the second message and goes on with the id of the third has a gap, and can tell.
  node.show(machine_of("default", "T1", 3));
  const auto third = client.next_event("delta");
  CHECK(third.data["from"] == second.data["at"]);
  CHECK(third.data["from"] > first.data["at"]);
  CHECK(third.data["machines"][0]["seq"] > second.data["machines"][0]["seq"]);
  stream_client again{front.at()};
  again.ask("/api/v1/stream?max_hz=500&resume=" + first.id);
  const auto missed = again.next_event("delta");
  CHECK(missed.data["from"] == first.data["at"]);
  CHECK(missed.data["machines"][0]["values"]["engine_speed_rpm"]["value"] == 3);
}
