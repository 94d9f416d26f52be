// One database for SQL over three homes: every answer of the front is that of the homes.
#include "storage/dbc/dbc_files.hpp"
#include "storage/homes/front.hpp"
#include "storage/identity/audit.hpp"
#include "storage/postgres/connection/session.hpp"
#include "storage/postgres/connection/url.hpp"
#include "tests/storage/postgres/sealing_bed.hpp"
#include "tests/storage/suite/digest_bed.hpp"
#include "tests/support/data.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>
#include <vector>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

constexpr std::array front_machines{"T1", "T2", "T3"};

/// Main and two more homes, each with one machine of the farm `default`, and an empty database for the front.
struct three_homes {
  postgres_bed beds[3];
  std::unique_ptr<store> stores[3];
  std::string front = "front_of_" + beds[0].name();
  std::string front_url = shared_cluster().make_database(front);

  three_homes() {
    for (auto i = 0U; i < 3; ++i) {
      stores[i] = beds[i].open_migrated();
      if (i == 0)
        continue;
      beds[i].tamper("select furrow.number_ids(" + std::to_string(i) + ")");
      beds[0].tamper("insert into furrow.database (name, url, number) values ('home"
                     + std::to_string(i) + "', '" + beds[i].url() + "', " + std::to_string(i)
                     + ")");
    }
  }
  ~three_homes() {
    stores[0].reset();
    shared_cluster().exec("drop database " + front + " with (force)");
  }
  three_homes(const three_homes&) = delete;
  three_homes& operator=(const three_homes&) = delete;

  [[nodiscard]] front_wish wish() const { return {beds[0].url(), front_url, "postgres", ""}; }
  [[nodiscard]] std::string ask(const std::string& sql) const {
    return shared_cluster().value(sql, front);
  }
  /// The rows of a query, in order, as one text.
  [[nodiscard]] static std::string rows_of(const std::string& query) {
    return "select coalesce(string_agg(r::text, ';' order by r::text), '') from (" + query + ") r";
  }
};

std::vector<can::frame_block> some_log() {
  const auto path = data_file("j1939/css-FCBF0606-00000001.candump.log");
  return path ? blocks_of_log(*path) : std::vector{mixed_block(1, 500)};
}

} // namespace

TEST_CASE(
  "front: gives for every machine what its home gives, and for all what they give together") {
  three_homes homes;
  for (auto i = 0U; i < 3; ++i) {
    append_blocks(*homes.stores[i], front_machines.at(i), 1 + i, some_log());
    plain_digest{*homes.stores[i]}.run_all();
    if (i == 1)
      (void)must(seal(*homes.stores[i]));
  }
  const auto made = must(create_front(homes.wish()));
  CHECK(made.homes == std::vector<std::string>{"main", "home1", "home2"});
  CHECK(made.functions == 12); // token_sums has two forms

  const auto signal = homes.beds[0].value(
    "select n.name from furrow.rollup r join furrow.signal_name n on n.id = r.signal group by 1 "
    "order by sum(r.count) desc, 1 limit 1");
  for (auto i = 0U; i < 3; ++i) {
    const std::string machine = front_machines.at(i);
    const auto same = [&](const std::string& query) {
      CAPTURE(query);
      const auto mine = homes.ask(three_homes::rows_of(query));
      CHECK(mine == homes.beds[i].value(three_homes::rows_of(query)));
      CHECK_FALSE(mine.empty());
    };
    for (const auto& named : {machine, "default/" + machine}) {
      same("select count(*), md5(string_agg(f::text, '' order by f.seq)) from furrow.frames('"
           + named + "', '-infinity', 'infinity') f");
      same("select count(*), md5(string_agg(s::text, '' order by s.time, s.value)) from "
           "furrow.signal('"
           + named + "', '" + signal + "', '-infinity', 'infinity') s");
    }
    same("select * from furrow.frames('" + machine
         + "', '-infinity', 'infinity', pgn => 61444) limit 100000");
    same("select * from furrow.signal_bucket('" + machine + "', '" + signal
         + "', '-infinity', 'infinity', '1 minute')");
    same("select * from furrow.messages('" + machine + "', '-infinity', 'infinity', 65251)");
    same("select t.time, t.speed, t.engine_speed from furrow.telemetry_all t where t.equipment_id "
         "= furrow.equipment_id('"
         + machine + "')");
    same(
      "select n.name, r.minute, r.count, r.sum from furrow.rollup r join furrow.signal_name n on "
      "n.id = r.signal where r.equipment_id = furrow.equipment_id('"
      + machine + "')");
  }
  std::uint64_t durable = 0;
  for (auto& bed : homes.beds)
    durable += std::stoull(bed.value("select sum(durable) from furrow.ledger"));
  CHECK(homes.ask("select count(*) || ' ' || sum(durable) || ' ' || sum(lost + doubled) from "
                  "furrow.ledger")
        == "3 " + std::to_string(durable) + " 0");
  CHECK(homes.ask("select string_agg(f.name || '/' || e.name, ' ' order by e.id) from "
                  "furrow.equipment e join furrow.farm f on f.id = e.farm_id")
        == "default/T1 default/T2 default/T3");

  // Time, of sessions that stay: the front asks for the machine's id, then its home.
  const auto query =
    "select count(*) from furrow.signal('T2', '" + signal + "', '-infinity', 'infinity')";
  const auto session = [](const std::string& url) {
    store_options options;
    options.url = url;
    return must(pq_session::open(options, "front test"));
  };
  const auto fastest = [&](auto&& run) {
    double best = 1e9;
    for (int i = 0; i < 25; ++i) {
      const auto begun = std::chrono::steady_clock::now();
      (void)run();
      best = std::min(
        best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun)
                .count());
    }
    return best;
  };
  auto home = session(homes.beds[1].url());
  auto front = session(homes.front_url);
  CHECK(must(home.value(query)) == must(front.value(query)));
  const auto own = fastest([&] { return must(home.value(query)); });
  const auto over = fastest([&] { return must(front.value(query)); });
  MESSAGE("furrow.signal over three homes: home ", own, " ms, front ", over, " ms");
  CHECK(over <= 3 * own);
}

