// Summaries among nodes by a real Redis: shared, and right when it is away, killed, slow, or lies.
#include "tests/support/eventually.hpp"
#include "tests/support/http_front.hpp"
#include "tests/support/scratch_folder.hpp"
#include "tests/tools/child_process.hpp"
#include "tools/furrowd/cache/summary_cache.hpp"

#include <doctest/doctest.h>

#include <filesystem>

#include <boost/asio/read_until.hpp>
#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr const char* redis_program = "/usr/bin/redis-server";

bool redis_is_here() {
  if (std::filesystem::exists(redis_program))
    return true;
  MESSAGE("not here, so not tested: " << redis_program);
  return false;
}

std::uint16_t free_port() {
  asio::io_context io;
  return tcp::acceptor{io, {asio::ip::address_v4::loopback(), 0}}.local_endpoint().port();
}

/// A Redis of the test's own; `kill` and `start` on the same port.
class redis_server {
public:
  redis_server() { start(); }
  void start() {
    program_.emplace(redis_program,
                     std::vector<std::string>{"--port", std::to_string(port), "--bind", "127.0.0.1",
                                              "--save", "", "--appendonly", "no", "--dir",
                                              folder_.file(""), "--requirepass", "secret"},
                     folder_.file("log"));
    REQUIRE(eventually(20s, [this] {
      asio::io_context io;
      tcp::socket socket{io};
      boost::system::error_code error;
      socket.connect({asio::ip::address_v4::loopback(), port}, error);
      return !error;
    }));
  }
  void kill() { program_.reset(); }
  [[nodiscard]] std::string url() const {
    return "redis://:secret@127.0.0.1:" + std::to_string(port) + "/2";
  }
  const std::uint16_t port = free_port();

private:
  scratch_folder folder_;
  std::optional<child_process> program_;
};

http::http_config config_with(const std::string& url) {
  http::http_config config;
  config.cache.ttl = 1h;
  config.redis = *http::parse_redis_url(url);
  config.redis->command_limit = 5s; // no test of how fast this machine is
  config.redis->connect_limit = 5s;
  config.redis->pause_first = config.redis->pause_max = 1ms;
  return config;
}

struct redis_world {
  explicit redis_world(http::http_config config)
    : front{(furnish(node), node), std::move(config)} {}
  std::uint64_t lost() { return ledger().at(0).at("lost").get<std::uint64_t>(); }
  nlohmann::json ledger() {
    return nlohmann::json::parse(client.get("/api/v1/ledger").body).at("ledger");
  }
  double metric(const std::string& name) {
    const auto text = client.get("/metrics").body;
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }
  fake_node node;
  http_front front;
  raw_client client{front.at()};
};

/// Answers every command with what it is told; or says nothing.
class lying_server {
public:
  explicit lying_server(std::string reply)
    : reply_{std::move(reply)}, thread_{[this] { serve(); }} {}
  ~lying_server() {
    boost::system::error_code ignored;
    stopping_ = true;
    {
      tcp::socket waker{io_};
      waker.connect(acceptor_.local_endpoint(), ignored);
    }
    thread_.join();
    for (auto& one : sockets_)
      one->shutdown(tcp::socket::shutdown_both, ignored);
    for (auto& one : threads_)
      one.join();
  }
  lying_server(const lying_server&) = delete;
  lying_server& operator=(const lying_server&) = delete;
  [[nodiscard]] std::string url() const {
    return "redis://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }

private:
  void serve() {
    while (!stopping_) {
      auto socket = std::make_shared<tcp::socket>(io_);
      boost::system::error_code error;
      acceptor_.accept(*socket, error);
      sockets_.push_back(socket);
      threads_.emplace_back([this, socket] { answer(*socket); });
    }
  }
  void answer(tcp::socket& socket) const {
    char bytes[65'536];
    boost::system::error_code error;
    while (socket.read_some(asio::buffer(bytes), error) != 0 && !error)
      if (!reply_.empty())
        asio::write(socket, asio::buffer(reply_), error);
  }

  const std::string reply_;
  asio::io_context io_;
  tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::atomic<bool> stopping_{false};
  std::vector<std::shared_ptr<tcp::socket>> sockets_;
  std::vector<std::thread> threads_;
  std::thread thread_;
};

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
           std::chrono::system_clock::now().time_since_epoch())
    .count();
}

} // namespace

TEST_CASE("cache: answers of one node are cached, and dropped after a change") {
  http::http_config config;
  config.cache.ttl = 1h;
  redis_world w{config};
  CHECK(w.lost() == 0);
  w.node.database.rows[0].lost = 5;
  CHECK(w.lost() == 0);
  CHECK(w.metric("furrow_cache_hits_total") == 1);
  CHECK(w.metric("furrow_cache_misses_total") == 1);
  CHECK(w.metric("furrow_cache_entries") == 1);
  CHECK(w.metric("furrow_cache_redis_up") == -1);
  // Of one machine nothing is kept.
  CHECK(nlohmann::json::parse(w.client.get("/api/v1/ledger?equipment=T1").body)["ledger"][0]["lost"]
        == 5);
  w.client.post("/api/v1/actors/3/kill");
  CHECK(w.lost() == 5);
  w.node.database.rows[0].lost = 6;
  CHECK(w.lost() == 5);
  w.node.figures.items_quarantined += 1;
  CHECK(w.lost() == 6);
  // The machine list: stored data may be cached, live data is not.
  CHECK(nlohmann::json::parse(w.client.get("/api/v1/equipment").body)["equipment"].size() == 2);
  w.node.database.equipment.push_back({"default", "T3", std::nullopt, 1, 0, std::nullopt});
  CHECK(nlohmann::json::parse(w.client.get("/api/v1/equipment").body)["equipment"].size() == 2);
  auto live = w.node.live.front();
  live.equipment = "T4";
  w.node.live.push_back(live);
  CHECK(nlohmann::json::parse(w.client.get("/api/v1/equipment").body)["equipment"].size() == 3);
}

