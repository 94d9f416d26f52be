// A process that dies at any step of an append: acked items are stored, no item is stored twice,
// and the next process continues. Built into storage_tests and storage_pg_tests.
#include "tests/storage/suite/child.hpp"
#include "tests/storage/suite/resuming_writer.hpp"

using namespace furrow::tests;

namespace {

void dies_and_recovers(const std::string& failpoint, int exit_status) {
  CAPTURE(failpoint);
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  child_writer first{bed->url(), failpoint};
  CHECK(first.wait() == exit_status);
  const auto acked = first.acked();
  CHECK(acked > 0);
  const auto rows = ledger(*store, "T1");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].durable >= acked);
  CHECK(rows[0].durable <= acked + block_frames);
  CHECK(rows[0].lost == 0);
  CHECK(rows[0].doubled == 0);
  child_writer second{bed->url(), ""};
  CHECK(second.wait() == 0);
  check_written(*store, child_items);
}

} // namespace

TEST_CASE("failpoint: killed before a transaction begins") {
  dies_and_recovers("append.before_begin:7:abort", failpoint_exit);
}

TEST_CASE("failpoint: killed in the middle of the rows") {
  dies_and_recovers("append.in_copy:7:abort", failpoint_exit);
}

TEST_CASE("failpoint: killed between compare-and-set and commit") {
  dies_and_recovers("append.after_cas:7:abort", failpoint_exit);
}

TEST_CASE("failpoint: killed when the commit is answered and the caller does not know yet") {
  dies_and_recovers("append.committed:7:abort", failpoint_exit);
}

TEST_CASE("failpoint: the writer recovers from an error at any place by itself") {
  for (const std::string name :
       {"append.before_begin", "append.in_copy", "append.after_cas", "append.committed"}) {
    CAPTURE(name);
    const auto bed = make_bed();
    const auto store = bed->open_migrated();
    child_writer only{bed->url(), name + ":5:error"};
    CHECK(only.wait() == 0);
    CHECK(only.acked() == child_items);
    check_written(*store, child_items);
  }
}
