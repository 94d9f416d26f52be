// How often gateways send, with the programs as they are run: a gateway of the test's own, furrow-edge and furrow-sim.
#include "tests/tools/furrowd/gateway_client.hpp"
#include "tests/tools/furrowd/stream/stream_client.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

using pace_clock = std::chrono::steady_clock;

boost::asio::ip::tcp::endpoint http_of(const node_program& node) {
  return {boost::asio::ip::address_v4::loopback(), node.http_port()};
}

std::uint32_t next_pace(gateway& line) {
  const auto said = line.next_of<proto::pace>();
  REQUIRE(said);
  return said->interval_ms;
}

/// The standard input of a furrow-edge.
class named_pipe {
public:
  explicit named_pipe(std::string path) : path_{std::move(path)} {
    std::signal(SIGPIPE, SIG_IGN);
    REQUIRE(::mkfifo(path_.c_str(), 0600) == 0);
  }
  named_pipe(const named_pipe&) = delete;
  named_pipe& operator=(const named_pipe&) = delete;
  ~named_pipe() {
    if (end_ >= 0)
      ::close(end_);
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  void write(std::uint64_t number) {
    if (end_ < 0)
      end_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC); // waits for the reader
    char line[96];
    const auto count = std::snprintf(line, sizeof line, "(1777617000.%06u) can0 0CF00400#%016llX\n",
                                     static_cast<unsigned>(number % 1'000'000),
                                     static_cast<unsigned long long>(number));
    REQUIRE(::write(end_, line, static_cast<std::size_t>(count)) == count);
  }

private:
  std::string path_;
  int end_ = -1;
};

/// A machine whose gateway is furrow-edge, and machines that nobody watches.
struct pace_fleet {
  scratch_folder folder;
  node_program node;
  named_pipe frames{folder.file("frames")};
  child_process edge{FURROW_BIN_DIR "/furrow-edge",
                     {"run", "--node", "127.0.0.1:" + std::to_string(node.gateway_port()),
                      "--equipment", "T1", "--spool", folder.file("t1.spool"), "--from", "-"},
                     folder.file("edge"),
                     frames.path()};
  child_process others{FURROW_BIN_DIR "/furrow-sim",
                       {"run", "--node", "127.0.0.1:" + std::to_string(node.gateway_port()),
                        "--machines", "20", "--rate", "100", "--seconds", "120"},
                       folder.file("others")};

  /// What the list of machines says; to ask for the list is no reason to hurry anybody.
  [[nodiscard]] std::map<std::string, std::uint64_t> received() const {
    std::map<std::string, std::uint64_t> all;
    const auto answer = nlohmann::json::parse(node.get("/api/v1/equipment").body);
    for (const auto& one : answer.at("equipment"))
      all[one.at("name")] = one.value("received_seq", std::uint64_t{0});
    return all;
  }
};

/// Writes frames at a steady rate, and keeps when each was written.
std::vector<pace_clock::time_point> write_steadily(named_pipe& to, std::uint64_t first, int count) {
  std::vector<pace_clock::time_point> at;
  const auto begun = pace_clock::now();
  for (int i = 0; i < count; ++i) {
    std::this_thread::sleep_until(begun + i * 10ms);
    at.push_back(pace_clock::now());
    to.write(first + static_cast<std::uint64_t>(i));
  }
  return at;
}

} // namespace

