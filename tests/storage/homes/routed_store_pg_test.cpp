// One store over several databases: what names a farm goes to its home, and the rest is put together.
#include "can/records/kind.hpp"
#include "storage/farm/repositories.hpp"
#include "storage/forward/forward_store.hpp"
#include "storage/history.hpp"
#include "storage/identity/audit.hpp"
#include "storage/membership.hpp"
#include "storage/quarantine.hpp"
#include "storage/removal.hpp"
#include "storage/statistics.hpp"
#include "tests/storage/homes/homes_bed.hpp"
#include "tests/storage/suite/record_bed.hpp"
#include "tests/support/eventually.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

std::string names(store& of, const std::string& farm = {}) {
  std::string out;
  for (const auto& row : must(machines(of, farm)))
    out += (out.empty() ? "" : " ") + row.farm + "/" + row.name;
  return out;
}

std::vector<stored_frame> newest(store& of, const std::string& farm, const std::string& machine) {
  return must(answer_of<std::vector<stored_frame>>(
    [&](auto done) { of.frames()->newest_frames(farm, machine, 100, done); }));
}

node_identity node_named(const std::string& name) {
  node_identity out{name, {}};
  out.incarnation.fill(7);
  return out;
}

std::vector<machine_home> serving(store& of, const std::string& farm = {}) {
  return must(
    answer_of<std::vector<machine_home>>([&](auto done) { of.membership()->homes(farm, done); }));
}

result<furrow::done> pin(store& of, const std::string& farm, const std::string& node) {
  return answer_of<furrow::done>(
    [&](auto done) { of.membership()->pin(farm, "T1", node, anna, done); });
}

result<removal_outcome> remove(store& of, const removal& what) {
  return answer_of<removal_outcome>(
    [&](auto done) { of.removals()->remove(what, {"anna"}, std::move(done)); });
}

} // namespace

