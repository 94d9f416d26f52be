#include "tests/fault/kill_stories.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <random>

#include <nlohmann/json.hpp>

namespace furrow::tests {

using namespace std::chrono_literals;

namespace {

constexpr auto to_the_end = 90s;
constexpr std::chrono::milliseconds shortest_replay{100};

/// The time of a replay without kills, at least `shortest_replay`. The moments of the first kills are drawn from it.
std::chrono::milliseconds
undisturbed(rig& where, const std::string& name, const std::filesystem::path& log) {
  const auto begun = std::chrono::steady_clock::now();
  where.start_edge(name, log);
  const auto code = where.edge_end(to_the_end);
  const auto time =
    std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
  CAPTURE(where.edge_output());
  REQUIRE(code == 0);
  check_whole(where, name, log);
  return std::max(shortest_replay, time);
}

void let_pass(std::chrono::milliseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until)
    pause_a_little();
}

} // namespace

void check_whole(rig& where, const std::string& equipment, const std::filesystem::path& log) {
  const auto frames = lines_of(log);
  const auto ledger = where.ledger(equipment);
  CHECK(ledger.sent == frames);
  CHECK(ledger.durable == frames);
  CHECK(ledger.stored == frames);
  CHECK(ledger.lost == 0);
  CHECK(ledger.doubled == 0);
  CHECK(where.difference(equipment, log) == "");
}

void replay_with_kills(
  rig& where, const std::string& name, const victims& who, unsigned seed, int rounds) {
  const auto log = long_log(where.folder(), story_frames);
  if (!log)
    return;
  where.start_node();
  auto replay_time = undisturbed(where, name + "-0", *log);
  std::mt19937 random{seed};
  int in_the_middle = 0;
  for (int round = 1; round <= rounds; ++round) {
    const auto equipment = name + "-" + std::to_string(round);
    const std::chrono::milliseconds moment{random()
                                           % static_cast<unsigned>(replay_time.count() / 2)};
    CAPTURE(equipment);
    CAPTURE(moment.count());
    where.start_edge(equipment, *log);
    let_pass(moment);
    const bool was_over = where.edge_end(0ms).has_value();
    in_the_middle += was_over ? 0 : 1;
    // Another process may have slowed down the replay that was measured.
    if (was_over)
      replay_time = std::clamp(moment, shortest_replay, replay_time);
    if (who.node)
      where.kill_node();
    if (who.edge && !was_over)
      where.kill_edge();
    if (who.database)
      who.database();
    if (who.node)
      where.start_node();
    if (who.edge || was_over)
      where.start_edge(equipment, *log);
    const auto code = where.edge_end(to_the_end);
    CAPTURE(where.edge_output());
    REQUIRE(code == 0);
    check_whole(where, equipment, *log);
  }
  MESSAGE(name << ": " << in_the_middle << " of " << rounds
               << " kills in the middle of a replay of " << replay_time.count() << " ms");
  CHECK(in_the_middle * 2 >= rounds);
  where.kill_node(SIGTERM);
}

void replay_with_failpoint(rig& where, const std::string& failpoint) {
  const auto log = long_log(where.folder(), story_frames);
  if (!log)
    return;
  CAPTURE(failpoint);
  where.start_node({"FURROW_FAILPOINT=" + failpoint + ":2:abort"});
  where.start_edge("T1", *log);
  const auto end = where.node_end(60s);
  REQUIRE_MESSAGE(end, "the node did not come to the failpoint");
  CHECK(*end != 0);
  where.start_node();
  const auto code = where.edge_end(to_the_end);
  CAPTURE(where.edge_output());
  REQUIRE(code == 0);
  check_whole(where, "T1", *log);
  where.kill_node(SIGTERM);
}

void replay_with_dying_actors(rig& where) {
  const auto log = long_log(where.folder(), story_frames);
  if (!log)
    return;
  where.start_node();
  int killed = 0;
  for (const std::string victim :
       {"equipment default/", "aggregator-0", "aggregator-1", "writer-0", "writer-1"}) {
    const auto equipment = "T-" + victim.substr(0, victim.find(' '));
    CAPTURE(victim);
    where.start_edge(equipment, *log);
    int hits = 0;
    while (!where.edge_end(0ms)) {
      int code = 0;
      const auto text = hits < 3 ? where.furrow({"actors", "-o", "json"}, code) : std::string{};
      const auto rows = nlohmann::json::parse(text, nullptr, false);
      if (rows.is_array())
        for (const auto& row : rows)
          if (row.at("name").get<std::string>().rfind(victim, 0) == 0
              && row.at("state") == "running") {
            where.furrow({"actors", "kill", std::to_string(row.at("id").get<std::uint64_t>())},
                         code);
            hits += code == 0 ? 1 : 0;
          }
      pause_a_little();
    }
    killed += hits;
    check_whole(where, equipment, *log);
  }
  CHECK(killed >= 5);
  where.kill_node(SIGTERM);
}

} // namespace furrow::tests
