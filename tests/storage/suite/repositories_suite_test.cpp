// The repositories of both databases: built into storage_tests and storage_pg_tests.
#include "storage/farm/repositories.hpp"
#include "storage/identity/identities.hpp"
#include "tests/storage/suite/store_bed.hpp"

#include <chrono>
#include <cmath>

#include <nlohmann/json.hpp>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

/// A store with its schema, and the repositories of two farms in it.
struct farm_bed {
  std::unique_ptr<store_bed> bed = make_bed();
  std::unique_ptr<store> database = bed->open_migrated();
  repositories* rows = database->farm();

  unit_outcome apply(unit_of_work work, const std::string& farm = "default") const {
    return must(try_apply(std::move(work), farm));
  }
  result<unit_outcome> try_apply(unit_of_work work, const std::string& farm = "default") const {
    return answer_of<unit_outcome>(
      [&](auto done) { rows->apply(farm, std::move(work), std::move(done)); });
  }
  unit_outcome apply(action what, record row, const std::string& farm = "default") const {
    return apply(unit_of(what, std::move(row)), farm);
  }
  template <class Row>
  Row get(const std::string& name, const std::string& farm = "default") const {
    return std::get<Row>(must(find<Row>(name, farm)));
  }
  template <class Row>
  result<record> find(const std::string& name, const std::string& farm = "default") const {
    return answer_of<record>(
      [&](auto done) { rows->get(farm, entity_of(record{Row{}}), name, std::move(done)); });
  }
  record_page list(entity what, record_query query, const std::string& farm = "default") const {
    return must(answer_of<record_page>(
      [&](auto done) { rows->list(farm, what, std::move(query), std::move(done)); }));
  }
  std::vector<std::string>
  at(double longitude, double latitude, const std::string& farm = "default") const {
    std::vector<std::string> names;
    for (const auto& field : must(answer_of<std::vector<field_record>>([&](auto done) {
           rows->fields_at(farm, {longitude, latitude}, std::move(done));
         })))
      names.push_back(field.name);
    return names;
  }
};

std::string square(double west, double south, double side) {
  nlohmann::json ring = {{west, south},
                         {west + side, south},
                         {west + side, south + side},
                         {west, south + side},
                         {west, south}};
  return nlohmann::json{{"type", "Polygon"}, {"coordinates", {ring}}}.dump();
}

field_record
field_of(const std::string& name, double west = 8.25, double south = 49.0, double side = 0.25) {
  field_record row;
  row.name = name;
  row.boundary = square(west, south, side);
  return row;
}

equipment_record machine_of(const std::string& name) {
  equipment_record row;
  row.name = name;
  return row;
}

std::vector<std::string> names_of(const record_page& page) {
  std::vector<std::string> names;
  for (const auto& row : page.rows)
    names.push_back(name_of(row));
  return names;
}

rejection only(const unit_outcome& outcome) {
  REQUIRE(outcome.rejections.size() == 1);
  return outcome.rejections[0];
}

} // namespace

TEST_CASE("repositories: a machine reads back with all its fields") {
  const farm_bed bed;
  auto row = machine_of("T1");
  row.iso_name = 0xA00C'8440'0FE0'0001;
  row.address = 28;
  row.kind = "sensor_station";
  row.status = "maintenance";
  row.maker = "Fendt & Söhne";
  row.model = "942 \"Vario\"";
  row.serial = "WAM'42";
  row.firmware = "1.2.3";
  row.attributes = R"({"hp": 415, "tags": ["a", {"b": null}]})";
  CHECK(bed.apply(action::create, row).committed);
  const auto back = bed.get<equipment_record>("T1");
  CHECK(back.iso_name == row.iso_name);
  CHECK(back.address == row.address);
  CHECK(back.kind == row.kind);
  CHECK(back.status == row.status);
  CHECK(back.maker == row.maker);
  CHECK(back.model == row.model);
  CHECK(back.serial == row.serial);
  CHECK(back.firmware == row.firmware);
  CHECK(nlohmann::json::parse(back.attributes) == nlohmann::json::parse(row.attributes));
  CHECK(back.version == 1);
  // Absent is not zero.
  CHECK(bed.apply(action::create, machine_of("T2")).committed);
  CHECK_FALSE(bed.get<equipment_record>("T2").iso_name);
  CHECK_FALSE(bed.get<equipment_record>("T2").address);
}

