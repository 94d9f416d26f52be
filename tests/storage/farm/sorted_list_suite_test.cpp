// Lists of fields and machines by one of their columns, of both databases: built into storage_tests and storage_pg_tests.
#include "storage/farm/repositories.hpp"
#include "tests/storage/suite/store_bed.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

/// A store with forty fields: each seventh has one size, each third a crop with a capital letter.
struct sorted_bed {
  sorted_bed() {
    unit_of_work work;
    for (int i = 0; i < 40; ++i) {
      field_record row;
      row.name = "F" + std::to_string(i);
      row.crop = i % 3 == 0 ? "Wheat" : "barley";
      const auto north = std::to_string(49.1 + 0.0123 * (i % 7));
      row.boundary = R"({"type":"Polygon","coordinates":[[[8,49],[8.1,49],[8.1,)" + north + "],[8,"
                     + north + "],[8,49]]]}";
      work.changes.push_back({action::upsert, std::move(row)});
    }
    const auto outcome = must(answer_of<unit_outcome>(
      [&](auto done) { rows->apply("default", std::move(work), std::move(done)); }));
    REQUIRE(outcome.committed);
  }
  [[nodiscard]] result<record_page> page(const record_query& query,
                                         entity what = entity::field) const {
    return answer_of<record_page>(
      [&](auto done) { rows->list("default", what, query, std::move(done)); });
  }
  /// The names of all pages, one after the other.
  [[nodiscard]] std::vector<std::string> names(record_query query) const {
    std::vector<std::string> all;
    for (bool more = true; more;) {
      const auto one = must(page(query));
      CHECK(one.rows.size() <= query.rows_max);
      for (const auto& row : one.rows)
        all.push_back(name_of(row));
      more = one.next.has_value() && all.size() <= 40;
      query.after = one.next.value_or("");
      query.after_value = one.next_value;
    }
    return all;
  }

  std::unique_ptr<store_bed> bed = make_bed();
  std::unique_ptr<store> database = bed->open_migrated();
  repositories* rows = database->farm();
};

record_query sorted_by(const std::string& column, bool is_descending, std::size_t rows_max) {
  record_query query;
  query.sort = column;
  query.is_descending = is_descending;
  query.rows_max = rows_max;
  return query;
}

} // namespace

TEST_CASE("sorted lists: pages have each field once, in the order of the whole list") {
  const sorted_bed bed;
  for (const std::string column : {"name", "crop", "soil", "area_m2"})
    for (const bool down : {false, true}) {
      const auto whole = bed.names(sorted_by(column, down, repository_page_max));
      CHECK(whole.size() == 40);
      for (const std::size_t rows : {1, 7, 39, 40})
        CHECK_MESSAGE(bed.names(sorted_by(column, down, rows)) == whole, column << " " << rows);
    }
  // By bytes: a capital letter stands first. Fields of one value are by name in both orders.
  CHECK(bed.names(sorted_by("crop", false, 3)).front() == "F0");
  CHECK(bed.names(sorted_by("crop", true, 3)).front() == "F1");
  CHECK(bed.names(sorted_by("area_m2", false, 3)).front() == "F0");
  CHECK(bed.names(sorted_by("area_m2", true, 3)).front() == "F13");
  CHECK(bed.names(sorted_by("name", true, 3)).front() == "F9");
}

TEST_CASE("sorted lists: filters narrow them, and an unknown column is refused") {
  const sorted_bed bed;
  auto query = sorted_by("area_m2", true, 4);
  query.filters = {{"crop", "Wheat"}};
  query.name_prefix = "F3";
  CHECK(bed.names(query).size() == 5); // F3, F30, F33, F36, F39
  for (const std::string column : {"boundary", "version", "x; drop table field", "kind"})
    CHECK(bed.page(sorted_by(column, false, 4)).code() == errc::reject_row);
  auto wrong = sorted_by("area_m2", false, 4);
  wrong.after_value = "large";
  CHECK(bed.page(wrong).code() == errc::reject_row);
  wrong.sort = "";
  CHECK(bed.page(wrong).code() == errc::reject_row);
  CHECK(bed.page(sorted_by("kind", false, 4), entity::equipment));
}
