/// Goal: with PostgreSQL away under load the node stays within its memory, the live state keeps moving, and everything is
///   durable soon after the database is back: the backlog goes at several times the rate of the fleet.
/// Method: twenty simulated tractors at 300 frames/s. The server is stopped immediately and started after 35 s, or after
///   FURROW_OUTAGE_S seconds.
#include "tests/fault/rig.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/tools/child_process.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include <nlohmann/json.hpp>

using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t mebibyte = 1U << 20U;
constexpr int fleet_size = 20;
constexpr int fleet_rate = 300; // frames a second of each
using steady = std::chrono::steady_clock;

std::chrono::seconds outage() {
  const auto* given = std::getenv("FURROW_OUTAGE_S");
  return std::chrono::seconds{given == nullptr ? 35 : std::atoi(given)};
}

/// Frames a second, from the moment the database is back until nine tenths of the backlog are durable.
double catch_up(const pg_cluster& server, std::chrono::seconds away) {
  const auto durable = [&] {
    return std::stod(
      server.value("select coalesce(sum(seq), 0) from furrow.stream_watermark", "outage"));
  };
  const auto begun = steady::now();
  const auto before = durable();
  const auto most = 0.9 * fleet_size * fleet_rate * static_cast<double>(away.count());
  CHECK(eventually(std::chrono::seconds{120}, [&] { return durable() >= before + most; }));
  return (durable() - before) / std::chrono::duration<double>(steady::now() - begun).count();
}

/// The newest frame time that the live view of any machine shows.
std::string newest_frame(rig& where) {
  int code = 0;
  // the list contains a line that only live machines are shown
  const auto text = where.furrow({"equipment", "-o", "json"}, code);
  const auto from = std::min(text.find('['), text.size());
  const auto rows =
    nlohmann::json::parse(text.substr(from, text.rfind(']') + 1 - from), nullptr, false);
  std::string newest;
  if (rows.is_array())
    for (const auto& row : rows)
      if (row.contains("last_frame") && row["last_frame"].is_string())
        newest = std::max(newest, row["last_frame"].get<std::string>());
  return newest;
}

} // namespace

TEST_CASE("fault, postgresql: the server is away for long under load, and it recovers, and nothing "
          "is lost or doubled") {
  pg_cluster server;
  rig where{server.make_database("outage")};
  where.start_node({}, {"--budget", "64"});
  child_process fleet{std::string{FURROW_BIN_DIR} + "/furrow-sim",
                      {"run", "--node", where.gateway(), "--machines", std::to_string(fleet_size),
                       "--rate", std::to_string(fleet_rate), "--seconds",
                       std::to_string(outage().count() + 30), "--until-durable", "--timeout",
                       std::to_string(outage().count() + 150), "-o", "json"},
                      (where.folder() / "sim.json").string()};
  REQUIRE(eventually(20s, [&] { return !newest_frame(where).empty(); }));
  server.stop_immediate();
  const auto away = std::chrono::steady_clock::now();
  std::uint64_t rss = 0;
  int moved = 0;
  int looks = 0;
  std::string last = newest_frame(where);
  auto next = away + 5s;
  while (std::chrono::steady_clock::now() < away + outage()) {
    rss = std::max(rss, where.node_rss_bytes());
    if (std::chrono::steady_clock::now() >= next) {
      next += 5s;
      const auto now = newest_frame(where);
      ++looks;
      moved += now > last ? 1 : 0;
      last = now;
    }
    pause_a_little();
  }
  server.start();
  const auto back = std::chrono::steady_clock::now();
  const auto pace = catch_up(server, outage());
  const auto code = fleet.wait(150s);
  CAPTURE(fleet.output());
  CAPTURE(where.node_output());
  REQUIRE(code == 0);
  rss = std::max(rss, where.node_rss_bytes());
  const auto caught_up =
    std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - back);
  MESSAGE(
    "durable " << caught_up.count()
               << " ms after the server was back (the fleet drove on for some of it), RSS at most "
               << rss / mebibyte << " MiB, live state moved in " << moved << " of " << looks
               << " looks; the backlog went at " << pace << " frames/s, "
               << pace / (fleet_size * fleet_rate) << " times the rate of the fleet");
  CHECK(pace >= 1.5 * fleet_size * fleet_rate); // the mark is 3 times, on a quiet machine
  CHECK(rss < (64 + 64) * mebibyte);            // the budget, and the memory of a node without it
  CHECK(moved >= looks - 1);
  CHECK(where.node_output().find("alarm store: ") != std::string::npos);
  const auto rows =
    nlohmann::json::parse(where.furrow({"ledger", "-o", "json"}, looks), nullptr, false);
  CHECK(looks == 0);
  REQUIRE(rows.is_array());
  CHECK(rows.size() == 20);
  for (const auto& row : rows) {
    CHECK(row.at("sent") == row.at("durable"));
    CHECK(row.at("sent") == row.at("stored"));
  }
  where.kill_node(SIGTERM);
}

TEST_CASE("fault, postgresql: a server that hangs is reported soon, even without requests") {
  pg_cluster server;
  rig where{server.make_database("hangs")};
  where.start_node();
  const auto ready = [&] {
    int code = 0;
    where.furrow({"health"}, code);
    return code == 0;
  };
  const auto said = [&](const char* text) {
    return where.node_output().find(text) != std::string::npos;
  };
  REQUIRE(eventually(20s, ready));
  server.freeze();
  // A hanging statement times out after a minute. The node reports earlier.
  CHECK(eventually(45s, [&] { return !ready() && said("alarm store: "); }));
  CHECK(said("the database does not answer"));
  server.thaw();
  CHECK(eventually(90s, [&] { return ready() && said("the database answers"); }));
  where.kill_node(SIGTERM);
}