TEST_CASE("repositories: people edit the same machine that a claim created") {
  const farm_bed bed;
  const auto claimed = claim(*bed.database, request_for("T1", 1));
  CHECK(bed.get<equipment_record>("T1").kind == "unknown");
  auto row = machine_of("T1");
  row.kind = "tractor";
  CHECK(only(bed.apply(action::create, row)).kind == rejection_kind::exists);
  CHECK(bed.apply(action::update, row).committed);
  CHECK(bed.get<equipment_record>("T1").kind == "tractor");
  CHECK(claim(*bed.database, request_for("T1", 1)).claim.equipment == claimed.claim.equipment);
  // A machine with frames cannot be removed.
  CHECK(only(bed.apply(action::remove, row)).kind == rejection_kind::in_use);
  CHECK(bed.apply(action::create, machine_of("T9")).committed);
  CHECK(bed.apply(action::remove, machine_of("T9")).committed);
  CHECK(bed.find<equipment_record>("T9").code() == errc::not_found);
}

TEST_CASE("repositories: area and box of a field are computed from the stored boundary") {
  const farm_bed bed;
  auto row = field_of("Oberes Feld");
  row.crop = "wheat";
  row.soil = "loess";
  row.season = "2026";
  row.area_m2 = 1; // a client's value is ignored
  CHECK(bed.apply(action::create, row).committed);
  const auto back = bed.get<field_record>("Oberes Feld");
  const auto polygon = parse_boundary(row.boundary);
  REQUIRE(polygon);
  CHECK(back.area_m2 == area_m2(*polygon));
  CHECK(back.box.west_deg == 8.25);
  CHECK(back.box.north_deg == 49.25);
  CHECK(back.crop == "wheat");
  CHECK(back.soil == "loess");
  CHECK(back.season == "2026");
  const auto stored = parse_boundary(back.boundary);
  REQUIRE(stored);
  CHECK(stored->rings == polygon->rings);
  auto moved = field_of("Oberes Feld", 20, 0, 0.125);
  CHECK(bed.apply(action::upsert, moved).committed);
  CHECK(bed.get<field_record>("Oberes Feld").box.west_deg == 20);
  CHECK(bed.at(8.3, 49.1).empty());
}

TEST_CASE("repositories: finds this farm's fields that contain a position") {
  const farm_bed bed;
  auto holed = field_of("holed");
  holed.boundary = R"({"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,1],[0,0]],)"
                   R"([[0.25,0.25],[0.5,0.25],[0.5,0.5],[0.25,0.5],[0.25,0.25]]]})";
  auto triangle = field_of("triangle");
  triangle.boundary = R"({"type":"Polygon","coordinates":[[[0,0],[1,0],[0,1],[0,0]]]})";
  unit_of_work work;
  work.changes = {{action::create, holed}, {action::create, triangle}};
  CHECK(bed.apply(work).committed);
  CHECK(bed.apply(action::create, field_of("other", 0, 0, 1), "hill").committed);
  CHECK(bed.at(0.1, 0.1) == std::vector<std::string>{"holed", "triangle"});
  CHECK(bed.at(0.3, 0.3) == std::vector<std::string>{"triangle"});
  CHECK(bed.at(0.9, 0.9) == std::vector<std::string>{"holed"});
  CHECK(bed.at(1, 1) == std::vector<std::string>{"holed"}); // its corner
  CHECK(bed.at(1.0000001, 1).empty());
  CHECK(bed.at(0.9, 0.9, "hill") == std::vector<std::string>{"other"});
  CHECK(bed.at(0.9, 0.9, "nobody").empty());
}

TEST_CASE("repositories: the second change of the same version is a conflict") {
  const farm_bed bed;
  CHECK(bed.apply(action::create, field_of("F")).committed);
  auto mine = bed.get<field_record>("F");
  auto yours = mine;
  mine.crop = "wheat";
  yours.crop = "maize";
  CHECK(bed.apply(action::update, mine).committed);
  const auto lost = bed.apply(action::update, yours);
  CHECK_FALSE(lost.committed);
  CHECK(only(lost).kind == rejection_kind::conflict);
  CHECK(only(lost).version == 2);
  CHECK(to_string(only(lost)) == "field \"F\" has version 2 now: read it again");
  CHECK(bed.get<field_record>("F").crop == "wheat");
  CHECK(only(bed.apply(action::remove, yours)).kind == rejection_kind::conflict);
  yours.version = 2;
  CHECK(bed.apply(action::update, yours).committed);
  CHECK(bed.get<field_record>("F").version == 3);
  auto any = yours;
  any.version = 0;
  CHECK(bed.apply(action::remove, any).committed);
  CHECK(only(bed.apply(action::update, any)).kind == rejection_kind::missing);
  CHECK(only(bed.apply(action::remove, any)).kind == rejection_kind::missing);
}

