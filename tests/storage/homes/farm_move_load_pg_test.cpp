// A farm moves while its machines send, and the process that moves it is killed between every two steps. How long do they
// wait?
#include "can/frame/frame.hpp"
#include "storage/maintenance.hpp"
#include "storage/postgres/homes/farm_mover.hpp"
#include "storage/sealing.hpp"
#include "tests/storage/move/move_bed.hpp"
#include "tests/storage/suite/child.hpp"
#include "tests/support/eventually.hpp"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

using clock_type = std::chrono::steady_clock;

constexpr std::int64_t begin_us = 1'777'636'800'000'000;
constexpr std::size_t history_block = 20; // frames
constexpr std::size_t block_frames = 10;  // 10 times a second
constexpr std::chrono::milliseconds pause{100};

std::size_t number_from(const char* name, std::size_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : std::strtoul(given, nullptr, 10);
}

/// Frame `seq` of a machine is the same whenever it is made.
can::frame_block frames_of(unsigned machine, std::uint64_t after, std::size_t count) {
  can::frame_block block;
  for (std::uint64_t seq = after + 1; seq <= after + count; ++seq) {
    std::uint8_t data[8]{static_cast<std::uint8_t>(machine), static_cast<std::uint8_t>(seq),
                         static_cast<std::uint8_t>(seq >> 8U),
                         static_cast<std::uint8_t>(seq >> 16U)};
    REQUIRE(block.push(begin_us + static_cast<std::int64_t>(seq) * 10'000,
                       can::pack({.id = 0x0CF00400 + static_cast<std::uint32_t>(seq % 8) * 0x100,
                                  .extended = true,
                                  .length = 8}),
                       data));
  }
  return block;
}

std::string name_of(unsigned machine) {
  return "T" + std::to_string(machine);
}

/// Machines that send 100 frames a second each, to wherever the farm is.
class fleet {
public:
  fleet(unsigned machines, std::string main, std::string b)
    : machines_{machines}, names_{std::move(main), std::move(b)} {
    for (const auto& name : names_) {
      stores_.push_back(open_url(copy_cluster().url(name)));
      lanes_.push_back(stores_.back()->open_appender("w0"));
    }
  }
  ~fleet() { stop(); }
  fleet(const fleet&) = delete;
  fleet& operator=(const fleet&) = delete;

  store& at(std::size_t home) { return *stores_[home]; }
  std::uint64_t seq_of(unsigned machine) const { return seqs_[machine]; }
  std::chrono::milliseconds stall() const { return std::chrono::milliseconds{stall_ms_.load()}; }
  std::size_t home() const { return home_.load(); }

  /// False: the farm is nowhere at this moment.
  bool claim_all() {
    for (std::size_t home = 0; home < names_.size(); ++home) {
      if (copy_cluster()
            .exec("select from furrow.farm where name = 'default' and home_state = 'here'",
                  names_[home])
            .empty()
          && !claims_.empty())
        continue;
      std::vector<claim_request> asked;
      for (unsigned machine = 0; machine < machines_; ++machine)
        asked.push_back(request_for(name_of(machine), machine + 1));
      const auto got = answer_of<std::vector<claim_outcome>>(
        [&](auto done) { stores_[home]->claim(asked, done); });
      if (!got || std::any_of(got->begin(), got->end(), [](const auto& one) {
            return one.held || one.claim.stream == 0;
          }))
        continue;
      claims_ = *got;
      for (unsigned machine = 0; machine < machines_; ++machine) {
        CHECK(claims_[machine].durable_seq >= seqs_[machine]);
        seqs_[machine] = claims_[machine].durable_seq;
      }
      home_ = home;
      return true;
    }
    return false;
  }

  /// One block of each machine. False: a newer claim, or the move, was first.
  bool send(std::size_t frames) {
    append_batch batch;
    for (unsigned machine = 0; machine < machines_; ++machine)
      batch.push_back(append_of(claims_[machine].claim, seqs_[machine],
                                frames_of(machine, seqs_[machine], frames)));
    const auto stored = append(*lanes_[home_], std::move(batch));
    if (!stored || !stored->fenced.empty() || !stored->waiting.empty())
      return false;
    for (auto& seq : seqs_)
      seq += frames;
    return true;
  }

  void fill(std::size_t frames) {
    REQUIRE(claim_all());
    for (std::size_t sent = 0; sent < frames; sent += history_block)
      REQUIRE(send(history_block));
  }

