// Who asks the database for the machines of a farm, and who waits for whose answer.
#include "actors/live/counters.hpp"
#include "tests/support/idle_store.hpp"
#include "tools/furrowd/cache/summaries.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

using namespace furrow;
using namespace furrow::http;
using namespace std::chrono_literals;

namespace {

/// Keeps who asks for machines until the test answers.
class held_store final : public tests::idle_store {
public:
  using rows_handler = storage::handler<stored_rows>;
  void list_equipment(std::string /*farm*/, rows_handler done) override {
    asked.push_back(std::move(done));
  }
  std::vector<rows_handler> asked;
};

class quiet_meter final : public actors::node_meter {
public:
  [[nodiscard]] actors::node_stats stats() const override { return {}; }
  [[nodiscard]] bool is_store_up() const override { return true; }
  [[nodiscard]] std::uint64_t items_quarantined() const override { return quarantined; }
  std::uint64_t quarantined = 0;
};

/// People who ask for the machines of the farm hill.
struct askers {
  void ask() {
    boost::asio::co_spawn(
      io, stored_equipment(*cache, store, meter, "hill", 10s),
      [this](const std::exception_ptr& failed, const std::variant<shared_rows, problem>& said) {
        const auto* const rows = std::get_if<shared_rows>(&said);
        heard.push_back(failed || rows == nullptr ? -1 : static_cast<int>((*rows)->size()));
      });
    work();
  }
  void answer(std::size_t which, storage::result<stored_rows> said) {
    std::exchange(store.asked.at(which), {})(std::move(said));
    work();
  }
  void work() {
    io.restart();
    io.poll();
  }
  static stored_rows rows(std::size_t count) {
    stored_rows made(count);
    for (std::size_t i = 0; i < count; ++i) {
      made[i].farm = "hill";
      made[i].name = std::to_string(i);
    }
    return made;
  }

  boost::asio::io_context io;
  std::shared_ptr<summary_cache> cache =
    std::make_shared<summary_cache>(io, cache_limits{.ttl = 1h}, std::nullopt);
  held_store store;
  quiet_meter meter;
  std::vector<int> heard; // how many rows each got; -1: a problem
};

} // namespace

TEST_CASE_FIXTURE(askers,
                  "summaries: many who ask at once cause one query, and all get its answer") {
  for (int i = 0; i < 100; ++i)
    ask();
  REQUIRE(store.asked.size() == 1);
  CHECK(heard.empty());
  answer(0, rows(3));
  CHECK(heard == std::vector<int>(100, 3));
  ask(); // from memory
  CHECK(store.asked.size() == 1);
  CHECK(heard.size() == 101);
}

TEST_CASE_FIXTURE(askers,
                  "summaries: all who wait hear of a failure, and the next one asks again") {
  ask();
  ask();
  answer(0, storage::failure{storage::errc::retry_later, "it is away"});
  CHECK(heard == std::vector<int>{-1, -1});
  ask();
  REQUIRE(store.asked.size() == 2);
  answer(1, rows(1));
  CHECK(heard.back() == 1);
}

TEST_CASE_FIXTURE(askers,
                  "summaries: who asks after a change does not get what was read before it") {
  ask();
  cache->forget("hill");
  ask();
  REQUIRE(store.asked.size() == 2);
  cache->outdate("hill");
  ask();
  meter.quarantined = 1;
  ask();
  REQUIRE(store.asked.size() == 4);
  answer(0, rows(1));
  answer(1, rows(2));
  answer(2, rows(3));
  answer(3, rows(4));
  CHECK(heard == std::vector<int>{1, 2, 3, 4});
  ask();
  CHECK(heard.back() == 4);
}

TEST_CASE_FIXTURE(askers, "summaries: without a cache everybody asks") {
  cache->limit(0ms);
  ask();
  ask();
  REQUIRE(store.asked.size() == 2);
  answer(1, rows(2));
  answer(0, rows(1));
  CHECK(heard == std::vector<int>{2, 1});
}

TEST_CASE_FIXTURE(askers, "summaries: rows count with their size, whatever room their list has") {
  const auto most = (cache_limits{}.bytes_max / 4) / sizeof(storage::equipment_row);
  auto many = rows(most / 2 + 1'000);
  many.reserve(most + 1'000);
  ask();
  answer(0, std::move(many));
  ask();
  CHECK(store.asked.size() == 1);
  CHECK(heard.size() == 2);
}

TEST_CASE(
  "shared reads: a read that hangs, or ends without an answer, does not hold up who asks later") {
  shared_reads<int, int> reads;
  shared_reads<int, int>::clock::time_point now{1h};
  std::vector<int> heard;
  const auto hear = [&heard](int said) { heard.push_back(said); };
  auto first = reads.join(1, 0, hear, now);
  REQUIRE(first);
  CHECK_FALSE(reads.join(1, 0, hear, now + 9'999ms));
  CHECK(reads.began(1, 0, now + 9'999ms) == now);
  CHECK_FALSE(reads.began(1, 0, now + 10s));
  auto second = reads.join(1, 0, hear, now + 10s);
  REQUIRE(second);
  reads.land(first, 7);
  CHECK(heard == std::vector<int>{7, 7});
  CHECK_FALSE(reads.join(1, 0, hear, now + 11s)); // the second goes on
  second.reset();
  CHECK(reads.join(1, 0, hear, now + 11s));
}
