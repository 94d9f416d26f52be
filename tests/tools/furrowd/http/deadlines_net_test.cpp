/// The HTTP front against clients that are slow on purpose: a request must come, and be answered, in time.
#include "tests/support/certificate.hpp"
#include "tests/support/http_front.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

using clock_type = std::chrono::steady_clock;

struct slow_world {
  explicit slow_world(http::http_config config) : front{(furnish(node), node), std::move(config)} {}
  fake_node node;
  http_front front;
};

/// Sends a byte every 20 ms until the server stops taking them, or for 10 s.
class dribble {
public:
  explicit dribble(raw_client& client)
    : thread_{[this, &client] {
        const auto end = clock_type::now() + 10s;
        while (!ended_ && clock_type::now() < end && client.send("x"))
          std::this_thread::sleep_for(20ms);
      }} {}
  ~dribble() {
    ended_ = true;
    thread_.join();
  }
  dribble(const dribble&) = delete;
  dribble& operator=(const dribble&) = delete;

private:
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

const std::string post_head =
  "POST /api/v1/db/migrate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n";

void expect_too_late(raw_client& client) {
  const auto answer = client.read();
  CHECK(answer.status == 408);
  CHECK(answer.body.find("\"request_timeout\"") != std::string::npos);
  CHECK(answer.headers.at("connection") == "close");
  CHECK(client.closed());
}

} // namespace

TEST_CASE("http deadlines: a body of a byte now and then gets 408, and no neighbour waits for it") {
  http::http_config config;
  config.body_timeout = 3s;
  slow_world w{config};
  raw_client slow{w.front.at()};
  const auto begun = clock_type::now();
  slow.send(post_head);
  auto slowest = clock_type::duration::zero();
  {
    const dribble bytes{slow};
    raw_client neighbour{w.front.at()};
    while (clock_type::now() - begun < 2s) {
      const auto asked = clock_type::now();
      CHECK(neighbour.get("/health").status == 200);
      slowest = std::max(slowest, clock_type::now() - asked);
    }
    expect_too_late(slow);
  }
  CHECK(clock_type::now() - begun >= 2'900ms);
  CHECK(slowest < 2s); // the neighbour waits for no deadline of the slow one
  CHECK_FALSE(w.node.database.migrations[1].applied);
}

TEST_CASE("http deadlines: a header of a byte now and then gets 408") {
  http::http_config config;
  config.header_timeout = 1s;
  slow_world w{config};
  raw_client slow{w.front.at()};
  slow.send("GET /health HTTP/1.1\r\nX-Filler: ");
  const dribble bytes{slow};
  expect_too_late(slow);
}

TEST_CASE("http deadlines: header and body together have a deadline, though each keeps its own") {
  http::http_config config;
  config.request_timeout = 4s;
  slow_world w{config};
  raw_client header{w.front.at()};
  header.send("GET /health HTTP/1.1\r\nX-Filler: ");
  {
    const dribble bytes{header};
    expect_too_late(header);
  }
  raw_client body{w.front.at()};
  body.send(post_head.substr(0, 20));
  std::this_thread::sleep_for(3s);
  body.send(post_head.substr(20));
  const auto begun = clock_type::now();
  const dribble bytes{body};
  expect_too_late(body);
  CHECK(clock_type::now() - begun < 3'500ms); // what the header took is gone
}

TEST_CASE("http deadlines: a request whose answer does not come ends with the deadline") {
  http::http_config config;
  config.request_timeout = 400ms;
  slow_world w{config};
  w.node.database.silent = true;
  raw_client client{w.front.at()};
  const auto begun = clock_type::now();
  CHECK(client.get("/api/v1/ledger").status == 0);
  const auto took = clock_type::now() - begun;
  CHECK(took >= 350ms);
  CHECK(took < 5s); // the store is asked for 10 s
  w.node.database.silent = false;
  CHECK(raw_client{w.front.at()}.get("/api/v1/ledger").status == 200);
}

TEST_CASE("http deadlines: an answer that streams may last, and so may a connection") {
  http::http_config config;
  config.request_timeout = 300ms;
  slow_world w{config};
  w.node.database.frame_count = 500'000;
  raw_client client{w.front.at()};
  const int small = 64 << 10;
  ::setsockopt(client.socket().native_handle(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  client.send("GET /api/v1/frames?equipment=T1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::this_thread::sleep_for(700ms); // most of it is still to be made
  const auto answer = client.read();
  CHECK(answer.complete);
  CHECK(std::count(answer.body.begin(), answer.body.end(), '\n') == 500'000);
  std::this_thread::sleep_for(400ms);
  CHECK(client.get("/health").status == 200);
}

TEST_CASE("http deadlines: over TLS a slow body gets 408 as well") {
  namespace ssl = boost::asio::ssl;
  const certificate made;
  http::http_config config;
  config.body_timeout = 300ms;
  const auto tls = daemon::server_tls({made.cert, made.key, ""});
  REQUIRE(tls);
  config.tls = *tls;
  slow_world w{config};
  boost::asio::io_context io;
  ssl::context context{ssl::context::tls_client};
  context.load_verify_file(made.cert);
  ssl::stream<boost::asio::ip::tcp::socket> stream{io, context};
  stream.next_layer().connect(w.front.at());
  const timeval limit{20, 0};
  ::setsockopt(stream.next_layer().native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  stream.handshake(ssl::stream_base::client);
  boost::asio::write(stream, boost::asio::buffer(post_head + "half"));
  std::string answer;
  boost::system::error_code error;
  boost::asio::read_until(stream, boost::asio::dynamic_buffer(answer), "request_timeout", error);
  CHECK_FALSE(error);
  CHECK(answer.starts_with("HTTP/1.1 408 "));
}
