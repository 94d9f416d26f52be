/// The live stream over sockets: events, WebSockets of another stack, tickets, limits, and clients that misbehave.
#include "tests/support/eventually.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/http_front.hpp"
#include "tests/support/program.hpp"
#include "tests/tools/furrowd/http/tokens.hpp"
#include "tests/tools/furrowd/stream/live_node.hpp"
#include "tests/tools/furrowd/stream/stream_client.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using nlohmann::json;

namespace {

constexpr std::chrono::seconds patience{20};

struct net_world {
  explicit net_world(http::http_config config = {}) : front{(furnish(), node), std::move(config)} {}
  int furnish() {
    tests::furnish(node);
    node.show(machine_of("default", "T1", 900));
    node.show(machine_of("hill", "H1", 800));
    return 0;
  }
  live_node node;
  http_front front;
};

http::http_config people_tokens() {
  return with_tokens({{"v", "role = \"viewer\""},
                      {"v1", "role = \"viewer\"\nequipment = [\"T1\"]"},
                      {"g", "role = \"gateway\""},
                      {"h", "role = \"viewer\"\nfarm = \"hill\""},
                      {"n", "role = \"viewer\"\nfarm = \"*\""}});
}

} // namespace

TEST_CASE("stream: events begin with hello and a snapshot, then come changes") {
  net_world w;
  stream_client client{w.front.at()};
  const auto header = client.ask("/api/v1/stream?max_hz=500");
  CHECK(status_of(header) == 200);
  CHECK(header.find("text/event-stream") != std::string::npos);
  const auto hello = client.next_event();
  CHECK(hello.type == "hello");
  CHECK(hello.data["node"] == "n1");
  CHECK(hello.data["farm"] == "default");
  const auto snapshot = client.next_event();
  CHECK(snapshot.type == "snapshot");
  REQUIRE(snapshot.data["machines"].size() == 1);
  CHECK(snapshot.data["machines"][0]["name"] == "T1");
  w.node.show(machine_of("default", "T1", 1'000));
  const auto delta = client.next_event();
  CHECK(delta.type == "delta");
  CHECK(delta.data["machines"][0]["values"]["engine_speed_rpm"]["value"] == 1'000);
  w.node.end("default", "T1");
  CHECK(client.next_event().data["machines"][0]["gone"] == "silent");
  // The client comes back with the id of the first change.
  stream_client again{w.front.at()};
  again.ask("/api/v1/stream?max_hz=500", "Last-Event-ID: " + delta.id + "\r\n");
  CHECK(again.next_event().type == "hello");
  const auto missed = again.next_event();
  CHECK(missed.type == "delta");
  CHECK(missed.data["machines"][0]["gone"] == "silent");
}

TEST_CASE(
  "stream: nobody sees machines of another farm, or machines that the token does not cover") {
  net_world w{people_tokens()};
  w.node.show(machine_of("default", "T2", 700));
  const auto seen = [&](const std::string& token, const std::string& query = "") {
    stream_client client{w.front.at()};
    const auto header = client.ask("/api/v1/stream" + query, bearer(token));
    if (status_of(header) != 200)
      return std::to_string(status_of(header));
    std::string names;
    const auto snapshot = client.next_event("snapshot");
    for (const auto& one : snapshot.data["machines"])
      names += one["name"].get<std::string>() + " ";
    return names;
  };
  CHECK(seen("v") == "T1 T2 ");
  CHECK(seen("v1") == "T1 ");
  CHECK(seen("v1", "?machines=*") == "T1 ");
  CHECK(seen("h") == "H1 ");
  CHECK(seen("h", "?farm=default") == "403");
  CHECK(seen("n", "?farm=hill") == "H1 ");
  CHECK(seen("g") == "403");
  CHECK(seen("wrong") == "401");
  CHECK(seen("h", "?token=h") == "400"); // a token does not belong into a URL
  // And nothing of the other farm follows.
  stream_client hill{w.front.at()};
  hill.ask("/api/v1/stream?max_hz=500", bearer("h"));
  (void)hill.next_event("snapshot");
  for (int i = 0; i < 20; ++i)
    w.node.show(machine_of("default", "T1", i));
  w.node.show(machine_of("hill", "H1", 4'321));
  const auto delta = hill.next_event();
  REQUIRE(delta.data["machines"].size() == 1);
  CHECK(delta.data["machines"][0]["name"] == "H1");
}

TEST_CASE("stream: a ticket opens the stream once") {
  net_world w{people_tokens()};
  raw_client people{w.front.at()};
  CHECK(people.post("/api/v1/stream/tickets").status == 401);
  raw_client holder{w.front.at()};
  const auto made = holder.post("/api/v1/stream/tickets", bearer("h"));
  REQUIRE(made.status == 201);
  const auto ticket = json::parse(made.body)["ticket"].get<std::string>();
  stream_client browser{w.front.at()};
  const auto same_site = "Origin: http://localhost\r\n";
  REQUIRE(status_of(browser.upgrade("/api/v1/stream?ticket=" + ticket, same_site)) == 101);
  CHECK(json::parse(browser.next_frame().second)["farm"] == "hill");
  stream_client second{w.front.at()};
  CHECK(status_of(second.upgrade("/api/v1/stream?ticket=" + ticket, same_site)) == 401);
  stream_client other_route{w.front.at()};
  CHECK(status_of(other_route.ask("/api/v1/equipment?ticket=" + ticket)) == 401);
}

TEST_CASE("stream: a page of another site gets nothing") {
  net_world w;
  for (const char* origin : {"http://evil.example", "null", "http://localhost:1"}) {
    stream_client client{w.front.at()};
    const auto header = client.upgrade("/api/v1/stream", std::string{"Origin: "} + origin + "\r\n");
    CHECK_MESSAGE(status_of(header) == 403, origin);
  }
}

TEST_CASE("stream: an upgrade that is not right is refused with its status") {
  net_world w;
  const auto refused = [&](const std::string& more, int status) {
    stream_client client{w.front.at()};
    CHECK_MESSAGE(status_of(client.ask("/api/v1/stream",
                                       "Connection: Upgrade\r\nUpgrade: websocket\r\n" + more))
                    == status,
                  more);
  };
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  refused("Sec-WebSocket-Version: 8\r\n" + key, 426);
  refused(key, 426);
  refused("Sec-WebSocket-Version: 13\r\n", 400);
  refused("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n", 400);
  refused("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\n" + key, 400);
  // Frames before the answer.
  stream_client early{w.front.at()};
  early.send("GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
             "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             + key + "\r\n" + stream_client::masked(0x81, "{}"));
  char status[12] = {};
  REQUIRE(::recv(early.socket().native_handle(), status, sizeof status, MSG_WAITALL) == 12);
  CHECK(std::string_view{status, 12} == "HTTP/1.1 400");
  stream_client named{w.front.at()};
  const auto header = named.upgrade("/api/v1/stream", "Sec-WebSocket-Protocol: furrow.v1\r\n");
  CHECK(status_of(header) == 101);
  CHECK(header.find("furrow.v1") != std::string::npos);
}

TEST_CASE("stream: a WebSocket that breaks the protocol is closed with the right code") {
  net_world w;
  const auto code_after = [&](const std::string& bytes) {
    stream_client client{w.front.at()};
    REQUIRE(status_of(client.upgrade("/api/v1/stream")) == 101);
    (void)client.next_frame();
    client.send(bytes);
    return client.close_code();
  };
  CHECK(code_after(std::string{"\x81\x02{}", 4}) == 1002);         // not masked
  CHECK(code_after(stream_client::masked(0x81, "\xC3(")) == 1007); // no UTF-8
  CHECK(code_after(stream_client::masked(0x81, std::string(20'000, ' '))) == 1009);
  CHECK(code_after(stream_client::masked(0x09, "part of a ping")) == 1002); // fragmented control
  CHECK(code_after(stream_client::masked(0xC1, "{}")) == 1002);             // a reserved bit
  CHECK(code_after(stream_client::masked(0x83, "{}")) == 1002);             // a reserved opcode
  CHECK(code_after(stream_client::masked(0x82, "{}")) == 1003);             // binary
  CHECK(code_after(stream_client::masked(0x88, std::string{"\x03\xE8", 2})) == 1000);
  std::string many;
  for (int i = 0; i < 60; ++i)
    many += stream_client::masked(0x81, "{}");
  CHECK(code_after(many) == 1008);
  raw_client people{w.front.at()};
  CHECK(people.get("/health").status == 200);
}

TEST_CASE("stream: subscriptions by message, and what is wrong with them") {
  net_world w;
  w.node.show(machine_of("default", "T2", 700));
  stream_client client{w.front.at()};
  REQUIRE(status_of(client.upgrade("/api/v1/stream?max_hz=500")) == 101);
  const auto next = [&](const std::string& type) {
    for (auto one = client.next_frame(); one.first == 1; one = client.next_frame())
      if (auto message = json::parse(one.second); message["type"] == type)
        return message;
    return json{};
  };
  CHECK(next("snapshot")["machines"].size() == 2);
  client.send(stream_client::masked(0x81, R"({"id":1,"subscribe":{"machines":["T2"]}})"));
  CHECK(next("subscribed")["id"] == 1);
  CHECK(next("snapshot")["machines"].size() == 1);
  client.send(stream_client::masked(0x81, R"({"id":"x","subscribe":{"speed":5}})"));
  const auto wrong = next("error");
  CHECK(wrong["id"] == "x");
  CHECK(wrong["code"] == "unknown_parameter");
  client.send(stream_client::masked(0x89, "ping"));
  auto pong = client.next_frame();
  for (; pong.first == 1; pong = client.next_frame()) {
  }
  CHECK(pong.first == 10);
  CHECK(pong.second == "ping");
}

TEST_CASE("stream: frames come to those who ask, and nobody else pays") {
  net_world w;
  const auto place = w.node.place_of("default", "T1");
  CHECK_FALSE(place->frames().is_open());
  stream_client client{w.front.at()};
  client.ask("/api/v1/stream?machines=T1&signals=EEC1.*&max_hz=500&frames=pgn:65226");
  (void)client.next_event("snapshot");
  REQUIRE(eventually(patience, [&] { return place->frames().is_open(); }));
  actors::tapped_frames batch;
  batch.first_seq = 41;
  const std::uint8_t bytes[8] = {0x04, 0xFF, 0x6E, 0x00, 0x03, 0x05, 0xFF, 0xFF};
  for (const std::uint32_t id : {0x18FECA00, 0x18FEF100, 0x18FECA21})
    REQUIRE(batch.block.push(stream_time_us, can::pack({.id = id, .extended = true, .length = 8}),
                             bytes));
  place->frames().push(batch);
  const auto frames = client.next_event("frames");
  REQUIRE(frames.data["frames"].size() == 2);
  CHECK(frames.data["frames"][1]["seq"] == 43);
  CHECK(frames.data["frames"][1]["can_id"] == "18FECA21");
  client.socket().close();
  double rpm = 0;
  CHECK(eventually(patience, [&] {
    place->publish(snapshot_of(machine_of("default", "T1", ++rpm))); // a write finds that it left
    return !place->frames().is_open();
  }));
}

TEST_CASE("stream: the numbers of clients are bounded, for a token and for an address") {
  auto config = people_tokens();
  config.stream.token_clients_max = 2;
  config.stream.address_clients_max = 3;
  net_world w{config};
  std::vector<std::unique_ptr<stream_client>> open;
  const auto status = [&](const char* token) {
    open.push_back(std::make_unique<stream_client>(w.front.at()));
    return status_of(open.back()->ask("/api/v1/stream", bearer(token)));
  };
  CHECK(status("v") == 200);
  CHECK(status("v") == 200);
  CHECK(status("v") == 429);
  CHECK(status("h") == 200);
  CHECK(status("n") == 429); // the address
  open.clear();
  CHECK(eventually(patience, [&] { // they are noticed when something is written to them
    w.node.show(machine_of("default", "T1", static_cast<double>(open.size())));
    w.node.show(machine_of("hill", "H1", static_cast<double>(open.size())));
    return status("v") == 200;
  }));
}

TEST_CASE("stream: a client that reads nothing holds nobody up") {
  net_world w;
  // Its receive buffer fills, and then the node's send buffer.
  std::vector<std::unique_ptr<stream_client>> deaf;
  for (int i = 0; i < 20; ++i) {
    deaf.push_back(std::make_unique<stream_client>(w.front.at()));
    const int small = 64 << 10;
    ::setsockopt(deaf.back()->socket().native_handle(), SOL_SOCKET, SO_RCVBUF, &small,
                 sizeof small);
    deaf.back()->ask("/api/v1/stream?max_hz=500");
  }
  stream_client attentive{w.front.at()};
  attentive.ask("/api/v1/stream?max_hz=500&signals=engine_speed_rpm");
  (void)attentive.next_event("snapshot");
  std::atomic<bool> enough = false;
  std::atomic<int> shown = 0;
  std::thread fleet{[&] {
    while (!enough) {
      const int now = ++shown;
      for (int i = 0; i < 200; ++i)
        w.node.show(machine_of("default", "M" + std::to_string(i), now));
      pause_a_little();
    }
  }};
  for (int i = 0; i < 100; ++i)
    CHECK(attentive.next_event("delta").type == "delta");
  raw_client people{w.front.at()};
  CHECK(people.get("/health").status == 200);
  enough = true;
  fleet.join();
  // What it missed comes at its newest value: it reads on, and the last value of each machine arrives.
  std::map<std::string, double> known;
  CHECK(eventually(3 * patience, [&] {
    const auto one = deaf.front()->next_event();
    if (one.data.contains("machines"))
      for (const auto& machine : one.data["machines"])
        if (machine.contains("values") && machine["values"].contains("engine_speed_rpm"))
          known[machine["name"]] = machine["values"]["engine_speed_rpm"]["value"];
    return known.size() == 201 && known["M199"] == shown;
  }));
}

TEST_CASE("stream: python3-websockets reads the stream and subscribes") {
  if (::access("/usr/lib/python3/dist-packages/websockets", R_OK) != 0) {
    MESSAGE("python3-websockets is not installed: skipped");
    return;
  }
  net_world w{people_tokens()};
  std::atomic<bool> enough = false;
  std::thread fleet{[&] {
    for (int i = 0; !enough; ++i) {
      w.node.show(machine_of("default", "T1", i));
      pause_a_little();
    }
  }};
  program python{{"/usr/bin/python3",
                  FURROW_SOURCE_DIR "/tests/tools/furrowd/stream/websocket_client.py",
                  w.front.url("ws") + "/api/v1/stream", "v"},
                 {}};
  const auto result = python.wait();
  enough = true;
  fleet.join();
  CHECK_MESSAGE(result.exit_code == 0, result.errors << result.out);
  CHECK(result.out.find("all is well") != std::string::npos);
}

TEST_CASE("stream: curl reads events") {
  net_world w;
  program curl{{"/usr/bin/curl", "-sN", "--max-time", "2", w.front.url() + "/api/v1/stream"}, {}};
  const auto result = curl.wait();
  CHECK(result.exit_code == 28); // its own limit
  CHECK(result.out.starts_with("event: hello\n"));
  CHECK(result.out.find("event: snapshot\nid: ") != std::string::npos);
}

TEST_CASE("stream: a node that drains says so to its clients") {
  net_world w;
  stream_client socket{w.front.at()};
  REQUIRE(status_of(socket.upgrade("/api/v1/stream")) == 101);
  stream_client events{w.front.at()};
  events.ask("/api/v1/stream");
  (void)events.next_event("snapshot");
  w.front.server().drain();
  CHECK(socket.close_code() == 1001);
  CHECK(events.next_event("end").type == "end");
  stream_client late{w.front.at()};
  CHECK(status_of(late.ask("/api/v1/stream")) == 503);
  CHECK(w.front.stop());
}

TEST_CASE("stream: a client whose rights end is disconnected") {
  live_node node;
  node.show(machine_of("default", "T1", 900));
  boost::asio::io_context io;
  auto work = boost::asio::make_work_guard(io);
  std::atomic<bool> valid = true;
  auto stream = std::make_shared<http::live_stream>(
    io,
    http::live_stream::settings{
      "n1", "1", {}, [&](const daemon::credential& who) { return valid || who.name != "revoked"; }},
    http::live_stream::sources{node, node.own_files, nullptr, node.database});
  std::thread thread{[&] { io.run(); }};
  const auto join = [&](const std::string& token) {
    daemon::credential who{"default", daemon::role::viewer, {}, false};
    who.name = token;
    http::subscription wanted;
    wanted.farm = "default";
    auto made = stream->join(wanted, {who, token}, "10.0.0.1", http::stream_form::websocket);
    REQUIRE(std::holds_alternative<std::shared_ptr<http::stream_seat>>(made));
    return std::get<std::shared_ptr<http::stream_seat>>(made);
  };
  const auto one = join("revoked");
  const auto other = join("kept");
  valid = false;
  http::stream_message last;
  CHECK(eventually(patience, [&] {
    last = stream->next(*one);
    return last.ended;
  }));
  CHECK(last.code == 1008);
  CHECK_FALSE(stream->next(*other).ended);
  stream->leave(one);
  stream->leave(other);
  stream->stop();
  work.reset();
  io.stop();
  thread.join();
}