TEST_CASE("repositories: a farm sees and changes nothing of another") {
  const farm_bed bed;
  CHECK(bed.apply(action::create, field_of("F"), "hill").committed);
  CHECK(bed.find<field_record>("F").code() == errc::not_found);
  CHECK(only(bed.apply(action::update, field_of("F"))).kind == rejection_kind::missing);
  CHECK(only(bed.apply(action::remove, field_of("F"))).kind == rejection_kind::missing);
  CHECK(bed.list(entity::field, {}).rows.empty());
  CHECK(bed.apply(action::create, field_of("F")).committed); // names are separate for each farm
  farm_record hill{"hill", "ours now", "{}", 0};
  CHECK(only(bed.apply(action::update, hill)).field == "name");
  CHECK(bed.apply(action::upsert, farm_record{"default", "Hofgut", R"({"a":1})", 0}).committed);
  CHECK(bed.get<farm_record>("default").title == "Hofgut");
  CHECK(bed.get<farm_record>("hill", "hill").title.empty());
  CHECK(bed.list(entity::farm, {}).rows.size() == 1);
}

TEST_CASE("repositories: a unit of work is done as a whole or not at all") {
  const farm_bed bed;
  CHECK(bed.apply(action::create, field_of("C")).committed);
  unit_of_work work;
  work.changes = {{action::create, field_of("A")},
                  {action::upsert, machine_of("T1")},
                  {action::create, field_of("B")},
                  {action::create, field_of("C")}}; // exists already
  const auto outcome = bed.apply(work);
  CHECK_FALSE(outcome.committed);
  CHECK(outcome.changed == 0);
  CHECK(only(outcome).kind == rejection_kind::exists);
  CHECK(only(outcome).place == 3);
  CHECK(names_of(bed.list(entity::field, {})) == std::vector<std::string>{"C"});
  CHECK(bed.list(entity::equipment, {}).rows.empty());
  // Create, change and remove one row in one unit, in this order.
  auto changed = field_of("A");
  changed.crop = "rye";
  work.changes = {{action::create, field_of("A")},
                  {action::update, changed},
                  {action::upsert, changed},
                  {action::remove, field_of("C")},
                  {action::create, field_of("C")}};
  CHECK(bed.apply(work).changed == 5);
  CHECK(bed.get<field_record>("A").version == 3);
  CHECK(bed.get<field_record>("A").crop == "rye");
}

