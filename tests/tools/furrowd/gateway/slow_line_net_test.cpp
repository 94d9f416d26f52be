// How long a message may take: a slow line is not a silent one. The listener in this process, so that its limits are the
// test's; the node behind it has its store in memory.
#include "actors/node.hpp"
#include "tests/support/fake_homes.hpp"
#include "tests/support/memory_store.hpp"
#include "tests/tools/furrowd/gateway_client.hpp"
#include "tools/furrowd/gateway/listener.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <memory>
#include <string>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

class listening_node {
public:
  explicit listening_node(daemon::session_limits limits) {
    std::signal(SIGPIPE, SIG_IGN); // as furrowd does
    const auto& node = node_->parts();
    daemon::session_context context{node.gateways,
                                    node.machines,
                                    node.cluster,
                                    node.gateways.budget(),
                                    node.gateways.arrivals(),
                                    std::make_shared<daemon::authority>(),
                                    {}};
    context.limits = limits;
    daemon::gateway_config config;
    config.listen = "127.0.0.1:0";
    listener_ = std::make_unique<daemon::gateway_listener>(io_, config, std::move(context));
    REQUIRE(listener_->open());
    const auto at = listener_->start();
    REQUIRE(at);
    port_ = node_program::port_of(*at);
    thread_ = std::thread{[this] { io_.run(); }};
  }
  listening_node(const listening_node&) = delete;
  listening_node& operator=(const listening_node&) = delete;
  ~listening_node() {
    boost::asio::post(io_, [this] { listener_->stop(); });
    thread_.join(); // with the last session
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

private:
  std::unique_ptr<actors::node> node_ =
    actors::start_node({},
                       std::make_shared<fake_homes>(
                         std::make_unique<memory_store>(std::make_shared<memory_tables>())));
  boost::asio::io_context io_;
  std::unique_ptr<daemon::gateway_listener> listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

constexpr std::chrono::seconds message_limit{3};

daemon::session_limits short_limits() {
  daemon::session_limits limits;
  limits.message = message_limit;
  return limits;
}

/// A batch of several pieces.
struct large_batch {
  std::uint64_t items = 0;
  std::string bytes;

  large_batch() {
    auto batch = batch_of(1, frames(4'000));
    for (int blocks = 1; blocks < 6; ++blocks)
      batch.items.emplace_back(frames(4'000));
    items = batch.count();
    bytes = wire_of(batch);
    REQUIRE(bytes.size() > 4 * actors::arrival_room::growth_bytes);
  }
};

} // namespace

TEST_CASE("gateway port: a message that takes longer than the limit of a piece is taken when each "
          "piece comes in time") {
  listening_node node{short_limits()};
  gateway slow{node.port()};
  REQUIRE(slow.greet(hello_of("slow", 0x51)) == 1);
  const large_batch batch;
  const auto begin = raw_socket::clock::now();
  constexpr std::size_t slices = 14;
  const auto slice = batch.bytes.size() / slices + 1;
  for (std::size_t at = 0; at < batch.bytes.size(); at += slice) {
    if (at != 0)
      std::this_thread::sleep_for(500ms);
    REQUIRE(slow.say(batch.bytes.substr(at, slice)));
  }
  CHECK(raw_socket::clock::now() - begin
        > message_limit + 2s); // the deadline is looked at once a second
  CHECK(slow.acked(batch.items));
}

TEST_CASE(
  "gateway port: a gateway that stops within a message is disconnected after the limit of a "
  "piece") {
  listening_node node{short_limits()};
  gateway stops{node.port()};
  REQUIRE(stops.greet(hello_of("stops", 0x52)) == 1);
  const auto bytes = large_batch{}.bytes;
  REQUIRE(stops.say(bytes.substr(0, bytes.size() / 2)));
  const auto begin = raw_socket::clock::now();
  CHECK(stops.socket().closes_within(message_limit + 5s));
  CHECK(raw_socket::clock::now() - begin > message_limit - 500ms);
}