TEST_CASE("pace: the node tells a gateway when people begin to watch, and when they have gone") {
  const node_program node;
  gateway line{node};
  const auto from = line.greet(hello_of("T1", 1));
  CHECK(next_pace(line) == 1'000);
  REQUIRE(line.say(wire_of(batch_of(from, frames(10)))));
  {
    stream_client page{http_of(node)};
    page.ask("/api/v1/stream?machines=T1");
    CHECK(next_pace(line) == 10);
    stream_client second{http_of(node)}; // nothing new for the gateway
    second.ask("/api/v1/stream?machines=T1");
  }
  CHECK(next_pace(line) == 1'000);
}

TEST_CASE("pace: a gateway of an older version is not told, and is served all the same") {
  const node_program node;
  stream_client page{http_of(node)};
  page.ask("/api/v1/stream?machines=T1");
  gateway line{node};
  auto hello = hello_of("T1", 1);
  hello.highest_version = 1;
  REQUIRE(line.say(wire_of(hello)));
  const auto welcome = line.next_of<proto::welcome>();
  REQUIRE(welcome);
  CHECK(welcome->version == 1);
  REQUIRE(line.say(wire_of(batch_of(welcome->resume_from, frames(10)))));
  bool acked = false;
  for (int pings = 0; pings < 2;) { // a keep-alive of 5 s
    const auto message = line.next();
    REQUIRE(message);
    CHECK_FALSE(std::holds_alternative<proto::pace>(*message));
    pings += std::holds_alternative<proto::ping>(*message) ? 1 : 0;
    if (const auto* ack = std::get_if<proto::ack>(&*message))
      acked = acked || ack->durable_seq == welcome->resume_from + 9;
  }
  CHECK(acked);
}

TEST_CASE("pace: a watched machine is fresh while others send once a second, and nothing is lost") {
  pace_fleet w;
  w.frames.write(0);
  REQUIRE(eventually(node_patience, [&] {
    auto all = w.received();
    return all.size() == 21
           && std::ranges::all_of(all, [](const auto& one) { return one.second > 0; });
  }));
  // Nobody watches. The list shows each machine's newest number: how often does it change?
  std::map<std::string, std::set<std::uint64_t>> seen;
  std::atomic<bool> over = false;
  std::jthread writer{[&] {
    (void)write_steadily(w.frames, 1, 500);
    over = true;
  }};
  while (!over) {
    for (const auto& [name, seq] : w.received())
      seen[name].insert(seq);
    std::this_thread::sleep_for(20ms);
  }
  writer.join();
  for (const auto& [name, numbers] : seen)
    CHECK_MESSAGE(numbers.size() <= 8, name << " was sent " << numbers.size() << " times in 5 s");

  // Somebody watches T1.
  stream_client page{http_of(w.node)};
  page.ask("/api/v1/stream?machines=T1&signals=ledger&max_hz=500");
  CHECK(page.next_event("snapshot").type == "snapshot");
  std::this_thread::sleep_for(500ms);
  constexpr std::uint64_t first = 501;
  constexpr int count = 500;
  std::vector<pace_clock::time_point> sent;
  std::jthread second{[&] { sent = write_steadily(w.frames, first, count); }};
  std::vector<std::pair<std::uint64_t, pace_clock::time_point>> shown;
  while (shown.empty() || shown.back().first < first + count) {
    const auto event = page.next_event("delta");
    REQUIRE(event.type == "delta");
    for (const auto& machine : event.data.at("machines"))
      if (machine.contains("ledger"))
        shown.emplace_back(machine.at("ledger").at("received_seq").get<std::uint64_t>(),
                           pace_clock::now());
  }
  second.join();
  std::vector<pace_clock::duration> ages;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const auto seq = first + i + 1; // the frame with number 0 is item 1
    const auto at = std::ranges::find_if(shown, [&](const auto& one) { return one.first >= seq; });
    REQUIRE(at != shown.end());
    ages.push_back(at->second - sent[i]);
  }
  std::ranges::sort(ages);
  const auto ms = [](pace_clock::duration age) {
    return std::chrono::duration<double, std::milli>(age).count();
  };
  MESSAGE("watched: p50 " << ms(ages[ages.size() / 2]) << " ms, p99 "
                          << ms(ages[ages.size() * 99 / 100]) << " ms");
  CHECK(ms(ages[ages.size() * 99 / 100])
        < 400); // a second and more without the pace; the machine may be busy

  // The pace changed under way, and everything is there.
  CHECK(eventually(node_patience, [&] {
    const auto rows =
      nlohmann::json::parse(w.node.get("/api/v1/ledger?equipment=T1").body).at("ledger");
    return rows.size() == 1 && rows[0].at("stored") == first + count && rows[0].at("lost") == 0;
  }));
}
