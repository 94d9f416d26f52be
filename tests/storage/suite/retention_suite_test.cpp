// Retention in both databases: built into storage_tests and storage_pg_tests.
#include "storage/records.hpp"
#include "storage/retention.hpp"
#include "storage/sealing.hpp"
#include "storage/statistics.hpp"
#include "tests/storage/suite/record_bed.hpp"
#include "tests/storage/suite/retention_bed.hpp"

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

/// What the database needs before retention can delete frames.
void seal_all(store& store) {
  if (store.capabilities().sealing)
    must(
      answer_of<seal_outcome>([&](auto done) { store.sealing()->seal({.due_after = {}}, done); }));
}

std::vector<retention_rule> rules(store& care) {
  return must(answer_of<std::vector<retention_rule>>(
    [&](auto done) { care.retention()->list_retention(done); }));
}

retention_preview preview(store& care) {
  return must(answer_of<retention_preview>(
    [&](auto done) { care.retention()->preview_retention(monday_us, done); }));
}

/// 20 frames and 10 readings by turns, at each of these times.
std::uint64_t append_mixed(store& store,
                           const std::string& farm,
                           unsigned stream,
                           const std::vector<std::int64_t>& times_us) {
  auto request = request_for("T1", stream);
  request.farm = farm;
  const auto claimed = claim(store, request);
  const auto lane = store.open_appender("w0");
  auto seq = claimed.durable_seq;
  for (const auto time_us : times_us) {
    auto one = append_of(claimed.claim, seq, mixed_block(stream, 20, time_us));
    for (int i = 0; i < 10; ++i)
      one.records.push_back(
        {++one.to,
         {time_us, can::record_kind_sensor,
          R"({"sensor":"s","type":"soil","quantity":"moisture","value":2,"unit":"%"})"}});
    one.sent = seq = one.to;
    must(append(*lane, {std::move(one)}));
  }
  return seq;
}

} // namespace

TEST_CASE("retention: rules are per farm and kind; without a rule everything is kept") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  auto& care = *store;
  REQUIRE(care.capabilities().retention);
  CHECK(rules(care).empty());
  append_mixed(*store, "a", 1, {monday_us - 4'000 * day_us});
  seal_all(*store);
  CHECK(preview(care).losses.empty());
  CHECK(must(expire(care, monday_us)).frames == 0);

  keep(care, "", data_kind::frames, 30);
  keep(care, "", data_kind::frames, 40); // a second rule replaces the first
  keep(care, "a", data_kind::frames, std::nullopt);
  keep(care, "a", data_kind::telemetry, 7);
  const auto kept = rules(care);
  REQUIRE(kept.size() == 3);
  CHECK(kept[0].farm.empty());
  CHECK(kept[0].keep_days == 40);
  CHECK(kept[1].farm == "a");
  CHECK(kept[1].kind == data_kind::frames);
  CHECK_FALSE(kept[1].keep_days);
  CHECK(kept[2].kind == data_kind::telemetry);
  CHECK(must(expire(care, monday_us)).frames == 0); // this farm keeps them for ever

  const auto clear = [&](const std::string& farm, data_kind kind) {
    return answer_of<furrow::done>(
      [&](auto done) { care.retention()->clear_retention(farm, kind, done); });
  };
  must(clear("a", data_kind::frames));
  CHECK(clear("a", data_kind::frames).code() == errc::not_found);
  CHECK(clear("b", data_kind::rollup).code() == errc::not_found);
  CHECK(rules(care).size() == 2);
  const auto unknown = answer_of<furrow::done>([&](auto done) {
    care.retention()->set_retention({"nowhere", data_kind::frames, 3}, done);
  });
  CHECK(unknown.code() == errc::not_found);
  CHECK(must(expire(care, monday_us)).frames == 20);
}

TEST_CASE("retention: frames and records expire at their own age, and the ledger stays exact") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  auto& care = *store;
  const std::vector<std::int64_t> times{monday_us - 90 * day_us, monday_us - 89 * day_us,
                                        monday_us - 20 * day_us, monday_us - day_us};
  append_mixed(*store, "a", 1, times);
  append_mixed(*store, "b", 2, times);
  seal_all(*store);
  keep(care, "", data_kind::frames, 30);
  keep(care, "b", data_kind::frames, 10);
  keep(care, "b", data_kind::records, 60);

  const auto losses = preview(care).losses;
  REQUIRE(losses.size() == 3);
  CHECK(losses[0].farm == "a");
  CHECK(losses[0].items == 40);
  CHECK(losses[1].farm == "b");
  CHECK(losses[1].kind == data_kind::frames);
  CHECK(losses[1].items == 60);
  CHECK(losses[2].kind == data_kind::records);
  CHECK(losses[2].items == 20);
  CHECK(losses[2].oldest_us == times[0]);
  CHECK(losses[2].newest_us == times[1]);
  check_nothing_lost(*store);

  const auto outcome = must(expire(care, monday_us));
  CHECK(outcome.frames == 100);
  CHECK(outcome.records == 20);
  CHECK_FALSE(outcome.more);
  const auto a = ledger_of(*store, "a", "T1");
  const auto b = ledger_of(*store, "b", "T1");
  CHECK(a.expired == 40);
  CHECK(a.stored == 80);
  CHECK(b.expired == 80);
  CHECK(b.stored == 40);
  check_nothing_lost(*store);
  // When frames and records of a time have both expired, their numbers are one range.
  CHECK(bed->value("select count(*) from expired where stream = (select stream from ledger where "
                   "farm = 'b')")
        == "1");
  CHECK(must(expire(care, monday_us)).frames == 0);

  // The stream continues from its watermark.
  CHECK(append_mixed(*store, "b", 2, {monday_us}) == 150);
  check_nothing_lost(*store);
}

