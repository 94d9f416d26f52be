// Which databases there are, where a new farm goes, and what a claim of a farm that lives elsewhere answers.
#include "can/records/kind.hpp"
#include "storage/farm/repositories.hpp"
#include "storage/homes/directory.hpp"
#include "storage/identity/identities.hpp"
#include "storage/records.hpp"
#include "tests/storage/homes/homes_bed.hpp"
#include "tests/storage/suite/record_bed.hpp"
#include "tests/support/eventually.hpp"

#include <future>
#include <set>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

struct directory_bed {
  postgres_bed bed;
  std::unique_ptr<store> opened = bed.open_migrated();
  directory_store& area = *opened->directory();

  result<furrow::done> add(const std::string& name, const std::string& url, unsigned weight = 100) {
    return answer_of<furrow::done>([&](auto done) {
      area.add_database({name, url, weight}, anna, done);
    });
  }
  void add(const std::string& name, unsigned weight = 100) {
    (void)must(add(name, "host=/nowhere dbname=" + name, weight));
  }
  result<furrow::done> weigh(const std::string& name, unsigned weight) {
    return answer_of<furrow::done>(
      [&](auto done) { area.weigh_database(name, weight, anna, done); });
  }
  result<furrow::done> remove(const std::string& name) {
    return answer_of<furrow::done>([&](auto done) { area.remove_database(name, anna, done); });
  }
  std::vector<database_row> databases() {
    return must(
      answer_of<std::vector<database_row>>([&](auto done) { area.list_databases(done); }));
  }
  std::vector<farm_home> homes() {
    return must(answer_of<std::vector<farm_home>>([&](auto done) { area.list_homes(done); }));
  }
  std::string place(const std::string& farm) {
    return must(answer_of<farm_home>([&](auto done) { area.place_farm(farm, done); })).database;
  }
  std::int64_t version() {
    return must(answer_of<std::int64_t>([&](auto done) { area.read_version(done); }));
  }
  std::vector<audit_row> notes() {
    return must(answer_of<std::vector<audit_row>>([&](auto done) {
      audit_of(*opened)->list({{}, 0, {}, {}, 10}, std::move(done));
    }));
  }
  /// What the tables of a claim hold of a farm.
  std::string rows_of(const std::string& farm) {
    return bed.value("select (select count(*) from equipment e join farm f on f.id = e.farm_id "
                     "where f.name = '"
                     + farm + "') || ' ' || (select count(*) from stream)");
  }
};

} // namespace

TEST_CASE("postgres, homes: a database without others has one row, and nothing is written of a "
          "farm that is placed") {
  directory_bed all;
  REQUIRE(all.databases().size() == 1);
  CHECK(all.databases()[0].name == "main");
  CHECK(all.databases()[0].url.empty());
  const auto before = all.version();
  CHECK(all.place("north") == "main");
  CHECK(all.homes().empty());
  CHECK(all.version() == before);
  CHECK(all.bed.value("select count(*) from farm") == "0");
  CHECK(all.opened->capabilities().directory);
}

TEST_CASE("postgres, homes: a new farm gets the database with the fewest farms for its weight") {
  directory_bed all;
  (void)claim(*all.opened, request_of("old", "T1", 1));
  all.add("b", 200);
  all.add("empty", 0);
  // main has one farm of weight 100, b none of weight 200.
  CHECK(all.place("f1") == "b");
  CHECK(all.place("f2") == "b");    // 0.5 against 1
  CHECK(all.place("f3") == "main"); // 1 against 1: main comes first
  CHECK(all.place("f4") == "b");
  CHECK(all.place("old") == "main"); // it has a machine there
  CHECK(all.place("f1") == "b");     // and stays
  const std::vector<farm_home> wanted{
    {"f1", "b", 1}, {"f2", "b", 1}, {"f3", "main", 1}, {"f4", "b", 1}, {"old", "main", 0}};
  CHECK(all.homes() == wanted);
  const auto rows = all.databases();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].farms == 2); // old, f3
  CHECK(rows[1].name == "b");
  CHECK(rows[1].farms == 3);
  CHECK(rows[2].farms == 0);
  const auto found =
    must(answer_of<std::optional<farm_home>>([&](auto done) { all.area.find_home("f2", done); }));
  REQUIRE(found);
  CHECK(found->database == "b");
  CHECK_FALSE(must(
    answer_of<std::optional<farm_home>>([&](auto done) { all.area.find_home("unknown", done); })));
  CHECK_FALSE(answer_of<farm_home>([&](auto done) { all.area.place_farm("", done); }));
}

