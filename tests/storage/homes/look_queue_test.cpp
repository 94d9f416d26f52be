// Who waits until the directory was read again, and for how long.
#include "storage/homes/look_queue.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace furrow::storage;
using namespace std::chrono_literals;

namespace {

struct looking {
  look_queue queue;
  look_queue::time_point now{};
  int served = 0;
  int failed = 0;

  void add() {
    queue.add([this](const result<furrow::done>& read) { ++(read ? served : failed); });
  }
  static void tell(const look_queue::waiting& all, const result<furrow::done>& outcome) {
    for (const auto& each : all)
      each(outcome);
  }
};

} // namespace

TEST_CASE_FIXTURE(looking, "look queue: who comes during a reading is served by the next one") {
  CHECK(!queue.wants_reading());
  add();
  CHECK(queue.wants_reading());
  queue.begin(now);
  CHECK(!queue.wants_reading());
  add();
  tell(queue.end(), furrow::done{});
  CHECK(served == 1);
  CHECK(queue.wants_reading());
  queue.begin(now);
  tell(queue.end(), furrow::done{});
  CHECK(served == 2);
  CHECK(!queue.wants_reading());
}

TEST_CASE_FIXTURE(looking, "look queue: nobody waits for long while main does not answer") {
  add();
  queue.begin(now);
  add();
  CHECK(queue.late(now + 900ms).empty());
  tell(queue.late(now + 1'100ms), failure{errc::retry_later, "main has not answered"});
  CHECK(failed == 2);
  add(); // the reading is old: it is not worth a wait
  tell(queue.late(now + 1'200ms), failure{errc::retry_later, "main has not answered"});
  CHECK(failed == 3);
  tell(queue.end(), furrow::done{}); // it has answered after all
  CHECK(served == 0);
}