TEST_CASE("retention: a batch's key is deleted after the last of its records") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  auto& care = *store;
  const auto reading = [](std::int64_t time_us) {
    return can::record{time_us, can::record_kind_sensor, sensor_body};
  };
  const auto insert = [&](const record_batch& batch) {
    return must(answer_of<record_batch_outcome>(
      [&](auto done) { store->records()->insert_records(batch, done); }));
  };
  const auto old = monday_us - 90 * day_us;
  const can::record wrong{old, can::record_kind_sensor, "{}"};
  const record_batch gone{"a", "T1", "gone", {reading(old), wrong, reading(old)}};
  const record_batch half{"a", "T1", "half", {reading(old), reading(monday_us)}};
  const record_batch young{"a", "T1", "young", {reading(old)}};
  CHECK_FALSE(insert(gone).refused[1].empty());
  insert(half);
  insert(young);
  bed->tamper(
    is_postgres(*bed)
      ? "update record_batch set created_at = '2026-08-01' where key <> 'young'"
      : "update record_batch set created_at = unixepoch('2026-08-01') where key <> 'young'");
  keep(care, "", data_kind::records, 30);
  CHECK(must(expire(care, monday_us)).records == 4);
  CHECK(bed->value("select count(*) from record_batch") == "2");
  CHECK(insert(half).repeated);
  CHECK(insert(young).repeated);
  CHECK_FALSE(insert(gone).repeated);
  check_nothing_lost(*store);
}

TEST_CASE("retention: one kind of records goes, the others stay") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  auto& care = *store;
  const auto old = monday_us - 90 * day_us;
  for (const auto* farm : {"a", "b"}) {
    const record_batch batch{farm,
                             "T1",
                             "key",
                             {{old, can::record_kind_sensor, sensor_body},
                              {old, can::record_kind_tokens, tokens_body},
                              {old, can::record_kind_tokens, tokens_body},
                              {old, can::record_kind_fault, fault_body},
                              {old, 77, "{}"}}};
    (void)must(answer_of<record_batch_outcome>(
      [&](auto done) { store->records()->insert_records(batch, done); }));
  }
  const auto counts = [&] {
    std::string out;
    for (const auto* table : {"sensor_reading", "token_usage", "fault", "item_record"})
      out += bed->value(std::string{"select count(*) from "} + table);
    return out;
  };
  const auto losses = [&] {
    std::string out;
    for (const auto& loss : must(answer_of<retention_preview>([&](auto done) {
                              care.retention()->preview_retention(monday_us, done);
                            }))
                              .losses)
      out += loss.farm + " " + std::string{to_string(loss.kind)} + " " + std::to_string(loss.items)
             + ", ";
    return out;
  };
  CHECK(counts() == "2422");
  keep(care, "", data_kind::tokens, 30);
  CHECK(losses() == "a tokens 2, b tokens 2, ");
  CHECK(must(expire(care, monday_us)).records == 4);
  CHECK(counts() == "2022");
  // A farm's own rule for all records; and what it says of one kind comes before that.
  keep(care, "b", data_kind::records, 30);
  keep(care, "b", data_kind::fault, std::nullopt);
  CHECK(losses() == "b records 2, ");
  CHECK(must(expire(care, monday_us)).records == 2);
  CHECK(counts() == "1021");
  keep(care, "", data_kind::other, 30);
  CHECK(must(expire(care, monday_us)).records == 1);
  CHECK(counts() == "1020");
  check_nothing_lost(*store);
}

