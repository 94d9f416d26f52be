/// The HTTP front against clients that want to be misunderstood: headers that two programs read differently, and guessed
/// tokens.
#include "tests/support/http_front.hpp"
#include "tests/tools/furrowd/http/tokens.hpp"
#include "tools/furrowd/access/failed_attempts.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

struct hostile_world {
  explicit hostile_world(http::http_config config = {})
    : front{(furnish(node), node), std::move(config)} {}
  fake_node node;
  http_front front;
};

/// The status of the first answer; the connection must then end without a second one.
int only_answer(hostile_world& w, const std::string& text) {
  raw_client client{w.front.at()};
  client.send(text);
  const auto first = client.read();
  CHECK_MESSAGE(client.read().status == 0, text);
  return first.status;
}

} // namespace

TEST_CASE("http hostile: a transfer coding other than chunked ends the connection") {
  hostile_world w;
  const std::string inner = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (const std::string coding : {"xchunked", "chunkedx", "gzip", "gzip, chunked", "identity",
                                   "chunked, chunked", "\"chunked\"", "chunked;q=1", "",
                                   "\x0b"
                                   "chunked"}) {
    const auto text = "POST /api/v1/db/migrate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
                      + coding + "\r\n\r\n0\r\n\r\n" + inner;
    const auto status = only_answer(w, text);
    CHECK_MESSAGE((status == 501 || status == 400), coding);
  }
  CHECK_FALSE(w.node.database.migrations[1].applied);
}

TEST_CASE("http hostile: a body whose length is said twice ends the connection") {
  hostile_world w;
  const std::string head = "POST /api/v1/db/migrate HTTP/1.1\r\nHost: localhost\r\n";
  const std::string inner = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (const std::string fields :
       {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: xchunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n", "Content-Length : 5\r\n", "Transfer-Encoding : chunked\r\n"}) {
    const auto status = only_answer(w, head + fields + "\r\n0\r\n\r\n" + inner);
    CHECK_MESSAGE((status == 400 || status == 501), fields);
  }
  CHECK(only_answer(w, "POST /api/v1/db/migrate HTTP/1.0\r\nHost: localhost\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                         + inner)
        == 400);
  CHECK_FALSE(w.node.database.migrations[1].applied);
}

TEST_CASE("http hostile: a request names its host once") {
  hostile_world w;
  CHECK(only_answer(w, "GET /health HTTP/1.1\r\n\r\n") == 400);
  CHECK(only_answer(w, "GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n")
        == 400);
  CHECK(only_answer(w, "GET /health HTTP/1.1\r\nHost: localhost\r\nhost: evil\r\n\r\n") == 400);
  CHECK(only_answer(w, "GET /health HTTP/1.0\r\nHost: localhost\r\nHost: localhost\r\n\r\n")
        == 400);
  CHECK(only_answer(w, "GET /health HTTP/1.0\r\n\r\n") == 200);
}

TEST_CASE(
  "http hostile: garbage behind a request does not touch its answer, and ends the connection") {
  hostile_world w;
  const std::string good = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (const auto& garbage :
       {std::string{"\x16\x03\x01 garbage\r\n\r\n"}, std::string(64, '\xFF') + "\r\n\r\n",
        std::string{"\0\0\0\0\r\n\r\n", 8}, std::string{"GET\r\n\r\n"},
        std::string{"GET /health HTTP/1.1\r\nHost localhost\r\n\r\n"}}) {
    raw_client client{w.front.at()};
    client.send(good + good + garbage + good);
    for (int i = 0; i < 2; ++i)
      CHECK(client.read().status == 200);
    CHECK_MESSAGE(client.read().status == 400, garbage);
    CHECK(client.closed()); // what follows is no request
  }
  CHECK(only_answer(w, "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        == 200);
}

TEST_CASE("http hostile: two tokens in one request are none") {
  hostile_world w{with_tokens({{"v", "role = \"viewer\""}})};
  CHECK(only_answer(w, "GET /api/v1/ledger HTTP/1.1\r\nHost: localhost\r\n" + bearer("v")
                         + bearer("w") + "\r\n")
        == 400);
}

TEST_CASE("http hostile: a client that guesses tokens waits, the right token does not") {
  hostile_world w{
    with_tokens({{"v", "role = \"viewer\""}, {"n", "role = \"viewer\"\nfarm = \"*\""}})};
  raw_client guesser{w.front.at()};
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 6; ++i)
    CHECK(guesser.get("/api/v1/ledger", bearer("guess " + std::to_string(i))).status == 401);
  CHECK(std::chrono::steady_clock::now() - begun >= 700ms); // 100, 200 and 400 ms
  raw_client client{w.front.at()};
  const auto asked = std::chrono::steady_clock::now();
  CHECK(client.get("/api/v1/ledger", bearer("v")).status == 200);
  CHECK(client.get("/api/v1/ledger").status == 401); // no token is no guess
  CHECK(client.get("/metrics", bearer("n")).body.find("furrow_http_wrong_tokens_total 6\n")
        != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - asked < 1s);
}

TEST_CASE("wrong tokens: waits double up to a limit, and an address is forgotten after a minute") {
  daemon::failed_attempts seen;
  daemon::failed_attempts::clock::time_point now;
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 12; ++i)
    waits.push_back(seen.note("a", now += 1s).wait.count());
  CHECK(
    waits
    == std::vector<std::int64_t>{0, 0, 0, 100, 200, 400, 800, 1'600, 3'000, 3'000, 3'000, 3'000});
  CHECK(seen.note("b", now).wait.count() == 0);
  CHECK(seen.note("a", now += 59s).wait.count() == 3'000);
  CHECK(seen.note("a", now += 60s).wait.count() == 0);
}

TEST_CASE("wrong tokens: the log gets a line now and then, with the count of all") {
  daemon::failed_attempts seen;
  daemon::failed_attempts::clock::time_point now;
  CHECK(seen.note("a", now).tell == 1);
  for (int i = 0; i < 5'000; ++i) // more addresses than are kept
    CHECK_FALSE(seen.note(std::to_string(i), now).tell);
  CHECK(seen.note("a", now += daemon::failed_attempts::told_every).tell == 5'001);
}

TEST_CASE("failed attempts: a key may try again when its wait is over, or when it was right") {
  daemon::failed_attempts seen{{2, 1s, 8s, 60s}};
  daemon::failed_attempts::clock::time_point now;
  for (int i = 0; i < 2; ++i)
    CHECK(seen.note("anna", now).wait == 0s);
  CHECK(seen.wait_of("anna", now) == 0s);
  CHECK(seen.note("anna", now).wait == 1s);
  CHECK(seen.wait_of("anna", now) == 1s);
  CHECK(seen.wait_of("eva", now) == 0s);
  CHECK(seen.wait_of("anna", now + 1s) == 0s);
  for (int i = 0; i < 200; ++i)
    (void)seen.note("anna", now);
  CHECK(seen.wait_of("anna", now) == 8s);
  CHECK(seen.wait_of("anna", now + 60s) == 0s); // forgotten
  seen.forgive("anna");
  CHECK(seen.wait_of("anna", now) == 0s);
}