TEST_CASE("postgres, homes: a token of a farm does not keep the farm in main") {
  directory_bed all;
  all.add("b");
  (void)must(answer_of<identity_outcome<token_row>>([&](auto done) {
    token_row token;
    token.key = {"north", "gate"};
    token.sha256 = std::string(64, 'a');
    identities_of(*all.opened)->add_token(token, anna, std::move(done));
  }));
  REQUIRE(all.bed.value("select count(*) from farm where name = 'north'") == "1");
  (void)claim(*all.opened, request_of("old", "T1", 1));
  CHECK(all.place("north") == "b");
  // A farm that people have described lives where that is.
  (void)must(answer_of<unit_outcome>([&](auto done) {
    all.opened->farm()->apply(
      "south", unit_of(action::upsert, farm_record{"south", "South", "{}", 0}), std::move(done));
  }));
  CHECK(all.place("south") == "main");
  // A time zone describes it too.
  farm_record west{"west", "", "{}", 0};
  west.time_zone = "Europe/Berlin";
  (void)must(answer_of<unit_outcome>([&](auto done) {
    all.opened->farm()->apply("west", unit_of(action::upsert, west), std::move(done));
  }));
  CHECK(all.place("west") == "main");
}

TEST_CASE("postgres, homes: the home of a farm is told when the standby has its row") {
  // Symptom: after a cancelled wait for the standby, the next question found the row and used it. A failover lost it.
  directory_bed all;
  all.add("b");
  (void)must(all.weigh("main", 0));
  REQUIRE(all.place("north") == "b");
  auto& cluster = shared_cluster();
  const auto wait_for_standbys = [&](const std::string& names) {
    cluster.exec("alter system set synchronous_standby_names = '" + names + "'");
    cluster.exec("select pg_reload_conf()");
    REQUIRE(eventually(patience,
                       [&] { return cluster.value("show synchronous_standby_names") == names; }));
  };
  wait_for_standbys("nobody");
  std::promise<errc> placed;
  std::promise<errc> found;
  std::promise<errc> listed;
  all.area.place_farm("north", [&](const auto& outcome) { placed.set_value(outcome.code()); });
  all.area.find_home("north", [&](const auto& outcome) { found.set_value(outcome.code()); });
  all.area.list_homes([&](const auto& outcome) { listed.set_value(outcome.code()); });
  for (auto* each : {&placed, &found, &listed}) {
    auto answer = each->get_future();
    CHECK(eventually(patience, [&] {
      (void)all.bed.value("select count(pg_cancel_backend(pid)) from pg_stat_activity where "
                          "wait_event = 'SyncRep' and datname = current_database()");
      return answer.wait_for(std::chrono::milliseconds{0}) == std::future_status::ready;
    }));
    CHECK(answer.get() == errc::retry_later);
  }
  // A farm of main without a row is as certain as its machines.
  CHECK_FALSE(must(answer_of<std::optional<farm_home>>(
    [&](auto done) { all.area.find_home("unknown", std::move(done)); })));
  wait_for_standbys("");
  CHECK(all.place("north") == "b");
}