TEST_CASE("front: definitions of a farm's DBC files come from its home, and versions say which") {
  three_homes homes;
  for (auto i = 0U; i < 3; ++i) {
    append_blocks(*homes.stores[i], front_machines.at(i), 1 + i, some_log());
    plain_digest{*homes.stores[i]}.run_all();
  }
  const std::string text = "VERSION \"\"\nBU_: X\nBO_ 2364540158 EEC1: 8 X\n SG_ Pace : 24|16@1+ "
                           "(0.125,0) [0|8031.875] \"rpm\" X\n";
  for (const auto i : {1U, 2U}) {
    dbc_upload file;
    file.scope = front_machines.at(i);
    file.name = "own.dbc";
    file.content = text;
    (void)must(answer_of<dbc_load_outcome>(
      [&](auto done) { homes.stores[i]->dbc()->load(file, {"me"}, std::move(done)); }));
  }
  (void)must(create_front(homes.wish()));
  CHECK(
    homes.ask("select string_agg(e.name || ' ' || s.name || ' ' || g.name, ', ' order by e.name) "
              "from furrow.definition_set s join furrow.definition_signal g using (version) "
              "join furrow.equipment e on e.id = s.equipment_id where s.name = 'own.dbc'")
    == "T2 own.dbc Pace, T3 own.dbc Pace");
  CHECK(homes.ask("select count(*) from furrow.dbc d join furrow.definition_set s using (version) "
                  "where d.name = s.name and d.equipment_id = s.equipment_id")
        == "2");
  CHECK(homes.ask("select count(*) = count(distinct version) from furrow.definition_set") == "t");
  const auto version = homes.ask("select s.version from furrow.definition_set s join "
                                 "furrow.equipment e on e.id = s.equipment_id where e.name = 'T3'");
  const auto pace = [&](const std::string& machine) {
    return homes.ask("select count(*) from furrow.signal('" + machine
                     + "', 'EEC1.Pace', '-infinity', 'infinity', " + version + ")");
  };
  CHECK(pace("T3") != "0");
  CHECK(pace("T3")
        == homes.beds[2].value(
          "select count(*) from furrow.signal('T3', 'EEC1.Pace', '-infinity', 'infinity')"));
  CHECK_THROWS_WITH((void)pace("T2"), doctest::Contains("in another database than the equipment"));
}

TEST_CASE(
  "front: a reader of the front reads it and nothing else; a second run replaces the first") {
  three_homes homes;
  for (auto i = 0U; i < 3; ++i)
    append_blocks(*homes.stores[i], front_machines.at(i), 1 + i, {mixed_block(i, 100)});
  (void)must(create_front(homes.wish()));
  (void)must(create_front(homes.wish()));
  shared_cluster().exec("create role front_grafana login; grant furrow_reader to front_grafana");
  CHECK(homes.ask("set role front_grafana; select count(*) from furrow.frames('T3', '-infinity', "
                  "'infinity')")
        == "100");
  CHECK(homes.ask("set role front_grafana; select sum(durable) from furrow.ledger") == "300");
  const auto reader = [&](const std::string& sql) {
    return homes.ask("set role front_grafana; " + sql);
  };
  CHECK(reader("select count(*) from furrow.frames('default/T2', '-infinity', 'infinity')")
        == "100");
  CHECK(reader("select furrow.equipment_id('default/T2')")
        == homes.beds[1].value("select id from furrow.equipment"));
  CHECK(reader("select count(*) from furrow.token_sums('-infinity', 'infinity')") == "0");
  (void)reader("select count(*) from furrow.retention_due(now())");
  CHECK(reader("select count(*) from furrow.yield_map('equipment:default/T2', '-infinity', "
               "'infinity')")
        == "0");
  CHECK_THROWS(
    (void)reader("select count(*) from furrow_home_main.equipment")); // through functions only
  CHECK(homes.ask("select count(*) from pg_class where relnamespace = 'furrow'::regnamespace and "
                  "relname in ('user', 'token', 'session')")
        == "0");
  shared_cluster().exec("drop role front_grafana");

  // A home that is away: the machines of the others are read by their farm's name.
  homes.stores[2].reset();
  shared_cluster().exec("alter database " + homes.beds[2].name() + " allow_connections false");
  shared_cluster().exec("select pg_terminate_backend(pid) from pg_stat_activity where datname = '"
                        + homes.beds[2].name() + "'");
  CHECK(homes.ask("select count(*) from furrow.frames('default/T1', '-infinity', 'infinity')")
        == "100");
  CHECK_THROWS((void)homes.ask("select count(*) from furrow.ledger"));
  shared_cluster().exec("alter database " + homes.beds[2].name() + " allow_connections true");
  CHECK(homes.ask("select count(*) from furrow.ledger") == "3");
}

