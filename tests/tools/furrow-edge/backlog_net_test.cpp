/// Goal: a machine with an hour of backlog on a line of 20 kB/s is live within 2 s, and stays so; the backlog goes on, and
///   every item is stored once.
/// Method: a spool with an hour of frames, one block a frame as a live bus leaves them, and a log that is read at its own
///   pace. Engine speeds below 2,000 rpm are of the backlog; later ones tell their time.
#include "can/logs/candump.hpp"
#include "proto/wire.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/tcp_proxy.hpp"
#include "tests/tools/furrowd/gateway_client.hpp"
#include "tools/furrow-edge/spool/spool.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::tests;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

using steady = std::chrono::steady_clock;

constexpr std::uint64_t backlog_frames = 360'000;
constexpr int live_frames = 3'000; // 30 s
constexpr int bus_ids = 10;        // each at 10 Hz
constexpr double first_live_rpm = 2'000;
constexpr std::int64_t frame_us = 10'000;
constexpr std::size_t line_bytes = 200; // each 10 ms

std::int64_t unix_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
           std::chrono::system_clock::now().time_since_epoch())
    .count();
}

/// Frame `i` of a bus: every tenth is an engine speed, the others say nothing that the live view reads.
void push_frame(can::frame_block& block, std::int64_t time_us, std::uint64_t i, double rpm) {
  std::uint64_t payload = ~std::uint64_t{0};
  auto id = 0x18FF0000U + static_cast<std::uint32_t>(i % bus_ids) * 256U;
  if (i % bus_ids == 0) {
    id = 0x0CF00400;
    const auto raw = static_cast<std::uint64_t>(rpm * 8);
    payload = 0xFFFFFF0000FFFFFFU | raw << 24U;
  } else {
    payload = i;
  }
  REQUIRE(block.push(time_us, can::pack({.id = id, .extended = true, .length = 8}),
                     reinterpret_cast<const std::uint8_t*>(&payload)));
}

