// DBC files of farms in several databases: each in the home of its farm, those for all machines in main and, for SQL, everywhere.
#include "storage/dbc/dbc_files.hpp"
#include "tests/storage/homes/homes_bed.hpp"
#include "tests/support/eventually.hpp"

#include <chrono>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

std::string tank(const std::string& unit) {
  return "VERSION \"\"\n\nBU_: ECU\n\nBO_ 256 TANK: 8 ECU\n SG_ level : 0|8@1+ (1,0) [0|255] \""
         + unit + "\" Vector__XXX\n";
}

result<dbc_load_outcome>
load(store& of, const std::string& name, const std::string& scope, const std::string& unit) {
  return answer_of<dbc_load_outcome>([&](auto done) {
    of.dbc()->load({name, scope, tank(unit)}, anna, std::move(done));
  });
}

std::vector<stored_dbc> files(store& of) {
  return must(
    answer_of<std::vector<stored_dbc>>([&](auto done) { of.dbc()->list(std::move(done)); }));
}

std::optional<active_dbc> active(store& of, const std::string& known = {}) {
  return must(answer_of<std::optional<active_dbc>>(
    [&](auto done) { of.dbc()->read_active(known, std::move(done)); }));
}

/// Two databases whose ids differ.
struct numbered_databases {
  postgres_bed first;
  postgres_bed second;
  std::unique_ptr<store> main = first.open_migrated();
  std::unique_ptr<store> other = second.open_migrated();
  std::shared_ptr<home_stores> homes = prepared();
  std::unique_ptr<store> routed = route_by_farm(homes);

  std::string units_in_b() {
    return second.value("select coalesce(string_agg(s.unit, ' ' order by s.version), '') from "
                        "furrow.definition_signal s where s.name = 'level' and s.version = (select "
                        "max(d.version) from furrow.definition_set d where d.equipment_id is null "
                        "and d.farm_id is null and d.name = 'tank.dbc')");
  }
  /// A node looks for active files every few seconds.
  bool comes_to_b(const std::string& units) {
    return eventually(std::chrono::seconds{10}, [&] {
      (void)active(*routed);
      return units_in_b() == units;
    });
  }

private:
  std::shared_ptr<home_stores> prepared() {
    (void)claim(*main, request_of("old", "T1", 1));
    first.tamper("insert into furrow.database (name, url, number) values ('b', '" + second.url()
                 + "', 1)");
    second.tamper("select furrow.number_ids(1)");
    fill_main(*main);
    return homes_of(first.open());
  }
};

} // namespace

TEST_CASE("postgres, homes: a DBC file is kept in the home of its farm, and found by its number") {
  numbered_databases all;
  (void)store_frames(*all.homes, "north", "T2", 2, 10);
  const auto for_all = must(load(*all.routed, "tank.dbc", "all", "l"));
  const auto of_main = must(load(*all.routed, "tank.dbc", "old/T1", "pt"));
  const auto of_farm = must(load(*all.routed, "tank.dbc", "north/", "m3"));
  const auto of_machine = must(load(*all.routed, "tank.dbc", "north/T2", "gal"));
  CHECK((for_all.id >> home_number_bits) == 0);
  CHECK((of_main.id >> home_number_bits) == 0);
  CHECK((of_farm.id >> home_number_bits) == 1);
  CHECK((of_machine.id >> home_number_bits) == 1);
  CHECK(files(*all.main).size() == 2);
  CHECK(files(*all.other).size() == 2);
  std::string scopes;
  for (const auto& each : files(*all.routed))
    scopes += scope_of(each) + ", ";
  CHECK(scopes == "all, farm north, north/T2, old/T1, ");
  for (const auto id : {for_all.id, of_farm.id, of_machine.id})
    CHECK(must(answer_of<stored_dbc>([&](auto done) { all.routed->dbc()->read(id, done); })).id
          == id);

  // The node decodes with all of them, the closest first.
  const auto now = active(*all.routed);
  REQUIRE(now);
  scopes.clear();
  for (const auto& each : now->files)
    scopes += scope_of(each) + ", ";
  CHECK(scopes == "old/T1, north/T2, farm north, all, ");
  CHECK_FALSE(active(*all.routed, now->stamp));
  must(answer_of<furrow::done>(
    [&](auto done) { all.routed->dbc()->remove(of_machine.id, anna, std::move(done)); }));
  const auto later = active(*all.routed, now->stamp);
  REQUIRE(later);
  CHECK(later->files.size() == 3);

  // Another farm's database does not take it, and says who does.
  const auto wrong = load(*all.main, "tank.dbc", "north/T2", "gal");
  CHECK(wrong.error().detail == "the farm north lives in the database b");
  CHECK(load(*all.main, "tank.dbc", "north", "gal").code() == errc::retry_later);
  CHECK(load(*all.routed, "tank.dbc", "nobody/", "gal").code() == errc::not_found);
  CHECK(load(*all.routed, "tank.dbc", "T2", "gal").error().detail.find("FARM/")
        != std::string::npos);
  CHECK(all.first.value("select count(*) from furrow.farm_home where farm = 'nobody'") == "0");
}

TEST_CASE("postgres, homes: SQL in each database decodes by the files for all machines") {
  numbered_databases all;
  const auto litres = must(load(*all.routed, "tank.dbc", "all", "l"));
  (void)store_frames(*all.homes, "north", "T2", 2, 10);
  CHECK(all.comes_to_b("l"));
  (void)must(load(*all.routed, "tank.dbc", "all", "gal"));
  CHECK(all.comes_to_b("gal"));
  must(answer_of<furrow::done>(
    [&](auto done) { all.routed->dbc()->activate(litres.id, anna, std::move(done)); }));
  CHECK(all.comes_to_b("l"));
  // They are in one place.
  CHECK(load(*all.other, "own.dbc", "all", "t").error().detail.find("in the main database")
        != std::string::npos);
  // The catalogue stays.
  must(answer_of<furrow::done>(
    [&](auto done) { all.routed->dbc()->remove(litres.id, anna, std::move(done)); }));
  CHECK(all.comes_to_b(""));
  CHECK(all.second.value("select string_agg(d.name, ' ' order by d.version) from "
                         "furrow.definition_set d")
        == "furrow-agricultural.dbc");
  const auto now = active(*all.routed);
  REQUIRE(now);
  CHECK(now->files.empty());
}