TEST_CASE("postgres, homes: what is read through all homes is what each database says") {
  two_databases all;
  const auto old = store_frames(*all.homes, "old", "T1", 1, 3'000);
  const auto north = store_frames(*all.homes, "north", "T1", 2, 2'000);
  CHECK(names(*all.main) == "old/T1");
  CHECK(names(*all.other) == "north/T1");
  for (const auto& [farm, block, direct] :
       {std::tuple{"old", &old, all.main.get()}, {"north", &north, all.other.get()}}) {
    CAPTURE(farm);
    const auto runs = read_all(*all.routed, {farm, "T1", {}, {}});
    REQUIRE(runs.size() == 1);
    check_same_frames(runs[0].block, *block);
    const auto mine = newest(*all.routed, farm, "T1");
    const auto theirs = newest(*direct, farm, "T1");
    REQUIRE(mine.size() == theirs.size());
    CHECK(mine.back().seq == theirs.back().seq);
    CHECK(mine.back().payload == theirs.back().payload);
    CHECK(names(*all.routed, farm) == std::string{farm} + "/T1");
  }
  // Frames over time: only those of the second half.
  const auto middle = north[1'000].time_us;
  const auto some = read_all(*all.routed, {"north", "T1", middle, {}});
  const auto direct = read_all(*all.other, {"north", "T1", middle, {}});
  REQUIRE(some.size() == direct.size());
  CHECK(some[0].seq_first == direct[0].seq_first);
}

TEST_CASE("postgres, homes: a list over all farms is that of all databases, in order") {
  two_databases all;
  (void)store_frames(*all.homes, "north", "T2", 2, 20);
  (void)store_frames(*all.homes, "old", "T1", 1, 10);
  (void)store_frames(*all.homes, "zeta", "T3", 3, 30);
  CHECK(names(*all.routed) == "north/T2 old/T1 zeta/T3");
  const auto rows = ledger(*all.routed);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].farm == "north");
  CHECK(rows[0].stored == 20);
  CHECK(rows[1].stored == 10);
  CHECK(rows[2].stored == 30);
  CHECK(ledger(*all.routed, "T3").size() == 1); // of any farm
  const auto behind = must(
    answer_of<digest_status>([&](auto done) { all.routed->history()->digest_progress(done); }));
  CHECK(behind.streams == 3);
  CHECK(behind.items_behind == 60);
  const auto sizes = must(
    answer_of<database_statistics>([&](auto done) { all.routed->sizes()->statistics(2, done); }));
  CHECK(sizes.machines.size() == 2);
  std::set<std::string> tables;
  for (const auto& table : sizes.tables)
    CHECK(tables.insert(table.name).second);
  const auto status = must(
    answer_of<forward_status>([&](auto done) { all.routed->forward()->read_status("", done); }));
  CHECK(status.rows.size() == 3);
}

TEST_CASE("postgres, homes: a machine without a farm is found in its database, and a name in two "
          "farms is ambiguous") {
  two_databases all;
  const auto block = store_frames(*all.homes, "north", "T2", 2, 20);
  const auto runs = read_all(*all.routed, {"", "T2", {}, {}});
  REQUIRE(runs.size() == 1);
  check_same_frames(runs[0].block, block);
  (void)store_frames(*all.homes, "north", "T1", 3, 20); // old has a T1 too
  const auto both = answer_of<frames_page>([&](auto done) {
    all.routed->frames()->read_frames({"", "T1", {}, {}}, {}, done);
  });
  CHECK(both.code() == errc::not_found);
  CHECK(both.error().detail == "more than one farm has an equipment T1: name the farm");
  // Both of these are in main; b says that it has none.
  (void)store_frames(*all.homes, "old", "T8", 4, 20);
  (void)claim(*all.main, request_of("older", "T8", 5));
  const auto two = answer_of<frames_page>([&](auto done) {
    all.routed->frames()->read_frames({"", "T8", {}, {}}, {}, done);
  });
  CHECK(two.error().detail == "more than one farm has an equipment T8: name the farm");
  (void)store_frames(*all.homes, "north", "T7", 6, 20);
  (void)store_frames(*all.homes, "south", "T7", 7, 20);
  const auto far = answer_of<frames_page>([&](auto done) {
    all.routed->frames()->read_frames({"", "T7", {}, {}}, {}, done);
  });
  CHECK(far.error().detail == "more than one farm has an equipment T7: name the farm");
  const auto none = answer_of<frames_page>([&](auto done) {
    all.routed->frames()->read_frames({"", "T9", {}, {}}, {}, done);
  });
  CHECK(none.error().detail == "no equipment T9");
  // A question about an unknown farm places nothing.
  CHECK_FALSE(answer_of<frames_page>([&](auto done) {
    all.routed->frames()->read_frames({"nowhere", "T1", {}, {}}, {}, done);
  }));
  CHECK(all.first.value("select count(*) from farm_home where farm = 'nowhere'") == "0");
}

TEST_CASE("postgres, homes: what people and clients store of a farm is in its home") {
  two_databases all;
  (void)must(answer_of<unit_outcome>(
    [&](auto done) { all.routed->farm()->apply("north", machine_named("T5"), done); }));
  CHECK(all.second.value("select count(*) from equipment where name = 'T5'") == "1");
  CHECK(all.first.value("select count(*) from equipment where name = 'T5'") == "0");
  CHECK(must(answer_of<record_page>(
               [&](auto done) { all.routed->farm()->list("north", entity::equipment, {}, done); }))
          .rows.size()
        == 1);
  record_batch batch{"north", "T5", "key", {}};
  batch.records.push_back(record_at(0, can::record_kind_yield, yield_body));
  CHECK_FALSE(must(answer_of<record_batch_outcome>(
                     [&](auto done) { all.routed->records()->insert_records(batch, done); }))
                .repeated);
  CHECK(all.second.value("select count(*) from yield_sample") == "1");
  records_query query{"north", "T5", can::record_kind_yield, {}, {}, 10};
  CHECK(must(answer_of<records_page>(
               [&](auto done) { all.routed->records()->read_records(query, {}, done); }))
          .rows.size()
        == 1);
  // Numbers of quarantined items are those of one database.
  CHECK(quarantined(*all.routed, "north").empty());
  const auto unnamed = answer_of<quarantine_page>([&](auto done) {
    all.routed->quarantine()->list_quarantine({"", "", 10}, {}, done);
  });
  CHECK(unnamed.code() == errc::reject_row);
  // The only farm with such a machine.
  CHECK(must(remove(*all.routed, {"", "T5", {}})).farm == "north");
  CHECK(all.second.value("select count(*) from yield_sample") == "0");
  CHECK(remove(*all.routed, {"", "T9", {}}).code() == errc::not_found);
}

TEST_CASE("postgres, homes: machines of every home are adopted and pinned") {
  two_databases all;
  (void)store_frames(*all.homes, "north", "T1", 2, 20);
  (void)must(answer_of<beat_outcome>([&](auto done) {
    all.routed->membership()->beat({node_named("n1"), true, false, {}, {}}, done);
  }));
  const machine_names served{{"old", "T1"}, {"north", "T1"}};
  const auto settle = [&] {
    auto names = served;
    names.emplace_back("north", "unknown");
    names.emplace_back("nowhere", "T1");
    auto written = must(answer_of<machine_names>(
      [&](auto done) { all.routed->membership()->settle(node_named("n1"), names, done); }));
    std::sort(written.begin(), written.end());
    return written;
  };
  const machine_names both{{"north", "T1"}, {"old", "T1"}};
  CHECK(settle() == both);
  CHECK(settle() == both);
  CHECK(all.second.value("select count(*) from machine_home where node = 'n1'") == "1");
  const auto rows = serving(*all.routed);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].farm == "north");
  CHECK(rows[1].farm == "old");
  CHECK(serving(*all.routed, "north").size() == 1);
  (void)must(pin(*all.routed, "north", "n1"));
  (void)must(pin(*all.routed, "old", "n1"));
  CHECK(pin(*all.routed, "north", "n9").error().detail == "no node n9");
  CHECK(pin(*all.routed, "old", "n9").error().detail == "no node n9");
  const auto pins = must(
    answer_of<std::vector<machine_home>>([&](auto done) { all.routed->membership()->pins(done); }));
  REQUIRE(pins.size() == 2);
  CHECK(pins[0].pinned_to == "n1");
  (void)must(pin(*all.routed, "north", ""));
  CHECK(must(answer_of<machine_names>([&](auto done) {
          all.routed->membership()->unsettle(node_named("n1"), served, done);
        }))
          .size()
        == 2);
  CHECK(serving(*all.routed, "north")[0].node.empty());
}

