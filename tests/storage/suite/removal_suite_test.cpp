// What a person removes is gone, and the ledger accounts for every number of it.
#include "storage/identity/identities.hpp"
#include "storage/removal.hpp"
#include "storage/retention.hpp"
#include "tests/storage/suite/retention_bed.hpp"

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

removal_outcome remove_from(store& store, const removal& what) {
  return must(answer_of<removal_outcome>([&](auto done) {
    store.removals()->remove(what, {"me@here", "10.0.0.9"}, std::move(done));
  }));
}

std::vector<audit_row> notes_in(store& store) {
  return must(answer_of<std::vector<audit_row>>([&](auto done) {
    furrow::storage::audit_of(store)->list({{}, 0, {}, {}, 10}, std::move(done));
  }));
}

std::vector<std::string> listed(store& store) {
  std::vector<std::string> names;
  for (const auto& row : must(answer_of<std::vector<equipment_row>>(
         [&](auto done) { store.list_equipment("north", std::move(done)); })))
    names.push_back(row.name);
  return names;
}

constexpr std::int64_t first_day = 1'600'000'000'000'000;
constexpr std::int64_t second_day = 1'600'100'000'000'000;

/// A record of an own kind, long ago.
void append_record(store& store,
                   const std::string& farm,
                   const std::string& equipment,
                   unsigned stream) {
  auto request = request_for(equipment, stream);
  request.farm = farm;
  stream_append items;
  items.claim = claim(store, request).claim;
  items.to = items.sent = 1;
  items.records = {{1, {first_day, 77, R"({"a":1})"}}};
  const auto lane = store.open_appender("w0");
  REQUIRE(append(*lane, {items}));
}

} // namespace

TEST_CASE("removal: a machine's items go, the ledger counts them as expired, and other machines "
          "keep theirs") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  append_days(*store, "north", "T1", 1, {first_day, second_day});
  append_days(*store, "north", "T2", 2, {first_day});
  const removal what{"north", "T1", std::nullopt};
  const auto before = must(answer_of<removal_outcome>(
    [&](auto done) { store->removals()->preview_removal(what, std::move(done)); }));
  CHECK(before.streams == 1);
  CHECK(before.frames == 1'200);
  CHECK(ledger_of(*store, "north", "T1").stored == 1'200);

  const auto gone = remove_from(*store, what);
  CHECK(gone.frames == 1'200);
  CHECK(gone.farm == "north");
  const auto row = ledger_of(*store, "north", "T1");
  CHECK(row.durable == 1'200);
  CHECK(row.stored == 0);
  CHECK(row.expired == 1'200);
  CHECK(row.lost == 0);
  CHECK(ledger_of(*store, "north", "T2").stored == 600);
  CHECK(listed(*store) == std::vector<std::string>{"T2"});
  check_nothing_lost(*store);

  const auto notes = notes_in(*store);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].who == "me@here");
  CHECK(notes[0].origin == "10.0.0.9");
  CHECK(notes[0].action == "equipment remove");
  CHECK(notes[0].object == "north/T1");
  CHECK(notes[0].detail.find("1200 frames") != std::string::npos);
  CHECK(notes[0].time_us > second_day);
  CHECK(remove_from(*store, what).frames == 0); // again: nothing is left
}

TEST_CASE("removal: a machine is listed again when its gateway goes on after the watermark") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  append_days(*store, "north", "T1", 1, {first_day});
  (void)remove_from(*store, {"north", "T1", std::nullopt});
  CHECK(listed(*store).empty());
  auto request = request_for("T1", 1);
  request.farm = "north";
  const auto claimed = claim(*store, request);
  CHECK(claimed.durable_seq == 600);
  CHECK(listed(*store).empty()); // nothing new yet
  const auto lane = store->open_appender("w0");
  CHECK(append(*lane, {append_of(claimed.claim, 600, mixed_block(3, 50))}));
  CHECK(listed(*store) == std::vector<std::string>{"T1"});
  const auto row = ledger_of(*store, "north", "T1");
  CHECK(row.stored == 50);
  CHECK(row.expired == 600);
  check_nothing_lost(*store);
}

TEST_CASE("removal: one stream of a machine, and a stream or machine that does not exist") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  append_days(*store, "north", "T1", 1, {first_day});
  append_days(*store, "north", "T1", 2, {first_day});
  const auto gone = remove_from(*store, {"", "T1", stream_id_of(2)});
  CHECK(gone.streams == 1);
  CHECK(gone.frames == 600);
  CHECK(listed(*store) == std::vector<std::string>{"T1"});
  std::uint64_t stored = 0;
  for (const auto& row : ledger(*store, "T1"))
    stored += row.stored;
  CHECK(stored == 600);
  check_nothing_lost(*store);
  CHECK(notes_in(*store)[0].object.find(furrow::can::to_string(stream_id_of(2)))
        != std::string::npos);
  for (const auto& what :
       {removal{"north", "T9", std::nullopt}, removal{"north", "T1", stream_id_of(9)}})
    CHECK(answer_of<removal_outcome>([&](auto done) {
            store->removals()->remove(what, {"me"}, std::move(done));
          }).code()
          == errc::not_found);
}