TEST_CASE("postgres, homes: a number belongs to an empty database, and is given once") {
  directory_bed all;
  const auto number = [](postgres_bed& bed, int wanted) {
    return bed.value("select furrow.number_ids(" + std::to_string(wanted) + ")");
  };
  const auto next = [&] {
    return must(answer_of<std::uint32_t>([&](auto done) { all.area.free_number(done); }));
  };
  const auto add = [&](const std::string& name, std::uint32_t with) {
    return answer_of<furrow::done>([&](auto done) {
      all.area.add_database({name, "host=" + name, 100, 0, with}, anna, std::move(done));
    });
  };
  postgres_bed other;
  const auto opened = other.open_migrated();
  CHECK(next() == 1);
  CHECK(number(other, 1) == "1");
  CHECK(next() == 1); // until the database is added
  CHECK(number(other, 0) == "0");
  CHECK(number(other, 2) == "2"); // a wrong number, or a wrong pair of URLs, can be mended
  (void)claim(*opened, request_of("north", "T1", 1));
  CHECK(other.value("select id from furrow.farm") == std::to_string((2 << 25) + 1));
  CHECK(number(other, 3) == "2"); // its rows have these ids
  (void)must(add("b", 2));
  CHECK(next() == 3);
  CHECK(add("c", 2).error().detail.find("add it again if it is empty") != std::string::npos);
  (void)must(all.remove("b"));
  CHECK(next() == 3); // the ids may be where its farms have moved to
  (void)must(add("b", 2));
  CHECK(next() == 3);
  // Main knows the other from itself.
  const auto said = [](store& of) {
    return must(answer_of<database_numbering>(
      [&](auto done) { of.directory()->read_numbering(std::move(done)); }));
  };
  CHECK(said(*all.opened).identity == said(*all.bed.open()).identity);
  CHECK(said(*all.opened).identity != said(*opened).identity);
  CHECK(said(*all.opened).empty);
  CHECK_FALSE(said(*all.opened).number);
  CHECK_FALSE(said(*opened).empty);
  CHECK(said(*opened).number == 2U);
  CHECK(number(all.bed, 0) == "0");
  CHECK(number(all.bed, 3) == "0"); // it lists b
  postgres_bed used;
  (void)used.open_migrated();
  used.tamper("insert into furrow.signal_name (name) values ('EEC1.engine_speed')");
  CHECK_THROWS_WITH(used.tamper("select furrow.number_ids(3)"),
                    doctest::Contains("has farms, signals or DBC files already"));
}

TEST_CASE("postgres, homes: nodes that place one farm at the same time agree") {
  directory_bed all;
  all.add("b");
  all.add("c");
  std::vector<std::unique_ptr<store>> nodes;
  for (int i = 0; i < 4; ++i)
    nodes.push_back(all.bed.open());
  std::vector<std::future<result<farm_home>>> answers;
  for (int farm = 0; farm < 9; ++farm)
    for (auto& node : nodes) {
      auto promised = std::make_shared<std::promise<result<farm_home>>>();
      answers.push_back(promised->get_future());
      node->directory()->place_farm("f" + std::to_string(farm), [promised](auto outcome) {
        promised->set_value(std::move(outcome));
      });
    }
  std::set<std::pair<std::string, std::string>> placed;
  for (auto& answer : answers) {
    REQUIRE(answer.wait_for(patience) == std::future_status::ready);
    const auto home = must(answer.get());
    placed.emplace(home.farm, home.database);
  }
  CHECK(placed.size() == 9);
  for (const auto& row : all.databases())
    CHECK(row.farms == 3);
}

