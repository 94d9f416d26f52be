// Records of clients other than gateways, in both databases: built into storage_tests and storage_pg_tests.
#include "storage/records.hpp"
#include "tests/storage/suite/record_bed.hpp"

#include <atomic>
#include <future>
#include <thread>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

TEST_CASE(
  "record batch: stored once however often its key is repeated, with a verdict per record") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  refuse_spn_666(*bed);
  record_batch batch{"default",
                     "T1",
                     "monday-1",
                     {record_at(0, can::record_kind_sensor, sensor_body),
                      record_at(1, can::record_kind_yield, R"({"mass_flow_kgps":1})"),
                      record_at(2, can::record_kind_fault, fault_of_spn(666)),
                      record_at(3, can::record_kind_fault, fault_of_spn(190)),
                      record_at(4, can::record_kind_lost, "{}"), record_at(5, 9, "[1]"),
                      record_at(6, 9, R"({"own":1})")}};
  const auto first = must(insert(*store, batch));
  CHECK_FALSE(first.repeated);
  REQUIRE(first.refused.size() == 7);
  CHECK(first.refused[0].empty());
  CHECK(first.refused[1] == "yield: width_m: is missing");
  CHECK(first.refused[2].find("no_666") != std::string::npos);
  CHECK(first.refused[3].empty());
  CHECK(first.refused[4] == "kind 32767 cannot be sent by clients");
  CHECK_FALSE(first.refused[5].empty());
  CHECK(first.refused[6].empty());
  for (int i = 0; i < 3; ++i) {
    const auto again = must(insert(*store, batch));
    CHECK(again.repeated);
    CHECK(again.refused == first.refused);
  }
  auto row = only_ledger(*store);
  CHECK(row.stored == 3);
  CHECK(row.quarantined == 0);
  CHECK(page_of(*store, can::record_kind_fault).rows.size() == 1);

  const auto refused_key = [&] {
    const auto said = must(insert(*store, batch));
    CHECK_FALSE(said.repeated);
    CHECK(said.refused.empty());
    return said.key_reused;
  };
  const auto whole = batch.records;
  batch.records.pop_back();
  CHECK(refused_key()); // the key of another batch
  batch.records = whole;
  batch.sha256 = std::string(64, 'b');
  CHECK(must(insert(*store, batch)).repeated); // the first call said no checksum
  batch.key = "monday-3";
  CHECK_FALSE(must(insert(*store, batch)).repeated);
  CHECK(must(insert(*store, batch)).repeated);
  batch.sha256 = std::string(64, 'c');
  CHECK(refused_key()); // as many records, and others
  batch.key = "monday-1";
  batch.farm = "north";
  CHECK_FALSE(must(insert(*store, batch)).repeated); // another tenant's key
  batch.farm = "default";
  batch.key = "monday-2";
  batch.records = {record_at(0, can::record_kind_sensor, "{}")};
  CHECK(must(insert(*store, batch)).refused[0] == "sensor: sensor: is missing");
  CHECK(insert(*store, {"default", "T1", "", {record_at(0, 9, "{}")}}).code() == errc::reject_row);
  CHECK(insert(*store, {"default", "T1", "k", {}}).code() == errc::reject_row);
  CHECK(insert(*store, {"default", "", "k", {record_at(0, 9, "{}")}}).code() == errc::reject_row);
  CHECK(insert(*store, {"default", "T1", "k\xff", {record_at(0, 9, "{}")}}).code()
        == errc::reject_row);
}

TEST_CASE("record batch: several stores send the same batches, and each is stored once") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  constexpr int batches = 25;
  const auto work = [&] {
    const auto mine = bed->open();
    for (int i = 0; i < batches; ++i) {
      const record_batch batch{"default",
                               "T1",
                               "key-" + std::to_string(i),
                               {10, record_at(i, can::record_kind_tokens, tokens_body)}};
      furrow::storage::result<record_batch_outcome> outcome{record_batch_outcome{}};
      do // many at once may need another round
        outcome = insert(*mine, batch);
      while (outcome.code() == errc::retry_later);
      CHECK(outcome.has_value());
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back(work);
  for (auto& thread : threads)
    thread.join();
  CHECK(only_ledger(*store).stored == 10 * batches);
  CHECK(bed->value("select count(*) from token_usage") == std::to_string(10 * batches));
  CHECK(bed->value("select count(*) from record_batch") == std::to_string(batches));
}

TEST_CASE(
  "records: concurrent single records are each stored once, and an invalid one fails alone") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  refuse_spn_666(*bed);
  constexpr int count = 1'500;
  std::vector<std::promise<furrow::storage::result<record_batch_outcome>>> promised(count);
  for (int i = 0; i < count; ++i) {
    // Three machines. Each tenth batch is rejected, in turn by the checks and by the database. Some are sent twice.
    auto body = i % 20 == 7    ? std::string{R"({"source":3,"spn":666,"fmi":2,"active":true})"}
                : i % 20 == 17 ? std::string{R"({"source":3,"spn":-1,"fmi":2,"active":true})"}
                               : fault_body;
    const auto key = i % 100 == 99 ? i - 1 : i;
    record_batch batch{"default",
                       "T" + std::to_string(key / 2 % 3 + 1),
                       "key " + std::to_string(key),
                       {record_at(key, can::record_kind_fault, std::move(body))}};
    store->records()->insert_records(
      std::move(batch), [&promised, i](furrow::storage::result<record_batch_outcome> outcome) {
        promised[static_cast<std::size_t>(i)].set_value(std::move(outcome));
      });
  }
  int stored = 0;
  for (int i = 0; i < count; ++i) {
    auto answer = promised[static_cast<std::size_t>(i)].get_future();
    REQUIRE(answer.wait_for(patience) == std::future_status::ready);
    const auto outcome = must(answer.get());
    REQUIRE(outcome.refused.size() == 1);
    const bool good = i % 10 != 7;
    if (outcome.refused[0].empty() != good || outcome.repeated != (i % 100 == 99))
      CHECK(i == -1);
    stored += good && i % 100 != 99 ? 1 : 0;
  }
  CHECK(bed->value("select count(*) from fault") == std::to_string(stored));
  std::uint64_t held = 0;
  for (const auto& row : ledger(*store)) {
    CHECK(row.lost == 0);
    CHECK(row.doubled == 0);
    CHECK(row.stored == row.durable);
    held += row.stored;
  }
  CHECK(held == static_cast<std::uint64_t>(stored));
  if (is_postgres(*bed))
    MESSAGE(stored << " records in " << bed->value("select count(distinct xmin::text) from fault")
                   << " transactions");
}

TEST_CASE("records: a closing store answers every batch, and keeps what it reported as stored") {
  const auto bed = make_bed();
  auto store = bed->open_migrated();
  const auto fault = [](int number) {
    return record_batch{"default",
                        "T1",
                        "key " + std::to_string(number),
                        {record_at(number, can::record_kind_fault, fault_body)}};
  };
  CHECK(must(insert(*store, fault(0))).refused[0].empty());
  std::atomic<int> answered{0};
  std::atomic<int> stored{1};
  constexpr int count = 2'000;
  for (int i = 1; i <= count; ++i)
    store->records()->insert_records(
      fault(i), [&](const furrow::storage::result<record_batch_outcome>& outcome) {
        ++answered;
        stored += outcome ? 1 : 0;
      });
  store.reset();
  CHECK(answered == count);
  store = bed->open();
  CHECK(std::stoi(bed->value("select count(*) from fault")) >= stored);
  CHECK(only_ledger(*store).stored == std::stoull(bed->value("select count(*) from fault")));
}