TEST_CASE(
  "removal: records and items in quarantine go too; what the gateway lost stays on record") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  auto request = request_for("T1", 1);
  request.farm = "north";
  const auto claimed = claim(*store, request).claim;
  stream_append items;
  items.claim = claimed;
  items.to = items.sent = 4;
  constexpr std::uint16_t own_kind = 77;
  items.records = {{1, {first_day, own_kind, R"({"a":1})"}},
                   {2, {first_day, own_kind, R"({"a":2})"}},
                   {3, {first_day, furrow::can::record_kind_lost, R"({"lost":"disk"})"}}};
  items.quarantine = {{4, first_day, "odd", "bytes"}};
  const auto lane = store->open_appender("w0");
  REQUIRE(append(*lane, {items}));
  CHECK(remove_from(*store, {"north", "T1", std::nullopt}).records == 3);
  const auto row = ledger_of(*store, "north", "T1");
  CHECK(row.stored == 0);
  CHECK(row.expired == 3);
  CHECK(row.lost_at_gateway == 1);
  CHECK(row.lost == 0);
}

TEST_CASE("retention: the preview of a rule changes nothing and takes the rules of other farms as "
          "they are") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  append_record(*store, "north", "T1", 1);
  append_record(*store, "south", "T2", 2);
  const auto preview = [&](const retention_rule& rule) {
    return answer_of<retention_preview>(
      [&](auto done) { store->retention()->preview_rule(rule, std::move(done)); });
  };
  CHECK(must(preview({"", data_kind::records, 90})).losses.size() == 2);
  CHECK(must(preview({"south", data_kind::records, 90})).losses.size() == 1);
  CHECK(must(preview({"", data_kind::rollup, 90})).losses.empty());
  CHECK(preview({"west", data_kind::records, 90}).code() == errc::not_found);
  CHECK(must(answer_of<std::vector<retention_rule>>(
               [&](auto done) { store->retention()->list_retention(std::move(done)); }))
          .empty());
  must(answer_of<furrow::done>([&](auto done) {
    store->retention()->set_retention({"south", data_kind::records, std::nullopt}, std::move(done));
  }));
  const auto others = must(preview({"", data_kind::records, 90}));
  REQUIRE(others.losses.size() == 1);
  CHECK(others.losses[0].farm == "north");
}

TEST_CASE("store: a file that another stream of the machine holds is known, until that stream is "
          "removed") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto with_file = [&](const std::string& equipment, unsigned stream, const char* name,
                             const char* digest = "d1") {
    auto request = request_for(equipment, stream, {{stream, 1}});
    request.sources = {{digest, name}};
    return claim(*store, request);
  };
  // Nothing of stream 1 is stored: stream 2 takes the file over.
  CHECK_FALSE(with_file("T1", 1, "lost.log").known);
  const auto first = with_file("T1", 2, "a.log");
  CHECK_FALSE(first.known);
  const auto lane = store->open_appender("w0");
  REQUIRE(append(*lane, {append_of(first.claim, 0, mixed_block(1, 10))}));
  CHECK_FALSE(with_file("T1", 2, "a.log").known); // its own
  CHECK_FALSE(with_file("T2", 4, "a.log").known); // another machine
  CHECK_FALSE(with_file("T1", 5, "b.log", "d2").known);

  // Two claims in one call: only the one with the file is answered without a claim.
  auto other = request_for("T1", 6, {{6, 1}});
  auto twice = request_for("T1", 3, {{3, 1}});
  twice.sources = {{"d3", "c.log"}, {"d1", "copy.log"}};
  const auto both = must(answer_of<std::vector<claim_outcome>>([&](auto done) {
    store->claim({twice, other}, done);
  }));
  REQUIRE(both.at(0).known);
  CHECK(both[0].known->offered == "copy.log");
  CHECK(both[0].known->name == "a.log");
  CHECK(both[0].known->stored_at.size() == std::string{"2026-05-01T06:30:00Z"}.size());
  CHECK(both[0].known->stored_at.ends_with("Z"));
  CHECK_FALSE(both.at(1).known);
  CHECK(both[1].claim.epoch > 0);
  CHECK(append(*lane, {append_of(both[1].claim, 0, mixed_block(2, 10))}));

  (void)must(answer_of<removal_outcome>([&](auto done) {
    store->removals()->remove({"default", "T1", stream_id_of(2)}, {"me"}, std::move(done));
  }));
  CHECK_FALSE(with_file("T1", 3, "copy.log").known);
}