TEST_CASE("postgres, homes: a claim of a farm that lives elsewhere says where, and makes nothing") {
  directory_bed all;
  all.add("b");
  (void)claim(*all.opened, request_of("old", "T1", 1)); // so that b is the lighter one
  REQUIRE(all.place("north") == "b");
  const auto before = all.rows_of("north");
  const auto outcomes = must(answer_of<std::vector<claim_outcome>>([&](auto done) {
    all.opened->claim({request_of("north", "T1", 2), request_of("old", "T1", 1)}, done);
  }));
  REQUIRE(outcomes.size() == 2);
  REQUIRE(outcomes[0].moved);
  CHECK(*outcomes[0].moved == farm_home{"north", "b", 1});
  CHECK(outcomes[0].claim == stream_claim{});
  CHECK_FALSE(outcomes[0].held);
  CHECK_FALSE(outcomes[1].moved); // a neighbour in the same call is claimed
  CHECK(outcomes[1].claim.epoch > 0);
  CHECK(all.rows_of("north") == before);
  // Records and what people edit do not come into being here either.
  record_batch batch;
  batch.farm = "north";
  batch.equipment = "T1";
  batch.key = "k";
  batch.records.push_back(record_at(0, can::record_kind_yield, yield_body));
  const auto stored = answer_of<record_batch_outcome>(
    [&](auto done) { all.opened->records()->insert_records(batch, done); });
  REQUIRE_FALSE(stored);
  CHECK(stored.error().detail == "the farm north lives in the database b");
  CHECK(stored.code() == errc::retry_later);
  const auto applied = answer_of<unit_outcome>(
    [&](auto done) { all.opened->farm()->apply("north", machine_named("T9"), done); });
  REQUIRE_FALSE(applied);
  CHECK(applied.error().detail == "the farm north lives in the database b");
  CHECK(all.rows_of("north") == before);
}

TEST_CASE("postgres, homes: a farm that leaves takes its streams along, and one that arrives must "
          "wait") {
  directory_bed all;
  const auto mine = claim(*all.opened, request_of("north", "T1", 1));
  const auto lane = all.opened->open_appender("w0");
  (void)must(append(*lane, {append_of(mine.claim, 0, mixed_block(1, 10))}));
  all.bed.tamper("update farm set home_state = 'arriving' where name = 'north'");
  const auto waits = claim(*all.opened, request_of("north", "T1", 1));
  CHECK(waits.held);
  CHECK_FALSE(waits.moved);
  CHECK(claim(*all.opened, request_of("north", "T2", 2)).held);
  CHECK(all.rows_of("north") == "1 1");
  // What a move does first: state and epochs in one transaction.
  all.bed.tamper(
    "update farm set home_state = 'leaving', home = 'b', home_version = 7 where name = "
    "'north'; update stream_watermark set epoch = epoch + 1");
  const auto moved = claim(*all.opened, request_of("north", "T1", 1));
  REQUIRE(moved.moved);
  CHECK(*moved.moved == farm_home{"north", "b", 7});
  const auto late = must(append(*lane, {append_of(mine.claim, 10, mixed_block(2, 10))}));
  CHECK(late.fenced == std::vector{mine.claim.stream});
  const auto farms =
    must(answer_of<std::vector<farm_state>>([&](auto done) { all.area.list_farms(done); }));
  REQUIRE(farms.size() == 1);
  CHECK(farms[0].machines == 1);
  CHECK(farms[0].state == "leaving");
  CHECK(farms[0].home == "b");
  CHECK(farms[0].version == 7);
  all.bed.tamper("update farm set home_state = 'here', home = null where name = 'north'");
  const auto back = claim(*all.opened, request_of("north", "T1", 1));
  CHECK_FALSE(back.moved);
  CHECK(back.durable_seq == 10);
}

