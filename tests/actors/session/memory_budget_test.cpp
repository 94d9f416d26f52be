#include "actors/session/memory_budget.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace furrow::actors;

TEST_CASE("memory budget: a lease returns its bytes when it ends, and the peak is kept") {
  const auto budget = memory_budget::make(100);
  {
    memory_lease kept;
    budget->acquire("a", 60, [&](memory_lease lease) { kept = std::move(lease); });
    CHECK(kept.bytes() == 60);
    CHECK(budget->used() == 60);
  }
  CHECK(budget->used() == 0);
  CHECK(budget->peak() == 60);
}

TEST_CASE("memory budget: is never exceeded, and a request without room waits") {
  const auto budget = memory_budget::make(100);
  std::vector<memory_lease> held;
  const auto keep = [&](memory_lease lease) { held.push_back(std::move(lease)); };
  for (int i = 0; i < 5; ++i)
    budget->acquire("a", 40, keep);
  CHECK(held.size() == 2);
  CHECK(budget->used() == 80);
  CHECK(budget->waiting() == 3);
  auto first = std::move(held.front());
  held.erase(held.begin());
  first.release(); // grants the next request
  CHECK(held.size() == 2);
  CHECK(budget->used() == 80);
  while (!held.empty()) { // each grants another request, until none waits
    auto one = std::move(held.back());
    held.pop_back();
    one.release();
  }
  CHECK(budget->waiting() == 0);
  CHECK(budget->used() == 0);
  CHECK(budget->peak() <= 100);
}

TEST_CASE("memory budget: try_acquire answers at once and never overtakes a waiting request") {
  const auto budget = memory_budget::make(100);
  auto first = budget->try_acquire(60);
  REQUIRE(first);
  CHECK(budget->used() == 60);
  CHECK_FALSE(budget->try_acquire(60));
  CHECK(budget->used() == 60);
  memory_lease waiter;
  budget->acquire("a", 60, [&](memory_lease lease) { waiter = std::move(lease); });
  CHECK_FALSE(budget->try_acquire(10)); // there is room, but another request waits already
  first->release();
  CHECK(waiter.bytes() == 60);
  CHECK(budget->try_acquire(40));
}

TEST_CASE("memory budget: a request above the limit gets the limit") {
  const auto budget = memory_budget::make(100);
  memory_lease kept;
  budget->acquire("a", 1'000, [&](memory_lease lease) { kept = std::move(lease); });
  CHECK(kept.bytes() == 100);
}

TEST_CASE("memory budget: tenants take turns, so that the flood of one does not stop another") {
  const auto budget = memory_budget::make(10);
  memory_lease first;
  budget->acquire("a", 10, [&](memory_lease lease) { first = std::move(lease); });
  std::vector<std::string> order;
  std::vector<memory_lease> held;
  const auto wait = [&](const std::string& tenant) {
    budget->acquire(tenant, 10, [&, tenant](memory_lease lease) {
      order.push_back(tenant);
      held.push_back(std::move(lease));
    });
  };
  for (int i = 0; i < 3; ++i)
    wait("a");
  wait("b");
  first.release();
  while (order.size() < 4 && !held.empty()) {
    auto done = std::move(held.back());
    held.pop_back();
    done.release();
  }
  REQUIRE(order.size() == 4);
  CHECK((order[0] == "b" || order[1] == "b"));
}
