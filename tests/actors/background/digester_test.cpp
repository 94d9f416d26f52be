#include "actors/background/digester.hpp"
#include "tests/support/idle_store.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;

namespace {

using storage::digest_stream;

/// Streams without frames: a digest only advances their positions. Every batch with the stream
/// `poison` fails.
class scripted_lane : public storage::digest_store {
public:
  std::vector<digest_stream> streams;
  std::int32_t poison = 0;

  void pending(std::int32_t after,
               std::size_t count,
               storage::handler<std::vector<digest_stream>> done) override {
    std::vector<digest_stream> out;
    {
      const std::lock_guard lock{mutex_};
      for (auto one : streams) {
        one.digested = digested_[one.stream];
        if (one.stream > after && one.digested < one.durable && out.size() < count)
          out.push_back(one);
      }
      passes_ += after == 0 ? 1 : 0;
    }
    moved_.notify_all();
    done(std::move(out));
  }
  void read(std::vector<storage::digest_span> spans,
            storage::handler<std::vector<storage::digest_page>> done) override {
    std::vector<storage::digest_page> pages(spans.size());
    for (std::size_t i = 0; i < spans.size(); ++i)
      pages[i].to = std::min(spans[i].up_to, spans[i].after + 10);
    done(std::move(pages));
  }
  void commit(std::shared_ptr<const storage::digest_batch> what,
              storage::handler<std::vector<bool>> done) override {
    const std::lock_guard lock{mutex_};
    batches_.push_back(*what);
    if (std::any_of(what->begin(), what->end(),
                    [&](const auto& one) { return one.stream == poison; }))
      return done(storage::failure{storage::errc::reject_row, "a row that no table takes"});
    for (const auto& one : *what)
      digested_[one.stream] = one.to;
    done(std::vector<bool>(what->size(), true));
  }
  void signal_ids(std::vector<storage::digest_signal> signals,
                  storage::handler<std::vector<std::int32_t>> done) override {
    done(std::vector<std::int32_t>(signals.size(), 1));
  }
  void places(std::string, std::string, storage::handler<storage::machine_places>) override {}
  void replace(std::shared_ptr<const storage::rollups_again>, storage::handler<bool>) override {}

  /// All batches, when the digest has begun this number of passes.
  std::vector<storage::digest_batch> wait_passes(unsigned count) {
    std::unique_lock lock{mutex_};
    moved_.wait_for(lock, 20s, [&] { return passes_ >= count; });
    REQUIRE(passes_ >= count);
    return batches_;
  }
  /// Whether that many have begun before `patience` is over.
  bool passes_within(unsigned count, std::chrono::milliseconds patience) {
    std::unique_lock lock{mutex_};
    return moved_.wait_for(lock, patience, [&] { return passes_ >= count; });
  }
  std::map<std::int32_t, std::uint64_t> digested() {
    const std::lock_guard lock{mutex_};
    return digested_;
  }

private:
  std::mutex mutex_;
  std::condition_variable moved_;
  std::map<std::int32_t, std::uint64_t> digested_;
  std::vector<storage::digest_batch> batches_;
  unsigned passes_ = 0;
};

class digested_store : public tests::idle_store {
public:
  explicit digested_store(std::shared_ptr<storage::digest_store> lane) : lane_{std::move(lane)} {}
  storage::digest_store* digest() override { return lane_.get(); }

private:
  std::shared_ptr<storage::digest_store> lane_;
};

digest_config quick_digest() {
  digest_config config;
  config.interval = config.longest = 1ms;
  config.duty_pct = 100;
  return config;
}

/// The batches of the first `passes` passes.
std::vector<storage::digest_batch>
run(const std::shared_ptr<scripted_lane>& lane, unsigned passes, census& counts) {
  digested_store store{lane};
  const std::shared_ptr<census> shared{&counts, [](census*) {}};
  caf::actor_system_config config;
  caf::actor_system system{config};
  const auto one = system.spawn(digester, quick_digest(), &store, shared);
  auto batches = lane->wait_passes(passes);
  caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
  return batches;
}

} // namespace

TEST_CASE("digester: a batch has many streams, but only one of each machine") {
  const auto lane = std::make_shared<scripted_lane>();
  for (std::int32_t i = 1; i <= 100; ++i) // stream 40 and 41 are of machine 40
    lane->streams.push_back({i, i == 41 ? 40 : i, 0, 10, {}, {}});
  census counts;
  const auto batches = run(lane, 2, counts);
  std::size_t commits = 0;
  for (const auto& batch : batches) {
    CHECK(batch.size() <= 32);
    std::vector<std::int32_t> machines;
    for (const auto& one : batch)
      machines.push_back(one.equipment);
    std::sort(machines.begin(), machines.end());
    CHECK(std::unique(machines.begin(), machines.end()) == machines.end());
    commits += batch.size();
  }
  CHECK(commits == 100);
  CHECK(batches.size() <= 5);
  CHECK(counts.counters.digest_commits == 100);
  CHECK(counts.counters.digest_streams_behind == 0);
}

TEST_CASE("digester: skips only the stream that the database rejects") {
  const auto lane = std::make_shared<scripted_lane>();
  for (std::int32_t i = 1; i <= 20; ++i)
    lane->streams.push_back({i, i, 0, 25, {}, {}});
  lane->poison = 7;
  census counts;
  run(lane, 6, counts);
  for (const auto& [stream, seq] : lane->digested())
    CHECK(seq == (stream == 7 ? 0 : 25));
  CHECK(counts.counters.digest_failures >= 3); // one in each pass
  CHECK(counts.counters.digest_streams_behind == 1);
}

TEST_CASE("digester: rests for the longest interval until somebody reads history") {
  const auto lane = std::make_shared<scripted_lane>();
  lane->streams.push_back({1, 1, 0, 10, {}, {}});
  digested_store store{lane};
  const auto counts = std::make_shared<census>();
  auto patient = quick_digest();
  patient.longest = 1h;
  caf::actor_system_config config;
  caf::actor_system system{config};
  const auto one = system.spawn(digester, patient, &store, counts);
  REQUIRE(lane->passes_within(1, 20s));
  CHECK_FALSE(lane->passes_within(2, 100ms)); // a hundred times the short interval
  counts->read_lately.note("T1", census::clock::now());
  CHECK(lane->passes_within(3, 20s));
  caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
}
