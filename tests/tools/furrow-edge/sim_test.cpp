#include "can/isobus/ddi.hpp"
#include "can/live/machine_monitor.hpp"
#include "can/records/body.hpp"
#include "tests/tools/child_process.hpp"
#include "tests/tools/furrow-edge/edge_story.hpp"
#include "tests/tools/furrow/scripted_node.hpp"
#include "tools/furrow-sim/field_work.hpp"
#include "tools/furrow-sim/latency.hpp"
#include "tools/furrow-sim/sim_store.hpp"
#include "tools/furrow-sim/traffic.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include <nlohmann/json.hpp>

using namespace furrow;
using namespace furrow::sim;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

const std::string sim_program = FURROW_BIN_DIR "/furrow-sim";

std::vector<made_frame> minutes_of(std::uint64_t seed, double rate, double minutes) {
  traffic source{seed, rate, 1'000'000'000};
  std::vector<made_frame> frames;
  for (auto frame = source.next(); static_cast<double>(frame.time_us) < 1e9 + minutes * 6e7;
       frame = source.next())
    frames.push_back(frame);
  return frames;
}

std::uint32_t pgn_of(const made_frame& frame) {
  const auto pgn = frame.header.id() >> 8U & 0x3FFFFU;
  return (pgn >> 8U & 0xFFU) < 240 ? pgn & 0x3FF00U : pgn;
}

double number(const made_frame& frame, unsigned at, unsigned bytes, double scale, double offset) {
  std::uint32_t raw = 0;
  std::memcpy(&raw, frame.payload.data() + at - 1, bytes);
  return raw * scale + offset;
}

struct run_result {
  int code;
  std::string output;
};
run_result run(const scratch_folder& folder, const std::vector<std::string>& arguments) {
  const auto file = folder.file("output");
  std::filesystem::remove(file);
  child_process sim{sim_program, arguments, file};
  const auto code = sim.wait();
  CHECK_MESSAGE(code, "still running: " << sim.output());
  return {code.value_or(-1), sim.output()};
}

} // namespace

