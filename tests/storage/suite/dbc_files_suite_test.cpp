// DBC files of one's own: kept, chosen, replaced and removed, on both databases.
#include "storage/dbc/dbc_files.hpp"
#include "storage/identity/identities.hpp"
#include "storage/removal.hpp"
#include "tests/storage/suite/retention_bed.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

std::string dbc_text(const std::string& unit, const std::string& factor = "1") {
  return "VERSION \"\"\n\nBU_: ECU\n\nBO_ 256 TANK: 8 ECU\n SG_ level : 0|8@1+ (" + factor
         + ",0) [0|255] \"" + unit + "\" Vector__XXX\n";
}

dbc_load_outcome load_dbc_into(store& store, const dbc_upload& file) {
  return must(answer_of<dbc_load_outcome>([&](auto done) {
    store.dbc()->load(file, {"me@here", "10.0.0.9"}, std::move(done));
  }));
}

std::vector<stored_dbc> dbc_list(store& store) {
  return must(
    answer_of<std::vector<stored_dbc>>([&](auto done) { store.dbc()->list(std::move(done)); }));
}

std::optional<active_dbc> dbc_active(store& store, const std::string& known) {
  return must(answer_of<std::optional<active_dbc>>(
    [&](auto done) { store.dbc()->read_active(known, std::move(done)); }));
}

constexpr std::int64_t dbc_day = 1'600'000'000'000'000;

} // namespace

TEST_CASE("dbc files: the newest of a name is active, an older one can be chosen again, and each "
          "change is noted") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  const auto first = load_dbc_into(*store, {"tank.dbc", "all", dbc_text("l")});
  CHECK(first.added);
  CHECK_FALSE(load_dbc_into(*store, {"tank.dbc", "all", dbc_text("l")}).added);
  const auto second = load_dbc_into(*store, {"tank.dbc", "all", dbc_text("gal")});
  CHECK(second.id != first.id);
  auto files = dbc_list(*store);
  REQUIRE(files.size() == 2);
  CHECK(files[0].id == second.id);
  CHECK(files[0].active);
  CHECK_FALSE(files[1].active);
  CHECK(scope_of(files[0]) == "all");

  const auto now = dbc_active(*store, "");
  REQUIRE(now);
  REQUIRE(now->files.size() == 1);
  CHECK(now->files[0].content == dbc_text("gal"));
  CHECK_FALSE(dbc_active(*store, now->stamp));

  must(answer_of<furrow::done>([&](auto done) {
    store->dbc()->activate(first.id, {"me@here", "10.0.0.9"}, std::move(done));
  }));
  const auto again = dbc_active(*store, now->stamp);
  REQUIRE(again);
  CHECK(again->files[0].content == dbc_text("l"));

  must(answer_of<furrow::done>([&](auto done) {
    store->dbc()->remove(first.id, {"me@here", "10.0.0.9"}, std::move(done));
  }));
  const auto none = dbc_active(*store, again->stamp);
  REQUIRE(none);
  CHECK(none->files.empty());
  CHECK(dbc_list(*store).size() == 1);
  const auto notes = must(answer_of<std::vector<audit_row>>([&](auto done) {
    furrow::storage::audit_of(*store)->list({{}, 0, {}, {}, 10}, std::move(done));
  }));
  REQUIRE(notes.size() == 4);
  CHECK(notes[0].action == "dbc remove");
  CHECK(notes[0].object == "tank.dbc for all");
  CHECK(notes[3].action == "dbc load");
  CHECK(nlohmann::json::parse(notes[0].before).at("active") == true);
  CHECK(notes[0].after.empty());
  CHECK(nlohmann::json::parse(notes[1].before).at("active") == false);
  CHECK(nlohmann::json::parse(notes[1].after).at("active") == true);
  CHECK(notes[3].before.empty());
  CHECK(nlohmann::json::parse(notes[3].after).at("active") == true);
  for (const auto& note : notes) {
    CHECK(note.who == "me@here");
    CHECK(note.origin == "10.0.0.9");
  }
}

TEST_CASE("dbc files: those of a machine come before those of its farm and those for all") {
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  append_days(*store, "north", "T1", 1, {dbc_day});
  append_days(*store, "south", "T1", 2, {dbc_day});
  load_dbc_into(*store, {"a.dbc", "all", dbc_text("a")});
  load_dbc_into(*store, {"b.dbc", "north", dbc_text("b")});
  load_dbc_into(*store, {"c.dbc", "north/T1", dbc_text("c")});
  const auto active = dbc_active(*store, "");
  REQUIRE(active);
  REQUIRE(active->files.size() == 3);
  CHECK(scope_of(active->files[0]) == "north/T1");
  CHECK(scope_of(active->files[1]) == "farm north");
  CHECK(scope_of(active->files[2]) == "all");
  const auto refused = [&](const dbc_upload& file) {
    return answer_of<dbc_load_outcome>(
      [&](auto done) { store->dbc()->load(file, {"me"}, std::move(done)); });
  };
  CHECK(refused({"d.dbc", "T9", dbc_text("d")}).code() == errc::not_found);
  CHECK(refused({"d.dbc", "T1", dbc_text("d")}).error().detail.find("more than one")
        != std::string::npos);
  append_days(*store, "east", "north", 3, {dbc_day}); // a machine with the name of a farm
  CHECK(refused({"e.dbc", "north", dbc_text("e")}).code() == errc::not_found);
  load_dbc_into(*store, {"e.dbc", "north/", dbc_text("e")});
  CHECK(refused({"e.dbc", "west/", dbc_text("e")}).code() == errc::not_found);
  const auto files = dbc_list(*store);
  CHECK(std::count_if(
          files.begin(), files.end(),
          [](const auto& file) { return file.name == "e.dbc" && scope_of(file) == "farm north"; })
        == 1);
  CHECK(refused({"d.dbc", "all", "BO_ nonsense"}).code() == errc::reject_row);
  for (const std::int32_t id : {999})
    CHECK(answer_of<furrow::done>([&](auto done) {
            store->dbc()->activate(id, {"me"}, std::move(done));
          }).code()
          == errc::not_found);
}

TEST_CASE("dbc files: what decodes otherwise is another file, also with the same bytes") {
  // Windows-1252 for a degree sign, which UTF-8 is not: read as the one or the other, its unit differs.
  const auto text = dbc_text("\xB0"
                             "C");
  const auto read_as = [&](furrow::can::dbc_encoding encoding) {
    return *furrow::can::parse_dbc(text, "t.dbc", furrow::can::dbc_mode::lenient, {}, encoding);
  };
  CHECK(dbc_checksum(read_as(furrow::can::dbc_encoding::cp1252))
        != dbc_checksum(read_as(furrow::can::dbc_encoding::utf8)));
  const auto bed = make_bed();
  const auto store = bed->open_migrated();
  CHECK(load_dbc_into(*store, {"t.dbc", "all", text, furrow::can::dbc_encoding::utf8}).added);
  CHECK(load_dbc_into(*store, {"t.dbc", "all", text, furrow::can::dbc_encoding::cp1252}).added);
  CHECK(dbc_list(*store).size() == 2);
}