  void start() {
    worker_ = std::thread{[this] {
      auto acked = clock_type::now();
      auto next = acked;
      while (!stopped_) {
        while (!stopped_ && !send(block_frames))
          while (!stopped_ && !claim_all())
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        const auto now = clock_type::now();
        const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(now - acked);
        stall_ms_ = std::max(stall_ms_.load(), waited.count());
        acked = now;
        next = std::max(next + pause, now - pause);
        std::this_thread::sleep_until(next);
      }
    }};
  }
  void stop() {
    stopped_ = true;
    if (worker_.joinable())
      worker_.join();
  }

private:
  unsigned machines_;
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<store>> stores_;
  std::vector<std::unique_ptr<appender>> lanes_;
  std::vector<claim_outcome> claims_;
  std::vector<std::uint64_t> seqs_ = std::vector<std::uint64_t>(machines_);
  std::atomic<std::size_t> home_{0};
  std::atomic<std::int64_t> stall_ms_{0};
  std::atomic<bool> stopped_{false};
  std::thread worker_;
};

std::string noted_step(const std::string& main) {
  const auto rows = copy_cluster().exec("select step from furrow.farm_move", main);
  return rows.empty() ? "" : rows[0][0];
}

/// Until the machines have stored so much more there.
void wait_for_items(const std::string& database) {
  constexpr std::chrono::seconds patience{20};
  constexpr long long more = 2'000; // of 20 machines at 100 frames/s: a second
  const auto items = [&] {
    return std::stoll(copy_cluster().value(
      "select coalesce(sum(seq), 0)::bigint from furrow.stream_watermark", database));
  };
  const auto before = items();
  REQUIRE(eventually(patience, [&] { return items() >= before + more; }));
}

} // namespace

TEST_CASE("child: moves a farm at full speed" * doctest::skip()) {
  const char* url = std::getenv("FURROW_CHILD_URL");
  if (url == nullptr)
    return;
  farm_move_wish wish;
  wish.main.url = url;
  wish.farm = "default";
  wish.target = "b";
  wish.by = "child";
  // The fleet asks the databases themselves: no node has to read the directory before.
  wish.release_after = std::chrono::seconds{2};
  if (!move_farm(wish, {}))
    std::_Exit(1);
}

TEST_CASE(
  "farm move, load: machines that send wait two seconds at most, and every frame is there once") {
  const auto machines = static_cast<unsigned>(number_from("FURROW_MOVE_MACHINES", 20));
  const auto history = number_from("FURROW_MOVE_FRAMES", 2'000);
  const std::string main = "load_main";
  const std::string b = "load_b";
  for (const auto& name : {main, b}) {
    copy_cluster().make_database(name);
    store_options options;
    options.url = copy_cluster().url(name);
    (void)must(migrate_database(options, {}, false));
  }
  copy_cluster().exec("insert into furrow.database (name, url, number) values ('b', '"
                        + copy_cluster().url(b) + "', 1)",
                      main);
  copy_cluster().exec("select furrow.number_ids(1)", b);
  fleet sending{machines, main, b};
  sending.fill(history / 2);
  (void)must(answer_of<seal_outcome>(
    [&](auto done) { sending.at(0).sealing()->seal({.due_after = {}}, done); }));
  sending.fill(history / 2);
  sending.start();
  wait_for_items(main);

  const auto begun = clock_type::now();
  const std::string child = "child: moves a farm at full speed";
  const auto url = copy_cluster().url(main);
  for (const std::string failpoint :
       {"farm.worked:1:abort", "farm.worked:2:abort", "farm.worked:2:abort", "farm.worked:2:abort",
        "farm.slice:1:abort", "farm.slice:2:abort", "farm.worked:2:abort", "farm.worked:2:abort",
        ""}) {
    child_writer mover{url, failpoint, child};
    const auto status = mover.wait();
    if (failpoint.empty() || status == 0)
      break;
    CHECK(status == failpoint_exit);
  }
  const std::chrono::duration<double> took = clock_type::now() - begun;
  wait_for_items(b);
  sending.stop();
  MESSAGE(machines << " machines at 100 frames/s, " << machines * history
                   << " frames of history: longest wait for an ack " << sending.stall().count()
                   << " ms, the whole move " << took.count() << " s");
  CHECK(noted_step(main).empty());
  CHECK(sending.home() == 1);
  CHECK(sending.stall() <= std::chrono::milliseconds{2'000});
  for (const auto& name : {main, b})
    CHECK(copy_cluster().value("select count(*) from furrow.ledger where lost <> 0 or doubled <> 0",
                               name)
          == "0");
  CHECK(copy_cluster().value("select count(*) from furrow.ledger", b) == std::to_string(machines));
  for (unsigned machine = 0; machine < machines; ++machine) {
    CAPTURE(machine);
    std::uint64_t seq = 0;
    for (const auto& run : read_all(sending.at(1), {"default", name_of(machine), {}, {}})) {
      REQUIRE(run.seq_first == seq + 1);
      check_same_frames(run.block, frames_of(machine, seq, run.block.size()));
      seq += run.block.size();
    }
    CHECK(seq == sending.seq_of(machine));
  }
}