TEST_CASE("traffic: a seed gives the same valid frames, in order and at the requested rate") {
  for (const double rate : {50.0, 300.0, 2'000.0}) {
    const auto frames = minutes_of(4, rate, 2);
    CHECK(static_cast<double>(frames.size()) / 120 == doctest::Approx(rate).epsilon(0.05));
    std::int64_t last = 0;
    for (const auto& frame : frames) {
      REQUIRE(can::fault_of(frame.header) == can::frame_fault::none);
      REQUIRE(frame.time_us > last);
      last = frame.time_us;
    }
    const auto again = minutes_of(4, rate, 2);
    REQUIRE(again.size() == frames.size());
    CHECK(std::equal(frames.begin(), frames.end(), again.begin(), [](const auto& a, const auto& b) {
      return a.time_us == b.time_us && a.header == b.header && a.payload == b.payload;
    }));
  }
  CHECK(minutes_of(4, 300, 0.1).back().payload != minutes_of(5, 300, 0.1).back().payload);
}

TEST_CASE("traffic: sends a tractor's signals within a tractor's limits") {
  const auto frames = minutes_of(9, 300, 10);
  std::map<std::uint32_t, unsigned> seen;
  double rpm_low = 1e9;
  double rpm_high = 0;
  double speed_high = 0;
  bool hitch_up = false;
  bool hitch_down = false;
  for (const auto& frame : frames) {
    const auto pgn = pgn_of(frame);
    ++seen[pgn];
    if (pgn == 61'444) {
      rpm_low = std::min(rpm_low, number(frame, 4, 2, 0.125, 0));
      rpm_high = std::max(rpm_high, number(frame, 4, 2, 0.125, 0));
    } else if (pgn == 65'097) {
      speed_high = std::max(speed_high, number(frame, 1, 2, 0.001, 0));
    } else if (pgn == 65'093) {
      const auto hitch = number(frame, 1, 1, 0.4, 0);
      CHECK(hitch <= 100);
      hitch_up = hitch_up || hitch > 90;
      hitch_down = hitch_down || hitch < 20;
    } else if (pgn == 65'267) {
      CHECK(number(frame, 1, 4, 1e-7, -210) == doctest::Approx(52.2).epsilon(0.03));
    }
  }
  CHECK(rpm_low > 700);
  CHECK(rpm_high < 2'300);
  CHECK(rpm_high - rpm_low > 500);
  CHECK(speed_high > 2);
  CHECK(speed_high < 5);
  CHECK(hitch_up);
  CHECK(hitch_down);
  for (const std::uint32_t pgn :
       {61'444U, 65'265U, 65'096U, 65'097U, 65'266U, 65'262U, 65'091U, 65'093U, 129'025U, 129'026U,
        65'267U, 60'928U, 59'904U, 60'416U, 60'160U}) {
    CAPTURE(pgn);
    CHECK(seen[pgn] > 0);
  }
  CHECK(seen[60'928] >= 10); // claims are repeated
}

TEST_CASE(
  "traffic: broadcasts are complete: announced, numbered, with the announced number of packets") {
  const auto frames = minutes_of(2, 300, 3);
  std::map<std::uint32_t, std::string> messages; // PGN -> the last whole one
  std::string data;
  std::size_t size = 0;
  unsigned next = 0;
  std::uint32_t pgn = 0;
  for (const auto& frame : frames) {
    if (pgn_of(frame) == 60'416) {
      REQUIRE(frame.payload[0] == 32);
      CHECK(next == 0); // none begins before the last one ended
      size = frame.payload[1] + frame.payload[2] * 256U;
      CHECK(frame.payload[3] == (size + 6) / 7);
      pgn = frame.payload[5] | frame.payload[6] << 8U | frame.payload[7] << 16U;
      next = 1;
      data.clear();
    } else if (pgn_of(frame) == 60'160) {
      REQUIRE(frame.payload[0] == next++);
      data.append(reinterpret_cast<const char*>(frame.payload.data()) + 1, 7);
      if (data.size() >= size) {
        messages[pgn] = data.substr(0, size);
        next = 0;
      }
    }
  }
  REQUIRE(messages.count(65'260) == 1);
  CHECK(messages[65'260].size() == 18);
  CHECK(messages[65'260].back() == '*');
  REQUIRE(messages.count(65'226) == 1);
  CHECK(messages[65'226].size() == 10);
}

TEST_CASE("sim store: stops at its window, and sends the same bytes again on request") {
  const block_pool pool{1, 300, 100};
  latency_histogram latency;
  sim_store store{pool, 1, 1'000, 0, latency};
  std::uint64_t made = 0;
  while (const auto count = store.add(1'000'000))
    made += count;
  CHECK(made == 1'000);
  CHECK(store.last_seq() == 1'000);
  CHECK(store.add(7) == 0);
  const auto first = *store.read(1, 1U << 20U, 64);
  REQUIRE(first.size() == 10);
  store.acknowledge(450);
  CHECK(latency.total() == 400); // whole blocks
  CHECK(store.add(7) == 7);
  store.rewind(151);
  CHECK(store.acked_seq() == 150);
  const auto again = *store.read(151, 1U << 20U, 64);
  REQUIRE(again.size() == 10);
  CHECK(again[0].seq_first == 101);
  for (std::size_t i = 0; i < 9; ++i)
    CHECK(*again[i].bytes == *first[i + 1].bytes);
  CHECK(std::get<can::frame_block>(decoded(again.back())).size() == 7);
  store.acknowledge(1'007);
  CHECK(latency.total() == 1'007); // counted once, however often it was sent
  CHECK(store.read(1'008, 1, 1)->empty());
}

TEST_CASE("sim traffic: a bus has the requested number of identifiers") {
  for (const std::size_t ids : {3U, 10U, 60U}) {
    const block_pool pool{1, 300, 4'096, ids};
    std::set<std::uint64_t> seen;
    for (const auto& block : pool.blocks())
      seen.insert(block.headers.begin(), block.headers.end());
    CHECK(seen.size() == ids);
  }
}

TEST_CASE("sim store: pre-encoded blocks equal freshly encoded blocks") {
  const block_pool pool{1, 300, 100};
  auto block = pool.blocks()[7];
  block.time_base_us += 123'456'789;
  const auto made = pool.encoded(7, 100, 123'456'790); // its times begin at 1
  CHECK(*made == proto::encode_items(proto::item_group{block}));
}

TEST_CASE("sim store: times continue from block to block and from round to round of the pool") {
  const block_pool pool{1, 300, 4'096};
  std::int64_t last = 0;
  for (std::uint64_t n = 0; n < 200; ++n) {
    const auto block =
      std::get<can::frame_block>(decoded({1, 4'096, pool.encoded(n, 4'096, 1'000'000)}));
    REQUIRE(block.time_us(0) > last);
    last = block.time_us(4'095);
  }
}

TEST_CASE(
  "sim store: times begin at the start and keep pace with the frames, also in parts of blocks") {
  const block_pool pool{1, 300, 30};
  constexpr std::int64_t start = 1'795'892'362'000'000;
  for (std::uint64_t seed = 1; seed < 6; ++seed) {
    latency_histogram latency;
    sim_store store{pool, seed, 100'000, start, latency};
    for (int i = 0; i < 3'000; ++i)
      REQUIRE(store.add(static_cast<std::uint64_t>(i) % 7 + 1) > 0);
    std::int64_t last = start;
    for (std::uint64_t next = 1; next <= store.last_seq();)
      for (const auto& item : blocks_from(store, next)) {
        const auto block = std::get<can::frame_block>(decoded(item));
        if (next == 1)
          CHECK(block.time_us(0) == start);
        REQUIRE(block.time_us(0) >= last);
        last = block.time_us(block.size() - 1);
        next = item.seq_last() + 1;
      }
    const auto seconds = static_cast<double>(last - start) / 1e6;
    CHECK(seconds == doctest::Approx(static_cast<double>(store.last_seq()) / 300).epsilon(0.1));
  }
}

TEST_CASE("field work: the sections of the implement cover the field once, and nothing outside") {
  for (std::uint32_t number = 0; number < 4; ++number) {
    CAPTURE(number);
    field_work work{field_of(number)};
    const auto& plan = work.plan();
    tractor machine{1};
    double working_s = 0;
    double longest_m = 0;
    auto before = std::pair{0.0, 0.0};
    for (int i = 0; i < 6 * 3'600 * 10 && work.area_m2() < plan.across_m() * plan.length_m * 0.98;
         ++i) {
      work.advance(machine, 0.1);
      working_s += machine.working ? 0.1 : 0;
      const auto north = (machine.latitude_deg - plan.latitude_deg) * 111'195;
      CHECK(std::abs(north) < 700);
      if (i > 0)
        longest_m =
          std::max(longest_m, std::hypot((machine.longitude_deg - before.first) * 68'300,
                                         (machine.latitude_deg - before.second) * 111'195));
      before = {machine.longitude_deg, machine.latitude_deg};
    }
    // A headland with another implement would take the rest.
    CHECK(work.area_m2() >= plan.across_m() * plan.length_m * 0.98);
    CHECK(work.area_m2() <= plan.across_m() * plan.length_m * 1.02);
    CHECK(working_s > 600);
    CHECK(longest_m < 0.6); // it never jumps
  }
}

TEST_CASE("field work: a node sees the implement, its sections, and faults that come and go") {
  traffic source{7, 300, 1'777'615'200'000'000, field_of(7)};
  can::machine_monitor monitor;
  bool appeared = false;
  bool cleared = false;
  std::set<std::int32_t> states;
  for (auto frame = source.next(); frame.time_us < 1'777'615'200'000'000 + 900'000'000;
       frame = source.next()) {
    monitor.update(can::frame_view{frame.time_us, frame.header, frame.payload.data()});
    for (const auto& change : monitor.fault_changes()) {
      appeared = appeared || change.event == can::fault_event::appeared;
      cleared = cleared || change.event == can::fault_event::cleared;
    }
    for (const auto& one : monitor.process_values())
      if (one.data.ddi == 161)
        states.insert(one.data.value);
  }
  CHECK(appeared);
  CHECK(cleared);
  CHECK(states.size() > 10); // they switch one after another
  const auto report = monitor.report();
  const auto found = std::find_if(report.implements.begin(), report.implements.end(),
                                  [](const auto& one) { return one.address == 0x80; });
  REQUIRE(found != report.implements.end());
  REQUIRE(found->description.has_value());
  CHECK(found->description->device.designator == "Combine 7.5 m");
  CHECK(found->name.has_value());
  bool yields = false;
  for (const auto& one : found->values)
    if (one.shown && one.shown->name == "Yield") {
      yields = true;
      CHECK(one.shown->unit == "t/ha");
      CHECK(one.shown->value < 12);
    }
  CHECK(yields);
}

TEST_CASE("work source: items are on time, in order, and yield samples are valid") {
  constexpr std::int64_t start = 1'777'615'200'000'000;
  work_source source{field_of(3), 3, 300, start};
  CHECK(source.next(1'000, start - 1).items == 0);
  std::int64_t last = start;
  std::size_t samples = 0;
  for (std::int64_t until = start; until < start + 120'000'000; until += 100'000)
    for (auto made = source.next(1'000, until); made.items > 0; made = source.next(1'000, until)) {
      const auto items = decoded({1, made.items, made.bytes});
      if (const auto* records = std::get_if<std::vector<can::record>>(&items)) {
        for (const auto& one : *records) {
          CHECK(one.time_us <= until);
          CHECK(can::refusal_of(one).value_or("") == "");
          ++samples;
        }
        continue;
      }
      const auto& block = std::get<can::frame_block>(items);
      CHECK(block.time_us(0) >= last);
      last = block.time_us(block.size() - 1);
      CHECK(last <= until);
      CHECK(block.size() == made.items);
    }
  CHECK(last > start + 119'000'000);
  CHECK(samples > 60);
}

TEST_CASE("latency: quantiles are within a thirtieth") {
  latency_histogram histogram;
  CHECK(histogram.quantile_us(0.5) == 0);
  for (int us = 1; us <= 100'000; ++us)
    histogram.add(std::chrono::microseconds{us}, 1);
  CHECK(histogram.total() == 100'000);
  CHECK(histogram.max_us() == 100'000);
  for (const double share : {0.001, 0.1, 0.5, 0.99})
    CHECK(static_cast<double>(histogram.quantile_us(share))
          == doctest::Approx(share * 100'000).epsilon(0.04));
  CHECK(histogram.quantile_us(1) == 100'000);
}

TEST_CASE(
  "furrow-sim: a fleet with every fault switched on delivers every frame of every machine once") {
  scratch_folder folder;
  scripted_node node;
  const auto end =
    run(folder, {"run", "--node", node.address(), "--machines", "7", "--rate", "2000", "--frames",
                 "3000", "--until-durable", "--timeout", "25", "--disconnect-every", "0.2",
                 "--duplicate", "--bad-bytes", "-q", "-o", "json"});
  CHECK(end.code == 0);
  const auto report = nlohmann::json::parse(end.output, nullptr, false);
  REQUIRE_FALSE(report.is_discarded());
  CHECK(report["sent"] == 21'000);
  CHECK(report["durable"] == 21'000);
  CHECK(report["machines"] == 7);
  CHECK(report["disconnects"] > 0);
  CHECK(report["duplicated_batches"] > 0);
  CHECK(report["ack_latency_us"]["p99"] >= report["ack_latency_us"]["p50"]);
  std::size_t machines = 0;
  for (const auto& [id, stream] : node.streams()) {
    if (stream.durable == 0)
      continue; // a stranger's greeting that happened to be one
    CHECK(stream.ids.size() == 3'000);
    ++machines;
  }
  CHECK(machines == 7);
}

TEST_CASE("furrow-sim: at full speed the node receives the frames of the pool") {
  scratch_folder folder;
  scripted_node node;
  const auto end =
    run(folder, {"run", "--node", node.address(), "--rate", "max", "--frames", "100001", "--seed",
                 "3", "--until-durable", "--timeout", "25", "-q"});
  CHECK(end.code == 0);
  CHECK(end.output == "sent 100001  durable 100001\n");
  CHECK(node.streams().begin()->second.ids.size() == 100'001);
}

TEST_CASE("furrow-sim: machines at work send items up to now, and have fields of their own") {
  scratch_folder folder;
  scripted_node node;
  const auto end =
    run(folder, {"run", "--node", node.address(), "--machines", "4", "--at-work", "--rate", "max",
                 "--frames", "9000", "--until-durable", "--timeout", "25", "-q"});
  CHECK(end.code == 0);
  CHECK(end.output == "sent 36000  durable 36000\n");
  const auto fields =
    nlohmann::json::parse(run(folder, {"fields", "--machines", "4"}).output, nullptr, false);
  REQUIRE_FALSE(fields.is_discarded());
  CHECK(fields["features"].size() == 4);
  CHECK(fields["features"][0]["properties"]["crop"] == "sugar beet");
  CHECK(fields["features"][3]["geometry"]["coordinates"][0].size() == 5);
}

TEST_CASE("furrow-sim: the log command is repeatable, and usage errors exit with 2") {
  scratch_folder folder;
  const auto log = run(folder, {"log", "--seconds", "2", "--seed", "5", "--machines", "2"});
  CHECK(log.code == 0);
  CHECK(log.output
        == run(folder, {"log", "--seconds", "2", "--seed", "5", "--machines", "2"}).output);
  CHECK(log.output.find(" can1 ") != std::string::npos);
  CHECK(std::count(log.output.begin(), log.output.end(), '\n') > 1'000);
  for (const auto& wrong : std::vector<std::vector<std::string>>{
         {},
         {"run"},
         {"run", "--node", "a:1"},
         {"run", "--node", "a", "--frames", "1"},
         {"run", "--node", "a:1", "--frames", "1", "--rate", "fast"},
         {"run", "--node", "a:1", "--frames", "1", "--since", "60"},
         {"run", "--node", "a:1", "--frames", "1", "--at-work", "--ids", "4"},
         {"log", "--rate", "0"}})
    CHECK(run(folder, wrong).code == 2);
  CHECK(run(folder, {"run", "--node", "127.0.0.1:1", "--frames", "1", "--until-durable",
                     "--timeout", "0.3"})
          .code
        == 3);
}
