// Whether /health answers at once while many people watch: furrowd and furrow-sim as they are run.
#include "tests/tools/furrowd/node_program.hpp"
#include "tests/tools/furrowd/stream/stream_client.hpp"

#include <doctest/doctest.h>

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

using health_clock = std::chrono::steady_clock;

void allow_sockets(rlim_t count) {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = std::max(limit.rlim_cur, std::min(count, limit.rlim_max));
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  REQUIRE(limit.rlim_cur >= count);
}

/// How long the slowest one in a hundred of so many requests took, each on a connection of its own, as probes ask.
std::chrono::microseconds slowest_hundredth(const node_program& node, int requests) {
  std::vector<std::chrono::microseconds> took;
  for (int i = 0; i < requests; ++i) {
    const auto begun = health_clock::now();
    REQUIRE(node.get("/health").status == 200);
    took.push_back(
      std::chrono::duration_cast<std::chrono::microseconds>(health_clock::now() - begun));
    std::this_thread::sleep_for(5ms);
  }
  std::sort(took.begin(), took.end());
  return took[took.size() * 99 / 100];
}

/// Reads a little of each client in turn: every socket between the node and a client is full.
class slow_readers {
public:
  slow_readers(boost::asio::ip::tcp::endpoint at, int count) {
    for (int i = 0; i < count; ++i) {
      auto& one = clients_.emplace_back(std::make_unique<stream_client>(at));
      const int small = 4 << 10;
      ::setsockopt(one->socket().native_handle(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
      // Each has filters of its own, so that the node makes a text for each.
      const auto header =
        one->upgrade("/api/v1/stream?max_hz=50&machines=SIM*,X" + std::to_string(i));
      opened_ += status_of(header) == 101 ? 1 : 0;
    }
    reader_ = std::jthread{[this](const std::stop_token& over) {
      char bytes[256];
      while (!over.stop_requested())
        for (const auto& one : clients_) {
          if (::recv(one->socket().native_handle(), bytes, sizeof bytes, MSG_DONTWAIT) > 0)
            ++reads_;
          std::this_thread::sleep_for(1ms);
        }
    }};
  }
  [[nodiscard]] int opened() const { return opened_; }
  [[nodiscard]] int reads() const { return reads_; }

private:
  std::vector<std::unique_ptr<stream_client>> clients_;
  int opened_ = 0;
  std::atomic<int> reads_ = 0;
  std::jthread reader_;
};

} // namespace

TEST_CASE("stream: /health answers at once behind hundreds of slow clients") {
  constexpr int clients = 400;
  constexpr int requests = 400;
  allow_sockets(2 * clients + 100);
  const node_program node;
  scratch_folder folder;
  const child_process fleet{FURROW_BIN_DIR "/furrow-sim",
                            {"run", "--node", "127.0.0.1:" + std::to_string(node.gateway_port()),
                             "--machines", "20", "--rate", "100", "--seconds", "120"},
                            folder.file("fleet")};
  const auto quiet = slowest_hundredth(node, requests);
  slow_readers crowd{{boost::asio::ip::address_v4::loopback(), node.http_port()}, clients};
  REQUIRE(crowd.opened() == clients);
  std::this_thread::sleep_for(2s); // their sockets fill
  const auto watched = slowest_hundredth(node, requests);
  CHECK(crowd.reads() > clients);
  MESSAGE("/health, 99 of 100 within " << quiet.count() << " us, and behind " << clients
                                       << " slow clients within " << watched.count() << " us");
  // 5 ms where nothing else runs; the machine of a test has other work.
  CHECK(watched < 100ms + 3 * quiet);
}