TEST_CASE("retention: deletes telemetry and rollups by rows, in steps that let others run") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  auto& care = *store;
  append_mixed(*store, "a", 1, {monday_us});
  append_mixed(*store, "b", 2, {monday_us});
  const bool sqlite = !store->capabilities().sealing;
  const auto moment = [&](int day, int second) {
    const auto us = std::to_string(monday_us - day * day_us + std::int64_t{second} * 60'000'000);
    return sqlite ? us : "to_timestamp(" + us + " / 1e6)";
  };
  for (const auto* name : {"a", "b"}) {
    const auto machine =
      std::string{"(select e.id from equipment e join farm f on f.id = e.farm_id where f.name = '"}
      + name + "')";
    for (const int day : {1, 50})
      for (int row = 0; row < 30; ++row) {
        bed->tamper("insert into telemetry (equipment_id, stream, time, seq) values (" + machine
                    + ", 1, " + moment(day, row) + ", 1)");
        bed->tamper("insert into rollup values (" + machine + ", 1, " + moment(day, row)
                    + ", 1, 0, 0, 0, 0, " + moment(day, row) + ")");
      }
  }
  keep(care, "a", data_kind::telemetry, 20);
  keep(care, "", data_kind::rollup, 20);
  std::uint64_t telemetry = 0;
  std::uint64_t rollup = 0;
  bool more = true;
  for (int round = 0; more && round < 10; ++round) {
    const auto part = must(expire(care, monday_us, 1));
    telemetry += part.telemetry;
    rollup += part.rollup;
    more = part.more;
  }
  CHECK(telemetry == 30);
  CHECK(rollup == 60);
  CHECK(bed->value("select count(*) from telemetry") == "90");
  CHECK(bed->value("select count(*) from rollup") == "60");
  check_nothing_lost(*store);
}

TEST_CASE("retention: keeps what the digest has not read") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  auto& care = *store;
  append_mixed(*store, "a", 1, {monday_us - 90 * day_us});
  append_mixed(*store, "a", 2, {monday_us - 90 * day_us});
  bed->tamper(
    "insert into digest (stream, seq) select stream, 30 from ledger where stream = (select "
    "min(id) from stream)");
  seal_all(*store);
  keep(care, "", data_kind::frames, 30);
  CHECK(must(expire(care, monday_us)).frames == 20);
  bed->tamper("insert into digest (stream, seq) select max(id), 30 from stream");
  seal_all(*store);
  CHECK(must(expire(care, monday_us)).frames == 20);
  check_nothing_lost(*store);
}

TEST_CASE("statistics: count every frame of every machine, and the tables that hold them") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  auto& care = *store;
  append_days(*store, "a", "T1", 1, {monday_us, monday_us + day_us, monday_us + 2 * day_us});
  seal_all(*store);
  append_days(*store, "b", "T2", 2, {monday_us});
  const auto stats =
    must(answer_of<database_statistics>([&](auto done) { care.sizes()->statistics(10, done); }));
  CHECK(stats.bytes > 10'000);
  std::uint64_t frames = 0;
  for (const auto& tier : stats.tiers) {
    frames += tier.frames;
    CHECK(tier.bytes >= tier.stored_bytes);
    CHECK(tier.column_bytes >= tier.frames * 10);
    CHECK(tier.rows > 0);
  }
  CHECK(frames == 2'400);
  REQUIRE(stats.machines.size() == 2);
  for (const auto& machine : stats.machines) {
    CHECK(machine.frames == (machine.farm == "a" ? 1'800 : 600));
    CHECK(machine.equipment == (machine.farm == "a" ? "T1" : "T2"));
    CHECK(machine.bytes > machine.frames);
  }
  std::uint64_t of_frames = 0;
  for (const auto& table : stats.tables) {
    of_frames += table.kind == "frames" ? table.bytes : 0;
    CHECK(table.bytes >= table.index_bytes);
    CHECK_FALSE(table.rows_estimated); // all of them small
    CAPTURE(table.name);
    if (table.name == "equipment" || table.name == "farm" || table.name == "stream")
      CHECK(table.rows == 2);
    if (table.name == "can_block")
      CHECK(table.rows == stats.tiers.at(0).rows);
    if (table.name == "quarantine")
      CHECK(table.rows == 0);
  }
  CHECK(of_frames > 2'400);
  CHECK(must(answer_of<database_statistics>([&](auto done) { care.sizes()->statistics(1, done); }))
          .machines.size()
        == 1);
}