TEST_CASE("postgres, homes: a claim and a placement of one farm wait for each other") {
  directory_bed all;
  all.add("b");
  (void)claim(*all.opened, request_of("old", "T1", 1));
  // A node that knows of no other database claims the farm's first machine: its transaction is open while the farm is placed.
  std::promise<result<farm_home>> promised;
  auto placed = promised.get_future();
  all.bed.tamper("create function pause() returns trigger language plpgsql as $$ begin perform "
                 "pg_sleep(0.5); return null; end $$; create trigger pause after insert on stream "
                 "for each row execute function pause()");
  std::promise<result<std::vector<claim_outcome>>> claimed_promise;
  auto claimed = claimed_promise.get_future();
  all.opened->claim({request_of("north", "T1", 2)},
                    [&](auto outcome) { claimed_promise.set_value(std::move(outcome)); });
  REQUIRE(eventually(patience, [&] {
    return all.bed.value("select count(*) from pg_stat_activity where wait_event = 'PgSleep'")
           != "0";
  }));
  all.area.place_farm("north", [&](auto outcome) { promised.set_value(std::move(outcome)); });
  REQUIRE(placed.wait_for(patience) == std::future_status::ready);
  CHECK(must(placed.get()).database == "main");
  REQUIRE(claimed.wait_for(patience) == std::future_status::ready);
  CHECK_FALSE(must(claimed.get()).at(0).moved);
}

TEST_CASE("postgres, homes: people add, weigh and remove databases, and the audit log says so") {
  directory_bed all;
  const auto first = all.version();
  (void)must(all.add("b", "postgresql://furrow@db2/furrow"));
  CHECK(all.version() > first);
  (void)must(all.weigh("b", 50));
  (void)must(all.weigh("main", 0));
  CHECK(all.databases()[0].weight == 0);
  CHECK(all.databases()[1].weight == 50);
  CHECK(all.databases()[1].url == "postgresql://furrow@db2/furrow");
  REQUIRE(all.place("north") == "b");
  const auto kept = all.remove("b");
  REQUIRE_FALSE(kept);
  CHECK(kept.code() == errc::reject_row);
  CHECK(kept.error().detail.find("the home of 1 farm: north") != std::string::npos);
  all.bed.tamper("delete from farm_home");
  (void)must(all.remove("b"));
  CHECK(all.remove("b").code() == errc::not_found);
  CHECK(all.weigh("b", 1).code() == errc::not_found);
  CHECK(all.remove("main").code() == errc::reject_row);
  const auto notes = all.notes();
  REQUIRE(notes.size() == 4); // the newest first
  CHECK(notes[0].action == "database remove");
  CHECK(notes[0].before == R"({"url": "postgresql://furrow@db2/furrow", "weight": 50})");
  CHECK(notes[2].action == "database weight");
  CHECK(notes[2].object == "b");
  CHECK(notes[2].before == R"({"weight": 100})");
  CHECK(notes[2].after == R"({"weight": 50})");
  CHECK(notes[3].action == "database add");
  CHECK(notes[3].who == "anna");
}

TEST_CASE("postgres, homes: rejects a URL with a password, a name that is taken, and SQLite") {
  directory_bed all;
  for (const auto* url : {"postgresql://furrow:secret@db2/furrow", "host=db2 password=secret",
                          "postgresql://furrow@db2/furrow?sslpassword=secret"}) {
    CAPTURE(url);
    const auto refused = all.add("b", url);
    REQUIRE_FALSE(refused);
    CHECK(refused.code() == errc::reject_row);
    CHECK(refused.error().detail.find("PGPASSFILE") != std::string::npos);
    CHECK(refused.error().detail.find("secret") == std::string::npos);
  }
  CHECK(all.add("b", "sqlite:farm.db").error().detail.find("must be PostgreSQL")
        != std::string::npos);
  CHECK(all.add("b", "nonsense").code() == errc::reject_row);
  CHECK(all.add("Big", "host=db2").code() == errc::reject_row);
  CHECK(all.add("", "host=db2").code() == errc::reject_row);
  CHECK(all.add("main", "host=db2").error().detail == "the name main is taken");
  (void)must(all.add("b", "host=db2"));
  CHECK(all.add("b", "host=db3").error().detail == "the name b is taken");
  CHECK(all.add("c", "host=db2").error().detail == "the database b has this URL");
  CHECK(all.databases().size() == 2);
}
