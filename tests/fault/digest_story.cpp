#include "tests/fault/digest_story.hpp"

#include "tests/support/data.hpp"
#include "tests/tools/furrowd/node_program.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>

#include <nlohmann/json.hpp>

namespace furrow::tests {

using namespace std::chrono_literals;
using nlohmann::json;

namespace {

const std::vector<std::string> digest_flags{"--digest-interval", "1", "--digest-duty", "100"};

/// The capture several times, each 30 s later: a machine that starts its engine every half minute.
std::optional<std::filesystem::path> steady_log(const std::filesystem::path& folder, int times) {
  const auto capture = data_file("j1939/jd5055e/tractoronSitUp.candump.log");
  if (!capture)
    return std::nullopt;
  auto path = folder / "steady.log";
  std::ofstream out{path};
  for (int i = 0; i < times; ++i) {
    std::ifstream in{*capture};
    for (std::string line; std::getline(in, line);) {
      const auto point = line.find('.');
      out << '(' << std::stoll(line.substr(1, point - 1)) + 30 * i << line.substr(point) << '\n';
    }
  }
  return path;
}

struct sums {
  std::uint64_t count = 0;
  double sum = 0;
  double min = 0;
  double max = 0;
};
using rollups = std::map<std::pair<std::string, std::int64_t>, sums>;

/// The rollups that another program computes from the log.
rollups decoded(const std::filesystem::path& log) {
  rollups out;
  const auto command =
    std::string{FURROW_BIN_DIR} + "/furrow decode --catalogue -o jsonl < " + log.string();
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe{::popen(command.c_str(), "r"), ::pclose};
  REQUIRE(pipe);
  char* line = nullptr;
  std::size_t room = 0;
  while (::getline(&line, &room, pipe.get()) > 0) {
    const auto row = json::parse(line);
    const auto minute = static_cast<std::int64_t>(row.at("time").get<double>()) / 60 * 60;
    for (const auto& [name, signal] : row.at("signals").items()) {
      if (signal.at("state") != "value")
        continue;
      const auto value = signal.at("value").get<double>();
      auto& into = out[{row.at("message").get<std::string>() + '.' + name, minute}];
      into.min = into.count == 0 ? value : std::min(into.min, value);
      into.max = into.count == 0 ? value : std::max(into.max, value);
      into.sum += value;
      ++into.count;
    }
  }
  std::free(line);
  return out;
}

std::string said(rig& where, const std::vector<std::string>& arguments) {
  int code = 0;
  auto text = where.furrow(arguments, code);
  CAPTURE(text);
  REQUIRE(code == 0);
  return text;
}

void wait_for_digest(rig& where) {
  const bool done = eventually(60s, [&] {
    const auto status = json::parse(said(where, {"db", "status", "-o", "json"}));
    return status.at("digest").at("items_behind") == 0;
  });
  REQUIRE_MESSAGE(done, "the digest does not come to its end: " << where.node_output());
}

/// Seconds of a time like 2019-01-17T19:34:00.000000Z.
std::int64_t seconds_of(const std::string& text) {
  std::tm parts{};
  REQUIRE(::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) != nullptr);
  return ::timegm(&parts);
}

/// Compares with the decoded values. Returns the node's data about the machine as one text.
std::string check_rollups(rig& where, const std::string& equipment, const rollups& expected) {
  std::string whole = said(where, {"telemetry", equipment, "-o", "json"});
  std::size_t found = 0;
  for (const auto& signal : json::parse(said(where, {"signals", equipment, "-o", "json"}))) {
    const auto name = signal.at("name").get<std::string>();
    const auto text = said(where, {"signals", equipment, "--signal", name, "-o", "json"});
    whole += name + text;
    for (const auto& row : json::parse(text)) {
      const auto at = expected.find({name, seconds_of(row.at("time").get<std::string>())});
      CAPTURE(name);
      REQUIRE(at != expected.end());
      const auto& sums = at->second;
      CHECK(row.at("count") == sums.count);
      CHECK(row.at("min").get<double>() == doctest::Approx(sums.min));
      CHECK(row.at("max").get<double>() == doctest::Approx(sums.max));
      CHECK(row.at("mean").get<double>()
            == doctest::Approx(sums.sum / static_cast<double>(sums.count)).epsilon(1e-6));
      ++found;
    }
  }
  CHECK(found == expected.size());
  return whole;
}

} // namespace

void digest_with_kills(rig& where, rig* beside, unsigned seed) {
  constexpr int repeats = 4; // 39,000 frames, two minutes
  constexpr int kills = 5;
  const auto log = steady_log(where.folder(), repeats);
  if (!log)
    return;
  const auto expected = decoded(*log);
  REQUIRE(expected.size() > 50);
  if (beside != nullptr)
    beside->start_node({}, digest_flags);
  where.start_node({}, digest_flags);
  where.start_edge("T1", *log, "12x");
  std::mt19937 random{seed};
  int in_the_middle = 0;
  for (int kill = 0; kill < kills; ++kill) {
    // The digest begins its first pass one second after the start of the node.
    const auto moment =
      std::chrono::steady_clock::now() + std::chrono::milliseconds{1'000 + random() % 1'000};
    while (std::chrono::steady_clock::now() < moment)
      pause_a_little();
    in_the_middle += where.edge_end(0ms).has_value() ? 0 : 1;
    where.kill_node();
    where.start_node({}, digest_flags);
  }
  CHECK(in_the_middle >= kills - 1);
  const auto code = where.edge_end(90s);
  CAPTURE(where.edge_output());
  REQUIRE(code == 0);
  wait_for_digest(where);
  const auto disturbed = check_rollups(where, "T1", expected);
  where.start_edge("calm", *log);
  REQUIRE(where.edge_end(90s) == 0);
  wait_for_digest(where);
  CHECK(check_rollups(where, "calm", expected) == disturbed);
  where.kill_node(SIGTERM);
  if (beside != nullptr)
    beside->kill_node(SIGTERM);
}

void last_state_after_a_kill(rig& where) {
  const auto log = where.folder() / "one.log";
  {
    std::ofstream out{log};
    for (int i = 0; i < 100; ++i) // engine speed 1,500 rpm, every 100 ms
      out << "(1777617600." << i / 10 << i % 10 << "0000) can0 0CF00400#FFFFFFE02EFFFFFF\n";
  }
  where.start_node({}, digest_flags);
  where.start_edge("T1", log);
  REQUIRE(where.edge_end(60s) == 0);
  wait_for_digest(where);
  const auto machine = [&] {
    const auto answer =
      node_program::http_get(node_program::port_of(where.http()), "/api/v1/equipment/T1");
    REQUIRE(answer.status == 200);
    return json::parse(answer.body);
  };
  CHECK(machine().at("state_from") == "live");
  where.kill_node();
  where.start_node({}, digest_flags);
  const auto seen = machine();
  CAPTURE(seen.dump());
  CHECK(seen.at("state_from") == "store");
  CHECK(seen.at("connected") == false);
  CHECK(seen.at("node").is_null());
  CHECK(seen.at("last_frame") == "2026-05-01T06:40:00.990000Z");
  const auto& speed = seen.at("state").at("engine_speed_rpm");
  CHECK(speed.at("value") == 1'500);
  const auto age_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count()
                      - 1'777'617'600'990;
  CHECK(std::abs(speed.at("age_ms").get<std::int64_t>() - age_ms) < 60'000);
  where.kill_node(SIGTERM);
}

} // namespace furrow::tests
