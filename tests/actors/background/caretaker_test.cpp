#include "actors/background/caretaker.hpp"
#include "tests/support/idle_store.hpp"
#include "tests/support/virtual_time.hpp"

#include <doctest/doctest.h>

#include <deque>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;

namespace {

/// Answers each call from the script, on the caller's thread. After the script there is no work.
class scripted_care : public tests::idle_store,
                      public storage::partition_store,
                      public storage::retention_store {
public:
  storage::partition_store* partitions() override { return this; }
  storage::retention_store* retention() override { return this; }

  std::deque<storage::result<storage::partition_outcome>> made;
  std::deque<storage::result<storage::expire_outcome>> expiries;
  unsigned partition_calls = 0;
  std::vector<storage::equipment_row> machines;
  std::vector<storage::expire_request> requests;

  void keep_partitions(std::optional<std::int64_t> at_us,
                       storage::handler<storage::partition_outcome> done) override {
    CHECK_FALSE(at_us); // the store uses the database's clock
    ++partition_calls;
    done(next<storage::partition_outcome>(made));
  }
  void expire(storage::expire_request request,
              storage::handler<storage::expire_outcome> done) override {
    requests.push_back(request);
    done(next<storage::expire_outcome>(expiries));
  }
  void list_equipment(std::string /*farm*/,
                      storage::handler<std::vector<storage::equipment_row>> done) override {
    done(machines);
  }
  void read_partition_plan(storage::handler<storage::partition_plan> /*done*/) override {}
  void set_partition_plan(storage::partition_plan /*plan*/,
                          storage::handler<furrow::done> /*done*/) override {}
  void list_retention(storage::handler<std::vector<storage::retention_rule>> /*done*/) override {}
  void set_retention(storage::retention_rule /*rule*/,
                     storage::handler<furrow::done> /*done*/) override {}
  void clear_retention(std::string /*farm*/,
                       storage::data_kind /*kind*/,
                       storage::handler<furrow::done> /*done*/) override {}
  void preview_rule(storage::retention_rule /*rule*/,
                    storage::handler<storage::retention_preview> /*done*/) override {}
  void preview_retention(std::optional<std::int64_t> /*at_us*/,
                         storage::handler<storage::retention_preview> /*done*/) override {}

private:
  template <class T>
  static storage::result<T> next(std::deque<storage::result<T>>& script) {
    if (script.empty())
      return T{};
    auto answer = std::move(script.front());
    script.pop_front();
    return answer;
  }
};

} // namespace

TEST_CASE("caretaker: checks at its intervals, continues while there is work, and logs rows "
          "without a partition") {
  const auto care = std::make_shared<scripted_care>();
  const auto counts = std::make_shared<census>();
  const auto& counters = counts->counters;
  care->made = {storage::partition_outcome{.made = 5, .moved = 7},
                storage::partition_outcome{.waiting = 2, .stray = 9, .fault = "in use"},
                storage::failure{storage::errc::retry_later, "away"}};
  care->expiries = {storage::expire_outcome{.chunks = 3, .frames = 30, .records = 2, .more = true},
                    storage::expire_outcome{.partitions = 1, .frames = 12},
                    storage::expire_outcome{.busy = true}};
  tests::virtual_system system;
  {
    caretaker_config timing;
    timing.steps_a_call = 6;
    const auto one = system->spawn(caretaker, timing, care.get(), counts);
    system.run();
    system.advance(4'999ms);
    CHECK(care->partition_calls == 0);
    system.advance(1ms);
    CHECK(care->partition_calls == 1);
    REQUIRE(care->requests.size() == 2); // there was more work
    CHECK(care->requests[0].steps_max == 6);
    CHECK(care->requests[0].pause == timing.pause);
    CHECK_FALSE(care->requests[0].at_us);
    CHECK(counters.partitions_made == 5);
    CHECK(counters.frames_expired == 42);
    CHECK(counters.records_expired == 2);
    CHECK(counters.partitions_dropped == 1);

    system.advance(599'999ms);
    CHECK(care->partition_calls == 1);
    system.advance(1ms);
    CHECK(care->partition_calls == 2);
    CHECK(counters.partition_rows_stray == 9);
    CHECK(counters.partitions_waiting == 2);

    system.advance(30'000ms); // another node was busy: an early retry, and the database is away
    CHECK(care->partition_calls == 3);
    CHECK(care->requests.size() == 3);
    CHECK(counters.care_failures == 1);
    CHECK(counters.partition_rows_stray == 9); // the last known value stays
    system.advance(30'000ms);
    CHECK(care->partition_calls == 4);
    CHECK(counters.partition_rows_stray == 0);
    CHECK(counters.partitions_waiting == 0);
    caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    system.run();
  }
}

TEST_CASE("caretaker: a clock far ahead of all data does not make retention take everything") {
  constexpr std::int64_t heard_us = 1'780'000'000'000'000;   // 2026
  constexpr std::int64_t in_2099_us = 4'070'908'800'000'000; // what the clock says at the start
  const auto machine = [](std::optional<std::int64_t> last) {
    return storage::equipment_row{"default", "T1", {}, 1, 9, last, {}};
  };
  constexpr std::int64_t hour_us = 3'600'000'000;
  CHECK_FALSE(retention_moment({}, in_2099_us));
  CHECK_FALSE(retention_moment({machine({})}, in_2099_us));
  CHECK_FALSE(retention_moment({machine(heard_us)}, heard_us + hour_us));
  CHECK_FALSE(retention_moment({machine(heard_us)}, heard_us - 1'000 * hour_us)); // a clock behind
  CHECK(retention_moment({machine(heard_us), machine(5)}, in_2099_us) == heard_us);
  // A machine whose own clock is in the future says nothing of the node's.
  CHECK(retention_moment({machine(heard_us), machine(in_2099_us)}, heard_us + 48 * hour_us)
        == heard_us);

  const auto care = std::make_shared<scripted_care>();
  const auto counts = std::make_shared<census>();
  care->machines = {machine(heard_us)};
  tests::virtual_system system;
  caretaker_config timing;
  auto wall_us = in_2099_us;
  timing.wall_us = [&wall_us] { return wall_us; };
  const auto one = system->spawn(caretaker, timing, care.get(), counts);
  system.run();
  system.advance(5'000ms);
  REQUIRE(care->requests.size() == 1);
  CHECK(care->requests[0].at_us == heard_us);
  CHECK(counts->counters.retention_held_seconds == 26'515 * 86'400ULL);
  wall_us = heard_us + hour_us; // the clock was set
  system.advance(600'000ms);
  REQUIRE(care->requests.size() == 2);
  CHECK_FALSE(care->requests[1].at_us);
  CHECK(counts->counters.retention_held_seconds == 0);
  caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
  system.run();
}