TEST_CASE("postgres, homes: what a dead node has left open is ended in every database") {
  two_databases all;
  (void)store_frames(*all.homes, "north", "T2", 2, 20); // b is open
  auto& area = *all.routed->membership();
  const auto judge = node_named("n1");
  auto frozen = node_named("n2");
  frozen.incarnation.fill(9);
  for (const auto& each : {judge, frozen})
    (void)must(answer_of<beat_outcome>([&](auto done) {
      area.beat({each, true, false, {}, {}}, done);
    }));
  const auto held = [&](const postgres_bed& bed) {
    const auto url = bed.url() + (bed.url().find('?') == std::string::npos ? "?" : "&")
                     + "application_name=furrow/n2/09090909/w0";
    std::unique_ptr<PGconn, decltype(&PQfinish)> out{PQconnectdb(url.c_str()), PQfinish};
    REQUIRE(PQstatus(out.get()) == CONNECTION_OK);
    PQclear(PQexec(out.get(), "begin; lock table furrow.farm in access exclusive mode"));
    return out;
  };
  const auto is_open = [](PGconn& session) {
    PQclear(PQexec(&session, "select 1"));
    return PQstatus(&session) == CONNECTION_OK;
  };
  const auto in_main = held(all.first);
  const auto in_b = held(all.second);
  all.first.tamper("update furrow.node set lease_until = clock_timestamp() + case name when 'n1' "
                   "then interval '1 min' else interval '-1 s' end, unbroken_since = now() - "
                   "interval '1 h'");
  const auto judged = [&] {
    return must(answer_of<judgement>([&](auto done) { area.judge(judge, std::move(done)); }));
  };
  std::vector<node_identity> dead;
  REQUIRE(eventually(std::chrono::seconds{10}, [&] {
    dead = judged().dead;
    return !dead.empty();
  }));
  CHECK(dead[0].name == "n2");
  CHECK(dead[0].incarnation == frozen.incarnation);
  CHECK_FALSE(is_open(*in_main));
  CHECK(eventually(std::chrono::seconds{5}, [&] { return !is_open(*in_b); }));
}

