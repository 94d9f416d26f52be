/// Goal: a failover to a standby and a full disk cost time, not frames. Gateways send again what an asynchronous
///   standby never received.
/// Method: private clusters with a real standby. A log of 200,000 frames goes to a node that knows both hosts. Midway
///   the primary is stopped immediately and the standby is promoted. The full disk is a tablespace on a small tmpfs.
#include "tests/fault/kill_stories.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/tools/furrow-edge/small_disk.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <cstdio>
#include <fstream>

using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t frames = 200'000;

/// 10,000 frames a second for 20 s, so that a replay has a pace.
std::filesystem::path steady_log(const std::filesystem::path& folder) {
  const auto path = folder / "steady.log";
  std::ofstream out{path, std::ios::binary};
  char line[64];
  for (std::uint64_t i = 0; i < frames; ++i) {
    std::snprintf(line, sizeof line, "(%llu.%06llu) can0 18FEF1%02X#%016llX\n",
                  1'700'000'000ULL + i / 10'000, static_cast<unsigned long long>(i % 10'000 * 100),
                  static_cast<unsigned>(i % 32),
                  static_cast<unsigned long long>(i * 2'654'435'761ULL));
    out << line;
  }
  return path;
}

/// The watermark of the only stream on this server.
std::uint64_t watermark(const pg_cluster& server) {
  return std::stoull(server.value("select coalesce(max(seq), 0) from furrow.stream_watermark"));
}

std::string both(const pg_cluster& one, const pg_cluster& other) {
  return "postgresql://postgres@127.0.0.1:" + std::to_string(one.port())
         + ",127.0.0.1:" + std::to_string(other.port()) + "/furrow";
}

/// A node and a replay that has stored some items.
void begin(rig& where, const std::filesystem::path& log, const pg_cluster& primary) {
  where.start_node();
  where.start_edge("T1", log, "2x");
  REQUIRE(eventually(30s, [&] { return watermark(primary) > frames / 10; }));
}

void finish(rig& where, const std::filesystem::path& log) {
  const auto code = where.edge_end(90s);
  CAPTURE(where.edge_output());
  CAPTURE(where.node_output());
  REQUIRE(code == 0);
  check_whole(where, "T1", log);
  where.kill_node(SIGTERM);
}

} // namespace

TEST_CASE("fault, failover: a synchronous standby is promoted, and nothing is lost or doubled") {
  pg_cluster primary;
  pg_cluster standby{pg_cluster::standby_of{primary}};
  primary.exec("alter system set synchronous_standby_names = '*'");
  primary.exec("select pg_reload_conf()");
  REQUIRE(eventually(30s, [&] {
    return primary.value("select count(*) from pg_stat_replication where sync_state = 'sync'")
           == "1";
  }));
  rig where{both(primary, standby)};
  const auto log = steady_log(where.folder());
  begin(where, log, primary);
  const auto acked = watermark(primary);
  primary.stop_immediate();
  REQUIRE_FALSE(where.edge_end(0ms)); // in the middle
  standby.promote();
  CHECK(watermark(standby) >= acked);
  finish(where, log);
  CHECK(watermark(standby) == frames);
}

TEST_CASE("fault, failover: a lagging asynchronous standby is promoted, the gateway sends its "
          "missing items again, and nothing is lost or doubled") {
  pg_cluster primary;
  pg_cluster standby{pg_cluster::standby_of{primary}};
  rig where{both(primary, standby)};
  const auto log = steady_log(where.folder());
  begin(where, log, primary);
  REQUIRE(eventually(30s, [&] {
    return standby.value("select to_regclass('furrow.stream_watermark') is not null") == "t"
           && watermark(standby) > 0;
  }));
  standby.stop_fast();
  const auto had = watermark(primary);
  REQUIRE(eventually(30s, [&] { return watermark(primary) > had + frames / 10; }));
  const auto acked = watermark(primary);
  primary.stop_immediate();
  REQUIRE_FALSE(where.edge_end(0ms)); // in the middle
  standby.start();
  CHECK(watermark(standby) < acked); // items that the gateway counts as durable are missing here
  standby.promote();
  finish(where, log);
  CHECK(watermark(standby) == frames);
}

TEST_CASE(
  "fault, postgresql: the server's disk is full for a while, and nothing is lost or doubled") {
  pg_cluster server;
  const small_disk disk{server.folder() / "small", "256m", "postgres"};
  if (!disk.mounted())
    return;
  server.exec("create tablespace small location '" + (server.folder() / "small").string() + "'");
  server.exec("create database filled tablespace small");
  rig where{server.url("filled")};
  const auto log = steady_log(where.folder());
  where.start_node();
  disk.fill_up_to(1U << 20U);
  where.start_edge("T1", log);
  REQUIRE(eventually(
    60s, [&] { return server.log().find("No space left on device") != std::string::npos; }));
  CHECK_FALSE(where.edge_end(0ms));
  CHECK(where.node_runs());
  const auto stuck = std::stoull(
    server.value("select coalesce(max(seq), 0) from furrow.stream_watermark", "filled"));
  CHECK(stuck < frames);
  disk.free_again();
  finish(where, log);
}