TEST_CASE(
  "repositories: a unit with an author is in the audit log with what was before and after") {
  const farm_bed bed;
  const auto notes = [&] {
    return must(answer_of<std::vector<audit_row>>([&](auto done) {
      audit_of(*bed.database)->list({{}, 0, {}, {}, 1'000}, std::move(done));
    }));
  };
  const auto by_anna = [](std::vector<change> changes) {
    unit_of_work work;
    work.changes = std::move(changes);
    work.by = author{"north/anna", "10.0.0.9"};
    return work;
  };
  auto rye = field_of("A");
  rye.crop = "rye";
  auto oats = field_of("A");
  oats.crop = "oats \"late\"";
  auto tractor = machine_of("T1");
  tractor.iso_name = 0xA00C'8440'0FE0'0001;
  tractor.attributes = R"({"hours":123456789012345678901234567890})";
  CHECK(bed.apply(action::create, field_of("Z")).committed); // without an author
  CHECK(bed.apply(by_anna({{action::create, rye}, {action::upsert, tractor}})).committed);
  CHECK(bed.apply(by_anna({{action::upsert, oats}})).committed);
  CHECK(bed.apply(by_anna({{action::remove, field_of("A")}})).committed);
  // A unit that is rejected at its end has changed nothing, and is not noted.
  CHECK_FALSE(bed.apply(by_anna({{action::create, field_of("B")}, {action::create, field_of("Z")}}))
                .committed);
  const auto rows = notes();
  REQUIRE(rows.size() == 4);
  const auto json = [](const std::string& text) { return nlohmann::json::parse(text); };
  CHECK(rows[3].action == "field add");
  CHECK(rows[3].before.empty());
  CHECK(json(rows[3].after).at("crop") == "rye");
  CHECK(json(rows[3].after).at("boundary").at("type") == "Polygon");
  CHECK(rows[2].action == "equipment add");
  CHECK(json(rows[2].after).at("iso_name") == "A00C84400FE00001");
  CHECK(rows[2].after.find("123456789012345678901234567890") != std::string::npos);
  CHECK(rows[1].action == "field change");
  CHECK(json(rows[1].before).at("crop") == "rye");
  CHECK(json(rows[1].after).at("crop") == "oats \"late\"");
  CHECK(rows[0].action == "field remove");
  CHECK(json(rows[0].before).at("crop") == "oats \"late\"");
  CHECK(rows[0].after.empty());
  for (const auto& row : rows) {
    CHECK(row.who == "north/anna");
    CHECK(row.origin == "10.0.0.9");
    CHECK(row.farm == "default");
    CHECK(row.object == (row.action == "equipment add" ? "default/T1" : "default/A"));
  }
  // A large unit is one row.
  std::vector<change> many;
  for (std::size_t i = 0; i <= unit_notes_max; ++i)
    many.push_back({action::upsert, machine_of("M" + std::to_string(i))});
  CHECK(bed.apply(by_anna(std::move(many))).committed);
  CHECK(notes().size() == 5);
  CHECK(notes()[0].action == "equipment import");
  CHECK(notes()[0].detail == "101 changes");
}

TEST_CASE("repositories: an inner unit that may fail is undone alone") {
  const farm_bed bed;
  const auto unit = [](std::vector<change> changes, bool may_fail) {
    unit_of_work made;
    made.changes = std::move(changes);
    made.may_fail = may_fail;
    return made;
  };
  auto outer = unit({{action::create, field_of("A")}}, false);
  auto inner = unit({{action::create, field_of("B")}}, true);
  inner.units.push_back(unit({{action::create, field_of("C")}}, false));
  inner.units.push_back(unit({{action::create, field_of("A")}}, true)); // undone alone: A exists
  outer.units.push_back(inner);
  outer.units.push_back(
    unit({{action::create, field_of("D")}, {action::update, field_of("none")}}, true));
  outer.units.push_back(unit({{action::create, field_of("E", 0, 0, -1)}}, true));
  auto bad = field_of("E");
  bad.boundary = "no JSON";
  outer.units.push_back(unit({{action::create, bad}}, true));
  const auto outcome = bed.apply(outer);
  CHECK(outcome.committed);
  CHECK(outcome.changed == 4);
  REQUIRE(outcome.rejections.size() == 3);
  CHECK(outcome.rejections[0].kind == rejection_kind::exists);
  CHECK(outcome.rejections[0].place == 3);
  CHECK(outcome.rejections[1].kind == rejection_kind::missing);
  CHECK(outcome.rejections[1].place == 5);
  CHECK(outcome.rejections[2].field == "boundary");
  CHECK(names_of(bed.list(entity::field, {})) == std::vector<std::string>{"A", "B", "C", "E"});
  // An inner unit that may not fail undoes the whole unit.
  auto strict = unit({{action::create, field_of("X")}}, false);
  strict.units.push_back(unit({{action::create, field_of("Y")}}, true));
  strict.units.push_back(unit({{action::create, field_of("A")}}, false));
  CHECK_FALSE(bed.apply(strict).committed);
  CHECK(bed.find<field_record>("X").code() == errc::not_found);
  CHECK(bed.find<field_record>("Y").code() == errc::not_found);
}

TEST_CASE("repositories: pages follow each other without a hole, filters narrow them") {
  const farm_bed bed;
  unit_of_work work;
  for (int i = 0; i < 250; ++i) {
    auto row = machine_of((i % 2 == 0 ? "a" : "B") + std::to_string(i));
    row.kind = i % 5 == 0 ? "combine" : "tractor";
    row.maker = i % 10 == 0 ? "Claas" : "Fendt";
    work.changes.push_back({action::upsert, row});
  }
  CHECK(bed.apply(work).changed == 250);
  std::vector<std::string> all;
  record_query query;
  query.rows_max = 37;
  for (std::optional<std::string> after{""}; after;) {
    query.after = *after;
    const auto page = bed.list(entity::equipment, query);
    CHECK(page.rows.size() <= 37);
    for (const auto& name : names_of(page))
      all.push_back(name);
    after = page.next;
  }
  CHECK(all.size() == 250);
  CHECK(std::is_sorted(all.begin(), all.end())); // byte for byte: B before a
  query = {};
  query.rows_max = repository_page_max;
  query.filters = {{"kind", "combine"}, {"maker", "Claas"}};
  CHECK(bed.list(entity::equipment, query).rows.size() == 25);
  query.name_prefix = "a1";
  CHECK(names_of(bed.list(entity::equipment, query)).size() == 11);
  query.filters = {{"password", "x"}};
  CHECK(answer_of<record_page>([&](auto done) {
          bed.rows->list("default", entity::equipment, query, std::move(done));
        }).code()
        == errc::reject_row);
}

// Symptom: 1e400 was refused, and an integer of 30 digits came back as 1.2345678901234568e+29.
TEST_CASE("repositories: numbers beyond a double are kept digit by digit") {
  const farm_bed bed;
  equipment_record row;
  row.name = "T1";
  row.attributes = R"({"big":1e400,"long":123456789012345678901234567890,"small":-2.5e-330,)"
                   R"("fine":0.12345678901234567890123,"text":"1e400","plain":[1,2.5,1e3]})";
  CHECK(bed.apply(action::create, row).committed);
  const auto found = bed.get<equipment_record>("T1");
  const auto has = [&](const std::string& part) {
    return found.attributes.find(part) != std::string::npos;
  };
  CHECK(has("123456789012345678901234567890"));
  CHECK(has("0.12345678901234567890123"));
  CHECK((has("1e400") || has("1" + std::string(400, '0')))); // jsonb writes it out
  CHECK((has("-2.5e-330") || has("-0." + std::string(329, '0') + "25")));
  CHECK(has("\"1e400\""));
  CHECK(!has("null"));
}

TEST_CASE("repositories: rejects poison with the field and its limit, and stops nothing else") {
  const farm_bed bed;
  const auto refused = [&bed](record row) {
    const auto outcome = bed.apply(action::upsert, std::move(row));
    CHECK_FALSE(outcome.committed);
    return only(outcome);
  };
  auto row = machine_of("T1");
  row.maker = std::string{"a\0b", 3};
  CHECK(refused(row).field == "maker");
  row.maker = std::string(100'000, 'x');
  CHECK(to_string(refused(row)).size() < 300);
  CHECK(refused(row).limit == "it has at most 256 bytes");
  row.maker = "\xC0\x80";
  CHECK(refused(row).limit == "it is UTF-8 without control characters");
  row.maker = "\xED\xA0\x80"; // a surrogate
  CHECK(refused(row).field == "maker");
  row.maker = "";
  row.kind = "'; drop table farm; --";
  CHECK(refused(row).field == "kind");
  row.kind = "tractor";
  row.address = 254;
  CHECK(to_string(refused(row)) == "equipment \"T1\": address is 254, but it is from 0 to 253");
  row.address = std::nullopt;
  for (const auto* attributes : {"", "[]", "{", "1", "{\"a\":\"\\u0000\"}", "{\"\\u0000\":1}",
                                 "{\"a\":1e999}", "{\"a\":\"\xFF\"}"}) {
    CAPTURE(attributes);
    row.attributes = attributes;
    CHECK(refused(row).field == "attributes");
  }
  row.attributes = "{\"a\":" + std::string(501, '9') + "}";
  CHECK(refused(row).value == "holds a number of more than 500 digits");
  row.attributes = std::string(60'000, '[');
  CHECK(refused(row).value == "nests deeper than 32");
  row.attributes = "{\"a\":\"" + std::string(70'000, 'x') + "\"}";
  CHECK(refused(row).value == "has 70008 bytes");
  row.attributes = "{}";
  for (const auto* name : {"", "a/b", "\n", "\x7F"}) {
    row.name = name;
    CHECK(refused(row).field == "name");
  }
  row.name = std::string(65, 'x');
  CHECK(refused(row).field == "name");
  auto field = field_of("F");
  field.boundary = std::string(1U << 20U, ' ');
  CHECK(refused(field).value == "has 1048576 bytes");
  CHECK(bed.find<equipment_record>(std::string{"a\0b", 3}).code() == errc::reject_row);
  unit_of_work deep;
  for (int i = 0; i < 20; ++i) {
    unit_of_work around;
    around.units.push_back(std::move(deep));
    deep = std::move(around);
  }
  CHECK(bed.try_apply(std::move(deep)).code() == errc::reject_row);
  CHECK(bed.apply(action::upsert, machine_of("T1")).committed);
}

TEST_CASE("repositories: many rows in one unit are stored at a reported rate") {
  const farm_bed bed;
  unit_of_work work;
  for (int i = 0; i < 10'000; ++i) {
    auto row = machine_of("M" + std::to_string(i));
    row.kind = "tractor";
    row.attributes = R"({"n": )" + std::to_string(i) + "}";
    work.changes.push_back({action::upsert, row});
  }
  for (const auto* what : {"inserted", "updated"}) {
    auto copy = work;
    const auto begun = std::chrono::steady_clock::now();
    CHECK(bed.apply(std::move(copy)).changed == 10'000);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    MESSAGE("10,000 machines " << std::string{what} << ": " << std::lround(10'000 / took.count())
                               << " a second");
  }
  CHECK(bed.get<equipment_record>("M9999").version == 2);
}
