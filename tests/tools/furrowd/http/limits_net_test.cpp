/// The HTTP front against clients that send too much, too slowly, too often or not at all.
#include "tests/support/http_front.hpp"
#include "tests/tools/furrowd/http/tokens.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

struct limits_world {
  explicit limits_world(http::http_config config = {})
    : front{(furnish(node), node), std::move(config)} {}
  fake_node node;
  http_front front;
};

template <class Condition>
bool soon(Condition holds) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::yield();
  }
  return true;
}

std::size_t resident_bytes() {
  std::ifstream statm{"/proc/self/statm"};
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * 4096;
}

} // namespace

TEST_CASE("http limits: a header that is too large is rejected, and the connection closes") {
  limits_world w;
  raw_client client{w.front.at()};
  CHECK(client.get("/health", "X-Filler: " + std::string(15'000, 'x') + "\r\n").status == 200);
  client.send("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Filler: " + std::string(20'000, 'x')
              + "\r\n\r\n");
  const auto answer = client.read();
  CHECK(answer.status == 431);
  CHECK(answer.body.find("header_too_large") != std::string::npos);
  CHECK(client.closed());
}

TEST_CASE("http limits: a body that is too large is rejected before it is read, announced or not") {
  limits_world w;
  raw_client announced{w.front.at()};
  announced.send("POST /api/v1/db/migrate HTTP/1.1\r\nHost: localhost\r\n"
                 "Content-Length: 99999999999\r\n\r\n");
  CHECK(announced.read().status == 413);
  CHECK(announced.closed());
  raw_client chunked{w.front.at()};
  chunked.send("POST /api/v1/db/migrate HTTP/1.1\r\nHost: localhost\r\n"
               "Transfer-Encoding: chunked\r\n\r\n");
  std::string chunk = "40000\r\n" + std::string(0x40000, 'x') + "\r\n";
  for (int i = 0; i < 5; ++i)
    chunked.send(chunk);
  CHECK(chunked.read().status == 413);
  CHECK_FALSE(w.node.database.migrations[1].applied);
  raw_client fitting{w.front.at()};
  CHECK(fitting.post("/api/v1/db/migrate", "", std::string(1U << 20U, 'x')).status == 200);
}

TEST_CASE(
  "http limits: a route with a larger limit takes it from those who may ask, and from nobody "
  "else") {
  limits_world w{with_tokens({{"a", "role = \"admin\""}, {"v", "role = \"viewer\""}})};
  const auto head = [](const std::string& target, const std::string& more) {
    return "POST " + target + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n";
  };
  const std::string dbc = "/api/v1/dbc?name=a.dbc";
  const std::string announced = "Content-Length: 2097152\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const auto answered_early = [&](const std::string& request, int status) {
    raw_client client{w.front.at()};
    client.send(request); // no byte of the body
    CHECK(client.read().status == status);
    CHECK(client.closed());
  };
  answered_early(head(dbc, announced), 401);
  answered_early(head(dbc, chunked), 401);
  answered_early(head(dbc, announced + bearer("wrong")), 401);
  answered_early(head(dbc, announced + bearer("v")), 403);
  answered_early(head("/api/v1/records?equipment=T1", announced + bearer("a")), 413);
  answered_early(head(dbc, "Content-Length: 33554433\r\n" + bearer("a")), 413);
  raw_client too_long{w.front.at()};
  too_long.send(head("/api/v1/records?equipment=T1", chunked + bearer("a")));
  const std::string chunk = "40000\r\n" + std::string(0x40000, 'x') + "\r\n";
  for (int i = 0; i < 5; ++i)
    too_long.send(chunk);
  CHECK(too_long.read().status == 413);
  // The fake keeps no DBC files: it says so after it has read the body.
  raw_client fitting{w.front.at()};
  CHECK(fitting.post(dbc, bearer("a"), std::string(2U << 20U, 'x')).status == 501);
  fitting.send(head(dbc, chunked + bearer("a")));
  for (int i = 0; i < 8; ++i)
    fitting.send(chunk);
  fitting.send("0\r\n\r\n");
  CHECK(fitting.read().status == 501);
}

TEST_CASE(
  "http limits: only a few large bodies are held at once; small ones do not wait for them") {
  http::http_config config;
  config.large_bodies_max = 1;
  config.turn_wait = 100ms;
  limits_world w{config};
  const std::string begin = "POST /api/v1/dbc?name=a.dbc HTTP/1.1\r\nHost: localhost\r\n"
                            "Content-Length: 2097152\r\nExpect: 100-continue\r\n\r\n";
  auto first = std::make_unique<raw_client>(w.front.at());
  first->send(begin);
  CHECK(first->read().status == 100); // and sends nothing
  raw_client second{w.front.at()};
  second.send(begin);
  CHECK(second.read().status == 503);
  CHECK(second.closed());
  raw_client small{w.front.at()};
  CHECK(small.post("/api/v1/dbc?name=a.dbc", "", "x").status == 501);
  first.reset();
  CHECK(soon([&] {
    raw_client next{w.front.at()};
    next.send(begin);
    return next.read().status == 100;
  }));
}

TEST_CASE("http limits: the body of a rejected request is not read, and 100-continue asks for an "
          "accepted one") {
  limits_world w;
  raw_client refused{w.front.at()};
  refused.send("POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n");
  CHECK(refused.read().status == 404); // before the body came
  CHECK(refused.closed());
  raw_client waiting{w.front.at()};
  waiting.send("POST /api/v1/db/migrate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
               "Expect: 100-continue\r\n\r\n");
  CHECK(waiting.read().status == 100);
  waiting.send("{}");
  CHECK(waiting.read().status == 200);
}

TEST_CASE("http limits: a request that is not HTTP gets an error, and the connection closes") {
  limits_world w;
  for (const auto& bad : {std::string{"hello\r\n\r\n"}, std::string(64, '\xFF') + "\r\n\r\n",
                          std::string{"GET /health HTTP/3.7\r\n\r\n"},
                          std::string{"GET /health HTTP/1.1\r\nHost localhost\r\n\r\n"},
                          std::string{"GET /health HTTP/1.1\r\nContent-Length: -1\r\n\r\n"}}) {
    raw_client client{w.front.at()};
    client.send(bad);
    CHECK_MESSAGE(client.read().status == 400, bad);
    CHECK(client.closed());
  }
  raw_client client{w.front.at()};
  CHECK(client.get("/health").status == 200);
}

TEST_CASE("http limits: a client that sends its header too slowly, or nothing, is disconnected") {
  http::http_config config;
  config.header_timeout = 200ms;
  config.idle_timeout = 300ms;
  limits_world w{config};
  raw_client silent{w.front.at()};
  raw_client slow{w.front.at()};
  raw_client idle{w.front.at()};
  CHECK(idle.get("/health").status == 200);
  slow.send("GET /health HTTP/1.1\r\n");
  CHECK(silent.closed());
  CHECK(idle.closed());
  // A byte now and then does not buy time.
  CHECK(soon([&] { return !slow.send("X"); }));
}

TEST_CASE("http limits: when every connection works, a new one gets 503, and health all the same") {
  http::http_config config;
  config.connections = {2, 1};
  limits_world w{config};
  w.node.database.frame_count = 1'000'000;
  auto first = std::make_unique<raw_client>(w.front.at());
  raw_client second{w.front.at()};
  for (auto* client : {first.get(), &second}) {
    client->send("GET /api/v1/frames?equipment=T1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    REQUIRE(client->drain(1'000) >= 1'000);
  }
  for (const char* target : {"/api/v1/equipment", "/metrics", "/nothing"}) {
    raw_client third{w.front.at()};
    const auto answer = third.get(target);
    CHECK(answer.status == 503);
    CHECK(answer.body.find("too_many_connections") != std::string::npos);
    CHECK(third.closed());
  }
  raw_client silent{w.front.at()}; // holds the reserved place, until somebody else comes
  for (const char* target : {"/health", "/ready"}) {
    raw_client probe{w.front.at()};
    CHECK(probe.get(target).status == 200);
    CHECK(probe.closed());
  }
  CHECK(silent.closed());
  first.reset();
  CHECK(soon([&] { return raw_client{w.front.at()}.get("/metrics").status == 200; }));
}

TEST_CASE("http limits: at the limit an idle connection gives way, and one that works does not") {
  http::http_config config;
  config.connections = {2, 1};
  limits_world w{config};
  w.node.database.frame_count = 1'000'000;
  raw_client busy{w.front.at()};
  busy.send("GET /api/v1/frames?equipment=T1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  REQUIRE(busy.drain(1'000) >= 1'000);
  raw_client idle{w.front.at()};
  CHECK(idle.get("/health").status == 200);
  // The server may still be about to note that the other one is idle.
  std::string metrics;
  CHECK(soon([&] {
    const auto answer = raw_client{w.front.at()}.get("/metrics");
    metrics = answer.body;
    return answer.status == 200;
  }));
  CHECK(metrics.find("furrow_http_connections_gave_way_total 0\n") == std::string::npos);
  CHECK(idle.get("/health").status == 0);
  CHECK(busy.drain(10U << 20U) >= 10U << 20U);
}

TEST_CASE("http limits: an address that holds its share gets 429, and another one is served") {
  http::http_config config;
  config.connections = {8, 4, 2};
  limits_world w{config};
  w.node.database.frame_count = 1'000'000;
  std::vector<std::unique_ptr<raw_client>> held;
  for (int i = 0; i < 2; ++i) {
    held.push_back(std::make_unique<raw_client>(w.front.at()));
    held.back()->send("GET /api/v1/frames?equipment=T1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    REQUIRE(held.back()->drain(1'000) >= 1'000);
  }
  raw_client third{w.front.at()};
  const auto refused = third.get("/api/v1/equipment");
  CHECK(refused.status == 429);
  CHECK(refused.headers.at("retry-after") == "1");
  CHECK(refused.body.find("--http-connections-per-address") != std::string::npos);
  CHECK(third.closed());
  for (const char* target : {"/health", "/ready"})
    CHECK(raw_client{w.front.at()}.get(target).status == 200);
  raw_client other{w.front.at(), "127.0.0.2"};
  CHECK(other.get("/api/v1/equipment").status == 200);
  CHECK(other.get("/metrics").body.find("furrow_http_address_refused_total 1\n")
        != std::string::npos);
  held.pop_back();
  CHECK(soon([&] { return raw_client{w.front.at()}.get("/api/v1/equipment").status == 200; }));
}

TEST_CASE("http limits: an address closes its own idle connection, not that of another address") {
  http::http_config config;
  config.connections = {8, 1, 2};
  limits_world w{config};
  raw_client other{w.front.at(), "127.0.0.2"};
  CHECK(other.get("/health").status == 200);
  raw_client first{w.front.at()};
  CHECK(first.get("/health").status == 200);
  raw_client second{w.front.at()};
  CHECK(second.get("/health").status == 200);
  CHECK(soon([&] { return raw_client{w.front.at()}.get("/metrics").status == 200; }));
  CHECK(first.closed());
  CHECK(other.get("/health").status == 200);
}

TEST_CASE("http limits: a token has so many requests in progress, and others do not wait for it") {
  auto config = with_tokens({{"v", "role = \"viewer\""}, {"n", "role = \"viewer\"\nfarm = \"*\""}});
  config.token_requests_max = 1;
  limits_world w{std::move(config)};
  w.node.database.frame_count = 1'000'000;
  auto reader = std::make_unique<raw_client>(w.front.at());
  reader->send("GET /api/v1/frames?equipment=T1 HTTP/1.1\r\nHost: localhost\r\n" + bearer("v")
               + "\r\n");
  REQUIRE(reader->drain(1'000) >= 1'000);
  raw_client client{w.front.at()};
  const auto refused = client.get("/api/v1/equipment", bearer("v"));
  CHECK(refused.status == 429);
  CHECK(refused.headers.at("retry-after") == "1");
  CHECK(refused.body.find("--http-requests-per-token") != std::string::npos);
  CHECK(client.get("/api/v1/equipment", bearer("n")).status == 200); // on the same connection
  CHECK(client.get("/metrics", bearer("n")).body.find("furrow_http_token_refused_total 1\n")
        != std::string::npos);
  CHECK(client.get("/health").status == 200);
  raw_client watcher{w.front.at()}; // the live stream counts its clients itself
  watcher.send("GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n" + bearer("v") + "\r\n");
  CHECK(watcher.drain(100) >= 100);
  reader.reset();
  CHECK(soon([&] { return client.get("/api/v1/equipment", bearer("v")).status == 200; }));
}

TEST_CASE("http limits: clients that connect and say nothing keep nobody out") {
  http::http_config config;
  config.connections = {50, 4};
  limits_world w{config};
  std::vector<std::unique_ptr<raw_client>> silent;
  for (int i = 0; i < 100; ++i)
    silent.push_back(std::make_unique<raw_client>(w.front.at()));
  for (const char* target : {"/health", "/ready", "/api/v1/equipment"})
    CHECK(raw_client{w.front.at()}.get(target).status == 200);
}

TEST_CASE("http limits: a million frames are streamed in the memory of a page") {
  limits_world w;
  auto& store = w.node.database;
  store.frame_count = 1'000'000;
  raw_client client{w.front.at()};
  CHECK(client.get("/api/v1/frames?equipment=T2&to=-infinity").complete); // warm
  const auto pages_before = store.pages.load();
  CHECK(pages_before == 125);
  const auto before = resident_bytes();
  auto most = before;

  const int small = 64 << 10;
  raw_client reader{w.front.at()};
  ::setsockopt(reader.socket().native_handle(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  reader.send("GET /api/v1/frames?equipment=T1 HTTP/1.1\r\nHost: localhost\r\n"
              "Connection: close\r\n\r\n");
  std::size_t got = reader.drain(1U << 20U);
  // Back-pressure: the node does not read pages that the client does not take (kernel buffers hold a few MiB).
  CHECK(store.pages - pages_before < 60);
  CHECK(raw_client{w.front.at()}.get("/health").status == 200);
  for (std::size_t more = 1; more > 0; got += more) {
    more = reader.drain(1U << 20U);
    most = std::max(most, resident_bytes());
  }
  // Each pair of lines: 48 + 36 bytes; chunk headers come on top.
  CHECK(got > 500'000U * 84U);
  CHECK(store.pages - pages_before == 125);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(most - before < (32U << 20U));
#endif
}

TEST_CASE("http limits: frame streams are limited, and an ended stream frees its place") {
  http::http_config config;
  config.streams_max = 1;
  config.stream_wait = 100ms;
  limits_world w{config};
  w.node.database.frame_count = 1'000'000;
  auto reader = std::make_unique<raw_client>(w.front.at());
  reader->send("GET /api/v1/frames?equipment=T1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(reader->drain(1'000) >= 1'000);
  raw_client second{w.front.at()};
  const auto answer = second.get("/api/v1/frames?equipment=T2");
  CHECK(answer.status == 429);
  CHECK(answer.headers.at("retry-after") == "1");
  reader.reset();
  w.node.database.frame_count = 3;
  CHECK(soon([&] { return second.get("/api/v1/frames?equipment=T2").status == 200; }));
  CHECK(second.get("/api/v1/frames?equipment=nobody").status == 404);
  CHECK(second.get("/api/v1/frames?equipment=T2").status == 200);
}

TEST_CASE("http limits: a stream whose rest cannot be read is aborted, not ended") {
  limits_world w;
  w.node.database.frame_count = 100'000;
  w.node.database.pages_max = 3;
  raw_client client{w.front.at()};
  const auto answer = client.get("/api/v1/frames?equipment=T1");
  CHECK(answer.status == 200);
  CHECK_FALSE(answer.complete);
  CHECK(std::count(answer.body.begin(), answer.body.end(), '\n') == 24'000);
}

TEST_CASE("http limits: a stream outlives a short absence of the database") {
  limits_world w;
  w.node.database.frame_count = 1'000'000;
  const int small = 64 << 10;
  raw_client client{w.front.at()};
  ::setsockopt(client.socket().native_handle(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  client.send("GET /api/v1/frames?equipment=T1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::thread back{[&] {
    CHECK(soon([&] { return w.node.database.refused > 0; }));
    w.node.database.away = false;
  }};
  // The client has not read, so the node cannot have sent all of the first page.
  CHECK(soon([&] { return w.node.database.pages > 0; }));
  w.node.database.away = true;
  const auto answer = client.read();
  back.join();
  CHECK(answer.complete);
  CHECK(std::count(answer.body.begin(), answer.body.end(), '\n') == 1'000'000);
}

TEST_CASE("http limits: stopping ends idle, streaming and waiting connections at once") {
  limits_world w;
  w.node.database.frame_count = 1'000'000;
  raw_client idle{w.front.at()};
  CHECK(idle.get("/health").status == 200);
  raw_client streaming{w.front.at()};
  streaming.send("GET /api/v1/frames?equipment=T1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(streaming.drain(1'000) >= 1'000);
  w.node.database.silent = true;
  raw_client waiting{w.front.at()};
  waiting.send("GET /api/v1/ledger HTTP/1.1\r\nHost: localhost\r\n\r\n");
  raw_client silent{w.front.at()};
  CHECK(soon([&] { return w.node.database.unanswered > 0; }));
  CHECK(w.front.stop(5s));
  CHECK(idle.closed());
  CHECK(waiting.closed());
}

TEST_CASE("http limits: an address in use and an unknown host name are clear errors") {
  limits_world w;
  boost::asio::io_context io;
  http::http_config config;
  config.port = w.front.at().port();
  const auto taken = http::http_server{io, config, w.node.parts()}.start();
  REQUIRE_FALSE(taken.has_value());
  CHECK(taken.error().detail
        == "cannot listen for HTTP on 127.0.0.1:" + std::to_string(config.port)
             + ": Address already in use");
  config.address = "no.such.name.invalid";
  const auto nowhere = http::http_server{io, config, w.node.parts()}.start();
  REQUIRE_FALSE(nowhere.has_value());
  CHECK(nowhere.error().detail.starts_with("cannot listen for HTTP on no.such.name.invalid:"));
}
