// Migrations, which both databases must apply alike: built into storage_tests and storage_pg_tests.
#include "tests/storage/suite/store_bed.hpp"

#include <algorithm>

using namespace furrow::storage;
using namespace furrow::tests;

TEST_CASE("store: reports a missing schema; migrations run twice and concurrently") {
  const auto bed = make_bed();
  const auto store = bed->open();
  const auto status =
    must(answer_of<std::vector<migration_row>>([&](auto done) { store->migration_status(done); }));
  REQUIRE_FALSE(status.empty());
  CHECK_FALSE(status[0].applied);
  const auto early = answer_of<std::vector<claim_outcome>>(
    [&](auto done) { store->claim({request_for("T1", 1)}, done); });
  CHECK(early.code() == errc::misconfigured);
  std::vector<std::unique_ptr<furrow::storage::store>> others;
  std::vector<std::future<result<std::vector<migration_row>>>> answers;
  for (int i = 0; i < 4; ++i) {
    others.push_back(bed->open());
    auto promised = std::make_shared<std::promise<result<std::vector<migration_row>>>>();
    answers.push_back(promised->get_future());
    others.back()->migrate([promised](auto outcome) { promised->set_value(std::move(outcome)); });
  }
  for (auto& answer : answers) {
    REQUIRE(answer.wait_for(patience) == std::future_status::ready);
    const auto rows = must(answer.get());
    CHECK(std::ranges::all_of(
      rows, [](const migration_row& row) { return row.applied && row.fault.empty(); }));
  }
  CHECK(std::stoull(bed->value("select count(*) from migration")) == status.size());
  CHECK(claim(*store, request_for("T1", 1)).durable_seq == 0);
}

TEST_CASE("store: rejects a changed migration, or a later one that removes things; accepts a later "
          "one that only adds") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto migrate = [&] {
    return answer_of<std::vector<migration_row>>([&](auto done) { store->migrate(done); });
  };
  bed->tamper(
    "insert into migration (number, name, checksum) values (9998, 'from_the_future', 'x')");
  CHECK(migrate());
  bed->tamper("insert into migration (number, name, checksum) "
              "values (9999, 'contract_9998_from_the_future', 'x')");
  CHECK(migrate().code() == errc::misconfigured);
  CHECK(migrate().error().detail.find("newer than this program") != std::string::npos);
  bed->tamper("delete from migration where number >= 9998");
  bed->tamper("update migration set checksum = 'other' where number = 1");
  CHECK(migrate().code() == errc::misconfigured);
  CHECK(migrate().error().detail.find("another text") != std::string::npos);
  const auto status =
    must(answer_of<std::vector<migration_row>>([&](auto done) { store->migration_status(done); }));
  CHECK_FALSE(status[0].fault.empty());
}