TEST_CASE("postgres, homes: faults of all farms come in pages, the latest first, each once") {
  two_databases all;
  (void)store_frames(*all.homes, "north", "T1", 2, 20);
  (void)store_frames(*all.homes, "old", "T1", 1, 20);
  const auto plant = [](store_bed& bed, int offset_s) {
    bed.tamper(
      "insert into bus_fault (stream, first_seq, spn, fmi, equipment_id, bus, source, "
      "first_seen, last_seen, appearances, lamp) select s.id, n, 100, 1, s.equipment_id, "
      "0, 0, t, t, 1, 'amber' from (select * from stream limit 1) s cross join "
      "generate_series(1, 12000) n cross join lateral (select timestamptz '2026-01-01' + n "
      "* interval '2 s' + interval '"
      + std::to_string(offset_s) + " s' as t) x");
  };
  plant(all.first, 0);
  plant(all.second, 1);
  std::uint64_t rows = 0;
  std::int64_t last = std::numeric_limits<std::int64_t>::max();
  std::optional<std::uint64_t> next = 0;
  int pages = 0;
  while (next) {
    faults_query query;
    query.skip = *next;
    const auto page = must(
      answer_of<faults_page>([&](auto done) { all.routed->history()->read_faults(query, done); }));
    for (const auto& row : page.rows) {
      CHECK(row.last_us < last); // each time is there once
      last = row.last_us;
    }
    rows += page.rows.size();
    next = page.next;
    REQUIRE(++pages < 20);
  }
  CHECK(rows == 24'000);
  CHECK(pages == 12);
  faults_query one;
  one.farm = "north";
  CHECK(
    must(answer_of<faults_page>([&](auto done) { all.routed->history()->read_faults(one, done); }))
      .rows.size()
    == 2'000);
}

TEST_CASE("postgres, homes: rows that a farm left behind do not count") {
  two_databases all;
  (void)store_frames(*all.homes, "north", "T1", 2, 20);
  // What a move leaves in the old database at first.
  (void)claim(*all.main, request_of("gone", "T1", 5));
  all.first.tamper("update farm set home = 'b', home_version = 1, home_state = 'gone' where name = "
                   "'gone'; insert into farm_home values ('gone', 'b', 1)");
  (void)claim(*all.other, request_of("gone", "T1", 5));
  all.homes->correct({"gone", "b", 1});
  CHECK(names(*all.routed) == "gone/T1 north/T1 old/T1");
  CHECK(ledger(*all.routed).size() == 3);
}

TEST_CASE(
  "postgres, homes: main keeps what is not of one farm, and nothing is claimed through all") {
  two_databases all;
  CHECK(all.routed->directory() != nullptr);
  CHECK(all.routed->dbc() != nullptr);
  CHECK(all.routed->capabilities().membership);
  CHECK(must(answer_of<store_health>([&](auto done) { all.routed->health(done); })).up);
  const auto refused = answer_of<std::vector<claim_outcome>>(
    [&](auto done) { all.routed->claim({request_of("old", "T1", 1)}, done); });
  CHECK(refused.code() == errc::misconfigured);
  CHECK(append(*all.routed->open_appender("w0"), {}).code() == errc::misconfigured);
}

TEST_CASE("postgres, homes: where a site forwards to is set in every database that is open") {
  two_databases all;
  (void)must(resolve(*all.homes, "north"));
  const auto target_of = [](store& of) {
    return must(answer_of<forward_status>(
                  [&](auto done) { of.forward()->read_status("", std::move(done)); }))
      .target;
  };
  const auto set = [&](const std::string& target) {
    return answer_of<furrow::done>(
      [&](auto done) { all.routed->forward()->set_target(target, std::move(done)); });
  };
  (void)must(set("hq:7400"));
  CHECK(target_of(*all.main) == "hq:7400");
  CHECK(target_of(*all.other) == "hq:7400");
  (void)must(set(""));
  CHECK(target_of(*all.main).empty());
  CHECK(target_of(*all.other).empty());
}

TEST_CASE("postgres, homes: the health of a database says the timeline of its server") {
  two_databases all;
  const auto health = must(answer_of<store_health>([&](auto done) { all.other->health(done); }));
  CHECK(health.up);
  CHECK(std::to_string(health.timeline) == all.second.value("select furrow.wal_timeline()"));
}