TEST_CASE("front: compiles nothing in a function, also with the server's default jit = on") {
  three_homes homes;
  (void)must(create_front(homes.wish()));
  // A function of PL/Proxy has no statements here but the choice of the home, which is a function of this list.
  CHECK(
    homes
      .ask("select coalesce(string_agg(p.oid::regprocedure::text, ' '), '') from pg_proc p "
           "join pg_language l on l.oid = p.prolang join pg_namespace n on n.oid = p.pronamespace "
           "where n.nspname like 'furrow%' and l.lanname <> 'plproxy' and "
           "(p.proconfig @> array['search_path=pg_catalog, pg_temp', 'jit=off']) is not true")
      .empty());
  CHECK(homes.ask("select count(*) > 6 from pg_proc p join pg_language l on l.oid = p.prolang "
                  "where p.pronamespace = 'furrow'::regnamespace and l.lanname <> 'plproxy'")
        == "t");
}

TEST_CASE("front: what cannot be done is one sentence") {
  three_homes homes;
  auto wish = homes.wish();
  wish.front = homes.beds[1].url();
  CHECK(create_front(wish).error().detail.find("a front needs a database of its own")
        != std::string::npos);
  wish = homes.wish();
  wish.main = homes.front_url;
  CHECK(create_front(wish).error().detail.find("furrow.migration") != std::string::npos);
  wish = homes.wish();
  shared_cluster().exec("create role front_nobody login");
  wish.front.replace(wish.front.find("postgres@"), 9, "front_nobody@");
  CHECK(create_front(wish).error().detail.find("only a superuser") != std::string::npos);
  shared_cluster().exec("drop role front_nobody");
  wish = homes.wish();
  wish.main = "postgresql://postgres@127.0.0.1:1/none"; // the side that failed is named
  CHECK(create_front(wish).error().detail.find("port=1: ") != std::string::npos);

  homes.beds[0].tamper("update furrow.database set name = 'homes' where name = 'home1'");
  (void)must(create_front(homes.wish())); // any name of a database will do
  CHECK_THROWS_WITH((void)homes.ask("select * from furrow.frames('T9', 'epoch', 'infinity')"),
                    doctest::Contains("no equipment T9"));
}

TEST_CASE("front: farms that moved, farms of unknown databases, and names in several homes") {
  three_homes homes;
  for (auto i = 0U; i < 3; ++i)
    append_blocks(*homes.stores[i], front_machines.at(i), 1 + i, {mixed_block(i, 10)});
  (void)must(create_front(homes.wish()));
  homes.beds[0].tamper("insert into furrow.farm (name, home, home_version, home_state) values "
                       "('north', 'home1', 1, 'gone'); insert into furrow.farm_home values "
                       "('north', 'home1', 1)");
  homes.beds[1].tamper("insert into furrow.farm (name) values ('north')");
  CHECK(homes.ask("select count(*) from furrow.farm where name = 'north'") == "1");
  homes.beds[0].tamper("insert into furrow.database (name, url) values ('late', 'host=late'); "
                       "update furrow.farm_home set database = 'late', version = 2");
  const auto unknown =
    doctest::Contains("the farm north lives in a database that this front does not know");
  CHECK_THROWS_WITH((void)homes.ask("select furrow.equipment_id('north/T1')"), unknown);
  CHECK_THROWS_WITH((void)homes.ask("select count(*) from furrow.rollup_day_in('north')"), unknown);

  const auto map = [&](const std::string& place) {
    return homes.ask("select count(*) from furrow.yield_map('" + place
                     + "', '-infinity', 'infinity')");
  };
  for (const auto i : {1U, 2U})
    homes.beds[i].tamper("insert into furrow.equipment (farm_id, name) select id, 'twice' from "
                         "furrow.farm where name = 'default'");
  CHECK(map("T3") == "0");
  CHECK_THROWS_WITH((void)map("twice"),
                    doctest::Contains("more than one field or equipment is called twice"));
  CHECK_THROWS_WITH((void)map("nowhere"), doctest::Contains("no field and no equipment nowhere"));
  CHECK_THROWS_WITH((void)map("field:T3"), doctest::Contains("no field and no equipment T3"));
}

TEST_CASE("front: a home whose URL names no database has that of its user") {
  using pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(places_of("postgresql://anna@db2") == pairs{{"host", "db2"}, {"dbname", "anna"}});
  CHECK(places_of("user=anna dbname=farm") == pairs{{"dbname", "farm"}});
}
