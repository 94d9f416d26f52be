// A farm moves from one database to another, and the process that moves it is killed between every two steps and in slices.
#include "storage/postgres/homes/moved_tables.hpp"
#include "tests/storage/homes/farm_move_bed.hpp"
#include "tests/storage/suite/child.hpp"
#include "tests/storage/suite/digest_bed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

namespace storage = furrow::storage;
namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

/// Without people and their tokens, which stay in main.
std::vector<std::string> data_in(store& store) {
  auto out = everything_in(store);
  std::erase_if(out, [](const std::string& line) {
    return line.starts_with("user ") || line.starts_with("token ") || line.starts_with("keep ");
  });
  return out;
}

/// Stores frames as a gateway does that has sent everything up to the watermark.
void append_more(store& store, unsigned seed) {
  const auto claimed =
    claim(store, request_for("T1", copied_stream, {{0xFEDC'BA98'7654'3210, 1}, {77, 10}}));
  REQUIRE(claimed.claim.stream != 0);
  const auto lane = store.open_appender("w0");
  const auto stored = append(
    *lane,
    {append_of(claimed.claim, claimed.durable_seq,
               mixed_block(seed, 40, 1'777'640'000'000'000 + seed * std::int64_t{1'000'000}))});
  REQUIRE(stored);
  CHECK(stored->fenced.empty());
}

void digest_and_seal(store& store) {
  plain_digest{store}.run_all();
  moving_homes::seal_all(store);
}

} // namespace

TEST_CASE("child: moves a farm until it is killed" * doctest::skip()) {
  const char* url = std::getenv("FURROW_CHILD_URL");
  if (url == nullptr)
    return;
  farm_move_wish wish;
  wish.main = options_of(url);
  wish.farm = "default";
  wish.target = "b";
  wish.by = "child";
  wish.slice_rows = moved_slice_rows;
  wish.release_after = {};
  if (!move_farm(wish, {}))
    std::_Exit(1);
}

TEST_CASE("farm move: says of every table what becomes of it") {
  const moving_homes of;
  std::set<std::string> known;
  for (const auto& table : moved_tables()) {
    CHECK_MESSAGE(known.insert(std::string{table.name}).second, table.name);
    CHECK((table.how == moved_as::stays) != table.why.empty());
  }
  std::set<std::string> there;
  for (const auto& row : copy_cluster().exec(
         "select c.relname from pg_class c where c.relnamespace = 'furrow'::regnamespace and "
         "c.relkind in ('r', 'p') and not c.relispartition",
         of.main))
    there.insert(row[0]);
  for (const auto& name : there)
    CHECK_MESSAGE(known.contains(name), "furrow." << name << " is not in moved_tables()");
  for (const auto& name : known)
    CHECK_MESSAGE(there.contains(name), "there is no table furrow." << name);
}

TEST_CASE("farm move: killed between every two steps and in slices, it ends, and nothing is lost, "
          "doubled or changed") {
  const moving_homes of;
  const auto source = open_url(moving_homes::url(of.main));
  const auto unmoved = open_url(moving_homes::url(of.unmoved));
  const auto target = open_url(moving_homes::url(of.b));
  unsigned seed = 900;
  // Fresh frames that the digest has not read.
  append_more(*source, seed);
  append_more(*unmoved, seed);
  const auto old =
    claim(*source, request_for("T1", copied_stream, {{0xFEDC'BA98'7654'3210, 1}, {77, 10}}));
  const auto old_lane = source->open_appender("w1");
  (void)claim(*unmoved, request_for("T1", copied_stream, {{0xFEDC'BA98'7654'3210, 1}, {77, 10}}));

  copy_cluster().exec(
    "with t1 as (select e.id from furrow.equipment e join furrow.farm f on f.id = e.farm_id where "
    "e.name = 'T1' and f.name = 'default'), made as (insert into furrow.definition_set (version, "
    "equipment_id, name, sha256) select 7, id, 't1.dbc', 'x' from t1) insert into furrow.dbc "
    "(equipment_id, name, sha256, content, version) select id, 't1.dbc', 'x', '', 7 from t1",
    of.main);
  std::set<std::string> worked;
  std::set<std::string> seen;
  int kills = 0;
  for (bool ended = false; !ended;) {
    REQUIRE(++kills < 600);
    const auto step = kills == 1 ? "expect" : of.step();
    seen.insert(step);
    const std::string failpoint =
      step == "admit" && seen.insert("half of admit").second ? "farm.slice:1:abort"
      : step != "follow" && worked.insert(step).second       ? "farm.worked:1:abort"
      : step == "follow" && kills % 3 == 0                   ? "farm.slice:1:abort"
                                                             : "farm.step:2:abort";
    child_writer mover{moving_homes::url(of.main), failpoint,
                       "child: moves a farm until it is killed"};
    const auto status = mover.wait();
    ended = status == 0;
    if (!ended)
      REQUIRE(status == failpoint_exit);
    of.check_ledgers();
    CHECK(!(of.state(of.main) == "here" && of.state(of.b) == "here"));
    // Who still goes to the source stores nothing and is told where the farm is.
    if (of.state(of.main) != "here") {
      CHECK(
        copy_cluster().value("select moved_to from furrow.enter(array['default'], "
                             "array['T1'], array['a5000000-0000-0000-0000-000000000001']::uuid[], "
                             "array[null::bigint])",
                             of.main)
        == "b");
      if (of.state(of.main) == "leaving") {
        const auto late =
          append(*old_lane, {append_of(old.claim, old.durable_seq, mixed_block(1, 5))});
        REQUIRE(late);
        CHECK(late->fenced.size() == 1);
      }
    }
    // And the gateway goes on at the target, also while history is under way.
    if (of.state(of.b) == "here" && kills % 4 == 0) {
      append_more(*target, ++seed);
      append_more(*unmoved, seed);
      digest_and_seal(*target);
    }
  }
  MESSAGE(kills << " processes");
  CHECK(seen.size() == 8); // all seven, one of them twice
  CHECK(of.step() == "done");
  CHECK(of.state(of.main) == "gone");
  CHECK(of.state(of.b) == "here");
  CHECK(seed > 900);
  // The DBC file of T1 has moved, too.
  CHECK(copy_cluster().value("select count(*) from furrow.equipment e join furrow.farm f on f.id = "
                             "e.farm_id where f.name = 'default'",
                             of.main)
        == "0");
  CHECK(copy_cluster().value("select count(*) from furrow.dbc", of.main) == "0");
  CHECK(
    copy_cluster().value("select e.name || ' ' || d.name from furrow.dbc d join "
                         "furrow.definition_set s on s.version = d.version join "
                         "furrow.equipment e on e.id = d.equipment_id and e.id = s.equipment_id",
                         of.b)
    == "T1 t1.dbc");
  CHECK(copy_cluster().value("select count(*) from furrow.elsewhere", of.b) == "0");
  CHECK(copy_cluster().value(
          "select count(*) from furrow.audit where action = 'farm move' and who = 'child'", of.main)
        == "1");

  // The other farm follows, without faults: then the target has all that the unmoved copy has.
  REQUIRE(must(move(of, "b", "north")));
  digest_and_seal(*target);
  digest_and_seal(*unmoved);
  of.check_ledgers();
  check_same_lines(data_in(*target), data_in(*unmoved));

  // And back again.
  REQUIRE(must(move(of, "main")));
  REQUIRE(must(move(of, "main", "north")));
  of.check_ledgers();
  append_more(*source, ++seed);
  append_more(*unmoved, seed);
  digest_and_seal(*source);
  digest_and_seal(*unmoved);
  check_same_lines(data_in(*source), data_in(*unmoved));
  CHECK(copy_cluster().value("select count(*) from furrow.stream", of.b) == "0");
  CHECK(copy_cluster().value("select count(*) from furrow.definition_set where equipment_id is not "
                             "null",
                             of.main)
        == "1");
}