TEST_CASE("cache: a failure of the database is not cached") {
  http::http_config config;
  config.cache.ttl = 1h;
  redis_world w{config};
  w.node.database.away = true;
  CHECK(w.client.get("/api/v1/ledger").status == 503);
  w.node.database.away = false;
  CHECK(w.client.get("/api/v1/ledger").status == 200);
}

TEST_CASE("redis: nodes share answers, and a change on one node drops them for all") {
  if (!redis_is_here())
    return;
  redis_server redis;
  redis_world first{config_with(redis.url())};
  redis_world second{config_with(redis.url())};
  second.node.database.rows[0].lost = 9; // only its own database would say so
  CHECK(first.lost() == 0);
  CHECK(eventually(20s, [&] { return first.metric("furrow_cache_redis_up") == 1; }));
  // The answer of the first node may not be in Redis yet. Until then a new node asks its database.
  CHECK(eventually(20s, [&] {
    redis_world third{config_with(redis.url())};
    third.node.database.rows[0].lost = 7;
    return third.lost() == 0;
  }));
  CHECK(second.lost() == 0);
  CHECK(second.metric("furrow_cache_redis_hits_total") == 1);
  second.client.post("/api/v1/actors/3/kill");
  CHECK(second.lost() == 9);
  first.client.post("/api/v1/actors/3/kill");
  first.node.database.rows[0].lost = 4;
  CHECK(eventually(20s, [&] {
    const auto seen = first.lost();
    return seen == 4 || seen == 9; // its own, or the second's of just now: never that of before
  }));
}

TEST_CASE("redis: after Redis is killed and restarted, answers go on and are shared again") {
  if (!redis_is_here())
    return;
  redis_server redis;
  redis_world one{config_with(redis.url())};
  CHECK(one.lost() == 0);
  CHECK(eventually(20s, [&] { return one.metric("furrow_cache_redis_up") == 1; }));
  redis.kill();
  for (std::uint64_t round = 1; round <= 20; ++round) {
    one.node.database.rows[0].lost = round;
    one.client.post("/api/v1/actors/3/kill");
    CHECK(one.lost() == round);
  }
  CHECK(one.metric("furrow_cache_redis_failures_total") >= 1);
  CHECK(one.metric("furrow_cache_redis_up") == 0);
  redis.start();
  CHECK(eventually(20s, [&] {
    one.client.post("/api/v1/actors/3/kill");
    CHECK(one.lost() == 20);
    redis_world other{config_with(redis.url())};
    other.node.database.rows[0].lost = 99;
    return other.lost() == 20;
  }));
}

TEST_CASE("redis: a server that does not answer delays only one request") {
  const lying_server silent{""};
  auto config = config_with(silent.url());
  config.redis->command_limit = 20ms;
  config.redis->pause_first = config.redis->pause_max = 1h;
  redis_world w{config};
  w.node.database.rows[0].lost = 3;
  CHECK(w.lost() == 3);
  CHECK(w.metric("furrow_cache_redis_failures_total") == 1);
  for (std::uint64_t i = 0; i < 50; ++i) {
    w.client.post("/api/v1/actors/3/kill");
    w.node.database.rows[0].lost = i;
    CHECK(w.lost() == i);
  }
  CHECK(w.metric("furrow_cache_redis_failures_total") == 1);
  CHECK(w.metric("furrow_cache_redis_hits_total") == 0);
}

TEST_CASE("redis: invalid answers of a server are not used") {
  const auto of = [](const std::string& farm, const char* question, std::int64_t made_us,
                     const std::string& rows) {
    return bulk(http::sealed_answer({farm, question}, made_us, rows));
  };
  const std::string mine = R"([{"farm":"default","equipment":"T1","lost":0}])";
  const auto sound = of("default", http::question_ledger, now_us(), mine);
  constexpr std::int64_t hour_us = 3'600'000'000;
  for (const auto& lie : std::vector<std::string>{
         "*1000000000\r\n", "$99999999999\r\n", "no Redis at all\r\n", "-ERR no\r\n", ":7\r\n",
         bulk("[]"), bulk(""), bulk(std::string(100'000, 'x')), sound + sound,
         of("hill", http::question_ledger, now_us(), mine),
         of("default", http::question_equipment, now_us(), mine),
         of("default", http::question_ledger, now_us() - 2 * hour_us, mine),
         of("default", http::question_ledger, now_us() + 2 * hour_us, mine)}) {
    CAPTURE(lie.substr(0, 60));
    const lying_server liar{lie};
    redis_world w{config_with(liar.url())};
    w.node.database.rows[0].lost = 3;
    for (int i = 0; i < 3; ++i) {
      CHECK(w.lost() == 3);
      CHECK(w.ledger().size() == 2); // T1 and T2 of this farm
      w.client.post("/api/v1/actors/3/kill");
    }
    CHECK(w.metric("furrow_cache_redis_hits_total") == 0);
  }
  // A valid answer of the same server is used: only the invalid answers were rejected.
  const lying_server honest{
    bulk(http::sealed_answer({"default", http::question_ledger}, now_us(),
                             R"([{"farm":"default","equipment":"T1","lost":0}])"))};
  redis_world w{config_with(honest.url())};
  w.node.database.rows[0].lost = 3;
  CHECK(w.lost() == 0);
  CHECK(w.metric("furrow_cache_redis_hits_total") == 1);
}