/// What a frame takes in a batch, without samples.
double bytes_of_item() {
  constexpr std::size_t count = 400;
  can::frame_block block;
  for (std::size_t i = 0; i < count; ++i)
    push_frame(block, static_cast<std::int64_t>(i) * frame_us, i, 1'000);
  return static_cast<double>(proto::encode_items(block).size()) / count;
}

struct backlog_story {
  node_program node;
  scratch_folder folder;
  tcp_proxy line{node.gateway_port()};

  [[nodiscard]] std::string spool_file() const { return folder.file("t1.spool"); }

  void fill_spool() const {
    auto opened = edge::spool::open({.path = spool_file(), .equipment = "T1"}, {});
    REQUIRE(opened);
    auto time_us = unix_us() - static_cast<std::int64_t>(backlog_frames) * frame_us;
    std::vector<edge::encoded_group> groups;
    std::vector<can::bus_name> buses{{0, "can0"}};
    for (std::uint64_t i = 0; i < backlog_frames; ++i, time_us += frame_us) {
      can::frame_block block;
      push_frame(block, time_us, i, 800 + static_cast<double>(i % 1'000));
      groups.push_back({1, proto::encode_items(block)});
      if (groups.size() < 20'000)
        continue;
      REQUIRE((*opened)->append(groups, buses, nullptr));
      groups.clear();
      buses.clear();
    }
    REQUIRE((*opened)->last_seq() == backlog_frames);
  }
  [[nodiscard]] std::string live_log() const {
    std::string text;
    const auto begin_us = unix_us();
    for (int i = 0; i < live_frames; ++i) {
      can::frame_block block;
      push_frame(block, begin_us + i * frame_us, static_cast<std::uint64_t>(i),
                 first_live_rpm + i / bus_ids);
      can::append_candump(text, block[0], "can0");
    }
    return folder.write("live.log", text);
  }
  [[nodiscard]] json machine() const {
    const auto answer = node.get("/api/v1/equipment/T1");
    return answer.status == 200 ? json::parse(answer.body) : json{};
  }
  [[nodiscard]] static double rpm_of(const json& machine) {
    if (!machine.is_object() || !machine.at("state").is_object())
      return 0;
    const auto& speed = machine.at("state").at("engine_speed_rpm");
    return speed.is_object() && speed.at("value").is_number() ? speed.at("value").get<double>() : 0;
  }
};

} // namespace

TEST_CASE("backlog: a machine with an hour of backlog on a line of 20 kB/s is live within 2 s, and "
          "everything is stored once") {
  backlog_story s;
  s.fill_spool();
  const auto log = s.live_log();
  s.line.trickle(line_bytes);
  const auto* other = std::getenv("FURROW_OTHER_EDGE"); // to compare with
  const auto started = steady::now();
  child_process edge{other != nullptr ? other : FURROW_BIN_DIR "/furrow-edge",
                     {"run", "--node", "127.0.0.1:" + std::to_string(s.line.port()), "--equipment",
                      "T1", "--spool", s.spool_file(), "--from", log, "--rate", "1x",
                      "--until-durable", "--timeout", "150"},
                     s.folder.file("output")};
  const auto since = [&] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - started).count();
  };
  std::int64_t live_after = -1;
  std::int64_t oldest = 0; // how old the shown speed was at most, from then on
  std::vector<std::int64_t> ages;
  std::uint64_t updates = 0;
  double shown = 0;
  while (since() < 20'000) {
    const auto rpm = s.rpm_of(s.machine());
    if (rpm >= first_live_rpm) {
      if (live_after < 0)
        live_after = since();
      CHECK(rpm >= shown); // the view never goes back
      updates += rpm > shown ? 1 : 0;
      shown = rpm;
      // The log begins after the program: the true age is less.
      ages.push_back(since() - static_cast<std::int64_t>((rpm - first_live_rpm) * 100));
      oldest = std::max(oldest, ages.back());
    } else {
      CHECK(live_after < 0);
    }
    pause_a_little();
  }
  const auto passed = static_cast<double>(s.line.passed(tcp_proxy::way::to_target));
  const auto now = s.machine();
  REQUIRE(now.is_object());
  const auto received = now.at("received_seq").get<double>();
  const auto share = received * bytes_of_item() / passed;
  std::sort(ages.begin(), ages.end());
  MESSAGE("live " << live_after << " ms after the start of the program; " << updates
                  << " new values in 20 s; age at most " << oldest << " ms, median "
                  << (ages.empty() ? -1 : ages[ages.size() / 2]) << " ms; " << received
                  << " items of the backlog in " << passed / 1'000 << " kB (" << share * 100
                  << " % of the line)");
  if (other == nullptr) {
    CHECK(live_after >= 0);
    CHECK(live_after <= 2'000);
    CHECK(updates >= 10);
    CHECK(share > 0.75);
  }
  s.line.heal();
  CHECK(edge.wait(120s) == 0);
  CAPTURE(edge.output());
  CHECK(s.rpm_of(s.machine()) == first_live_rpm + (live_frames - 1) / bus_ids);
  const auto ledger = json::parse(s.node.get("/api/v1/ledger?equipment=T1").body).at("ledger");
  REQUIRE(ledger.size() == 1);
  CHECK(ledger[0].at("stored") == backlog_frames + live_frames);
  CHECK(ledger[0].at("lost") == 0);
  CHECK(ledger[0].at("doubled") == 0);
}

TEST_CASE("backlog: a sample is shown and never stored, and one of an older version is rejected") {
  node_program node;
  gateway good{node};
  auto hello = hello_of("T1", 7);
  REQUIRE(good.greet(hello) == 1);
  proto::sample sample{900'000, {}};
  push_frame(sample.frames, unix_us(), 0, 2'345);
  REQUIRE(good.say(wire_of(sample)));
  const auto rpm = [&node] {
    const auto answer = node.get("/api/v1/equipment/T1");
    return answer.status == 200 ? backlog_story::rpm_of(json::parse(answer.body)) : 0;
  };
  CHECK(eventually(node_patience, [&] { return rpm() == 2'345; }));
  // Older frames come in their turn.
  can::frame_block old;
  push_frame(old, unix_us() - 3'600'000'000, 0, 900);
  REQUIRE(good.say(wire_of(batch_of(1, std::move(old)))));
  CHECK(good.acked(1));
  CHECK(rpm() == 2'345);
  // As many as it likes: they are dropped, and the stream goes on.
  for (int i = 0; i < 500; ++i)
    REQUIRE(good.say(wire_of(sample)));
  REQUIRE(good.say(wire_of(batch_of(2, frames(10)))));
  CHECK(good.acked(11));
  const auto ledger = json::parse(node.get("/api/v1/ledger?equipment=T1").body).at("ledger");
  REQUIRE(ledger.size() == 1);
  CHECK(ledger[0].at("stored") == 11);
  CHECK(ledger[0].at("lost") == 0);

  gateway older{node};
  hello = hello_of("T2", 8);
  hello.highest_version = proto::version_of_sample - 1;
  REQUIRE(older.greet(hello) == 1);
  REQUIRE(older.say(wire_of(sample)));
  check_rejected(older, proto::reject_code::malformed, "Batch, Sample, Ping and Pong");
}
