// What clients of the stream see becomes an interest in machines: how often their gateways shall send.
#include "tests/support/eventually.hpp"
#include "tests/support/http_front.hpp"
#include "tests/tools/furrowd/http/tokens.hpp"
#include "tests/tools/furrowd/stream/live_node.hpp"
#include "tests/tools/furrowd/stream/stream_client.hpp"
#include "tests/tools/furrowd/stream/stream_world.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;
using actors::machine_interest;

namespace {

struct interest_world {
  explicit interest_world(int machines) : front{(furnish(machines), node), http::http_config{}} {}
  int furnish(int machines) {
    tests::furnish(node);
    for (int i = 1; i <= machines; ++i)
      node.show(machine_of("default", "T" + std::to_string(i), 900));
    node.show(machine_of("hill", "T1", 800));
    return 0;
  }
  std::chrono::milliseconds interval(const std::string& machine,
                                     const std::string& farm = "default") {
    return node.place_of(farm, machine)->interest().interval(std::chrono::steady_clock::now());
  }
  bool becomes(const std::string& machine, std::chrono::milliseconds wanted) {
    return eventually(20s, [&] { return interval(machine) == wanted; });
  }

  live_node node;
  http_front front;
};

std::chrono::milliseconds interval_of(const std::string& max_hz, std::size_t machines) {
  return wish_of({{"max_hz", max_hz}}).interval_for(machines);
}

} // namespace

TEST_CASE("stream interest: a quarter of the client's interval, and longer for many machines") {
  CHECK(wish_of({}).interval_for(1) <= 20ms);
  CHECK(wish_of({}).interval_for(100) == 100ms);
  CHECK(wish_of({}).interval_for(5'000) >= machine_interest::idle);
  CHECK(interval_of("50", 1) == 5ms);
  CHECK(interval_of("5", 1) == 50ms);
  CHECK(interval_of("2", 1) == 125ms);
  CHECK(interval_of("2", 400) == 400ms);
  CHECK(interval_of("0.1", 1) >= machine_interest::idle);
  CHECK(wish_of({}).key()
        != wish_of({{"max_hz", "5"}}).key()); // they see the same, and hurry differently
}

TEST_CASE("stream interest: a machine is quick while a client sees it, and a while longer") {
  interest_world w{3};
  {
    stream_client client{w.front.at()};
    client.ask("/api/v1/stream?machines=T2");
    CHECK(w.becomes("T2", 10ms));
    CHECK(w.interval("T1") == machine_interest::idle);
    CHECK(w.interval("T1", "hill") == machine_interest::idle);
    std::this_thread::sleep_for(machine_interest::hold + 1s); // it is renewed
    CHECK(w.interval("T2") == 10ms);
  }
  CHECK(w.becomes("T2", machine_interest::idle));
}

TEST_CASE("stream interest: a machine that appears while a client watches is quick at once") {
  interest_world w{1};
  stream_client client{w.front.at()};
  client.ask("/api/v1/stream?machines=X*");
  CHECK(client.next_event("snapshot").type == "snapshot");
  w.node.show(machine_of("default", "X1", 700));
  CHECK(w.becomes("X1", 10ms));
}

TEST_CASE("stream interest: a client of a thousand machines hurries none, one of a few does") {
  interest_world w{1'200};
  stream_client all{w.front.at()};
  all.ask("/api/v1/stream?signals=engine_speed_rpm");
  CHECK(all.next_event("snapshot").type == "snapshot");
  stream_client one{w.front.at()};
  one.ask("/api/v1/stream?machines=T7&max_hz=5");
  CHECK(w.becomes("T7", 50ms));
  CHECK(w.interval("T8") == machine_interest::idle);
}

TEST_CASE("stream interest: who asks for one machine may ask again") {
  interest_world w{1};
  CHECK(w.interval("T1") == machine_interest::idle);
  w.node.live = {machine_of("default", "T1", 900)};
  CHECK(status_of(stream_client{w.front.at()}.ask("/api/v1/equipment/T1")) == 200);
  CHECK(w.interval("T1") == 100ms);
}
