// Faults of the bus and frames of wrong clocks, as rows of both databases.
#include "storage/history.hpp"
#include "storage/identity/audit.hpp"
#include "storage/removal.hpp"
#include "storage/retention.hpp"
#include "tests/storage/suite/digest_bed.hpp"
#include "tests/support/frames.hpp"

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::int64_t dm_second_us = 1'000'000;
constexpr std::int64_t dm_noon_us = 1'700'000'040 * dm_second_us; // the beginning of a minute
constexpr std::int64_t dm_day_us = 86'400 * dm_second_us;

/// DM1 once a second for `seconds`: SPN 110 FMI 0 in all of them, in a broadcast with SPN 100 FMI 3 in the second half,
/// and after that none. Four frames a second.
can::frame_block faulty_block(std::int64_t seconds, std::int64_t time_us = dm_noon_us) {
  can::frame_block block;
  const auto put = [&](const char* text, std::int64_t at_us) {
    const quoted_frame frame{text, at_us};
    REQUIRE(block.push(frame.time_us, frame.header, frame.data.data()));
  };
  put("18EEFF00#07000000000000A0", time_us);
  for (std::int64_t second = 0; second <= seconds; ++second) {
    const auto at_us = time_us + second * dm_second_us;
    put("0CF00400#FFFFFF6813FFFFFF", at_us);
    if (second == seconds) {
      put("18FECA00#00FF00000000FFFF", at_us);
    } else if (second < seconds / 2) {
      put("18FECA00#04FF6E000005FFFF", at_us);
    } else {
      put("18ECFF00#200A0002FFCAFE00", at_us);
      put("18EBFF00#0110FF6E00000564", at_us + 50'000);
      put("18EBFF00#02000301FFFFFFFF", at_us + 100'000);
    }
  }
  return block;
}

faults_query fault_question(std::string farm,
                            std::string equipment = {},
                            bool active = false,
                            std::optional<std::int64_t> from_us = {},
                            std::optional<std::int64_t> to_us = {},
                            std::uint64_t skip = 0) {
  return {std::move(farm), std::move(equipment), active, from_us, to_us, skip};
}

std::vector<bus_fault> faults_of(store& store,
                                 const faults_query& query = fault_question("default")) {
  return must(answer_of<faults_page>([&](auto done) { store.history()->read_faults(query, done); }))
    .rows;
}

std::string fault_text(const std::vector<bus_fault>& rows) {
  std::string out;
  for (const auto& row : rows)
    out += row.equipment + " " + row.bus + " " + std::to_string(row.source) + " "
           + std::to_string(row.spn) + "/" + std::to_string(row.fmi) + " "
           + std::to_string((row.first_us - dm_noon_us) / dm_second_us) + ".."
           + std::to_string((row.last_us - dm_noon_us) / dm_second_us)
           + (row.cleared_us
                ? " cleared " + std::to_string((*row.cleared_us - dm_noon_us) / dm_second_us)
                : " active")
           + " " + std::to_string(row.appearances) + " "
           + std::to_string(row.occurrences.value_or(-1)) + " " + row.lamp
           + (row.iso_name == 0xA000000000000007 ? " named" : "") + "\n";
  return out;
}

std::unique_ptr<store> filled_with_faults(store_bed& bed, can::frame_block block) {
  auto store = bed.open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  REQUIRE(append(*lane, {append_of(claimed, 0, std::move(block))}));
  return store;
}

} // namespace

TEST_CASE("bus faults: DM1 of ten minutes becomes one row a fault, however the digest divides it") {
  for (const std::uint64_t items : {100'000U, 97U, 13U}) {
    CAPTURE(items);
    const auto bed = make_bed();
    const auto store = filled_with_faults(*bed, faulty_block(600));
    plain_digest{*store}.run_all(items);
    CHECK(fault_text(faults_of(*store))
          == "T1 0 0 110/0 0..599 cleared 600 1 5 red named\n"
             "T1 0 0 100/3 300..599 cleared 600 1 1 red named\n");
    CHECK(bed->value("select count(*) from bus_fault") == "2");
    plain_digest{*store}.run_all(items);
    CHECK(bed->value("select count(*) from bus_fault") == "2");
  }
}

TEST_CASE("bus faults: are asked for by machine, time and whether they are active") {
  const auto bed = make_bed();
  const auto store = filled_with_faults(*bed, faulty_block(60));
  plain_digest digest{*store};
  const auto waiting = digest.pending();
  REQUIRE(digest.commit(digest.run(waiting.at(0), 41))); // to the 20th second
  CHECK(faults_of(*store).size() == 1);
  CHECK(faults_of(*store, fault_question("default", "T1", true)).size() == 1);
  CHECK(faults_of(*store, fault_question("", "", true)).size() == 1);
  CHECK(faults_of(*store, fault_question("elsewhere")).empty());
  digest.run_all();
  CHECK(faults_of(*store, fault_question("default", "T1", true)).empty());
  CHECK(faults_of(*store, fault_question("default", "T1")).size() == 2);
  CHECK(
    faults_of(*store, fault_question("default", "T1", false, {}, dm_noon_us + 10 * dm_second_us))
      .size()
    == 1);
  CHECK(faults_of(*store, fault_question("default", "T1", false, dm_noon_us + 60 * dm_second_us))
          .empty());
  CHECK(faults_of(*store, fault_question("default", "T1", false, {}, {}, 1)).size() == 1);
  const auto unknown = answer_of<faults_page>(
    [&](auto done) { store->history()->read_faults(fault_question("default", "T9"), done); });
  REQUIRE(!unknown);
  CHECK(unknown.code() == errc::not_found);
}

TEST_CASE("bus faults: retention by the rule of the kind fault, and removal with the machine") {
  const auto bed = make_bed();
  const auto store = filled_with_faults(*bed, faulty_block(60));
  plain_digest{*store}.run_all();
  const auto expire_at = [&](std::int64_t at_us) {
    return must(answer_of<expire_outcome>(
                  [&](auto done) { store->retention()->expire({at_us}, done); }))
      .faults;
  };
  must(answer_of<furrow::done>([&](auto done) {
    store->retention()->set_retention({"default", data_kind::fault, 30}, done);
  }));
  const auto due = must(answer_of<retention_preview>(
    [&](auto done) { store->retention()->preview_retention(dm_noon_us + 31 * dm_day_us, done); }));
  REQUIRE(due.losses.size() == 1);
  CHECK(due.losses[0].rows == 2);
  CHECK(due.losses[0].items == 0); // the frames stay
  CHECK(expire_at(dm_noon_us + 29 * dm_day_us) == 0);
  CHECK(expire_at(dm_noon_us + 31 * dm_day_us) == 2);
  CHECK(faults_of(*store).empty());

  const auto other = make_bed();
  const auto second = filled_with_faults(*other, faulty_block(60));
  plain_digest digest{*second};
  REQUIRE(digest.commit(digest.run(digest.pending().at(0), 41)));
  const removal what{"default", "T1", std::nullopt};
  static_cast<void>(must(answer_of<removal_outcome>(
    [&](auto done) { second->removals()->remove(what, {"me"}, std::move(done)); })));
  CHECK(other->value("select count(*) from bus_fault") == "0");
  CHECK(other->value("select max(length(state)) from digest") == "0"); // it does not come back
}

// Symptom: a burst that was stamped 2106 could not be told from the right frames in SQL.
TEST_CASE("clock ahead: frames of a wrong clock are found by one join, from one row an hour") {
  const auto bed = make_bed();
  auto block = faulty_block(60); // 158 frames
  const auto right = block.size();
  const auto store = filled_with_faults(*bed, std::move(block));
  plain_digest digest{*store};
  digest.mark_after_us = dm_noon_us + dm_day_us;
  digest.run_all(50);
  CHECK(bed->value("select count(*) from clock_ahead") == "0");
  const auto claimed = claim(*store, request_for("T1", 1));
  const auto lane = store->open_appender("w0");
  auto seq = right;
  for (const auto at :
       {dm_noon_us + 2 * dm_day_us, dm_noon_us + 60 * dm_second_us, dm_noon_us + 3 * dm_day_us}) {
    auto later = faulty_block(60, at);
    const auto frames = later.size();
    REQUIRE(append(*lane, {append_of(claimed.claim, seq, std::move(later))}));
    seq += frames;
  }
  digest.run_all(50);
  CHECK(bed->value("select count(*) from clock_ahead") == "1");
  CHECK(bed->value("select frames from clock_ahead") == std::to_string(2 * right));
  CHECK(bed->value("select first from clock_ahead") == std::to_string(right + 1));
  CHECK(bed->value("select last from clock_ahead") == std::to_string(4 * right));
  // docs/schema.md
  const auto marked =
    bed->value("select count(*) from telemetry t where exists (select 1 from clock_ahead c where "
               "c.stream = t.stream and t.seq between c.first and c.last and t.time > c.after)");
  CHECK(std::stoul(marked) == 122);
  CHECK(std::stoul(bed->value("select count(*) from telemetry")) > 180);
}
