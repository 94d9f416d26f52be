// What a session of ours rests on: the settings that a role or a database may have, other schemas, a pooler in between.
#include "storage/maintenance.hpp"
#include "storage/migrations/migrations.hpp"
#include "tests/storage/postgres/connection/pooler.hpp"
#include "tests/storage/postgres/sealing_bed.hpp"

#include <algorithm>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

result<std::vector<migration_row>> migrate(store& store) {
  return answer_of<std::vector<migration_row>>([&](auto done) { store.migrate(done); });
}

result<std::vector<migration_row>> status_of(store& store) {
  return answer_of<std::vector<migration_row>>([&](auto done) { store.migration_status(done); });
}

std::unique_ptr<store> open_through(const std::string& url) {
  store_options options;
  options.url = url;
  return must(open_store(options));
}

} // namespace

TEST_CASE("postgres: a pooler in session mode works, one in transaction mode is refused") {
  postgres_bed bed;
  {
    const pooler front{shared_cluster().port(), pooler::mode::session};
    const auto store = open_through(front.url(bed.name()));
    must(migrate(*store));
    append_blocks(*store, "T1", 1, {mixed_block(1, 10)});
    CHECK(ledger(*store, "T1")[0].durable == 10);
  }
  const pooler front{shared_cluster().port(), pooler::mode::transaction};
  const auto store = open_through(front.url(bed.name()));
  for (const auto& refused : {migrate(*store), status_of(*store)}) {
    REQUIRE_FALSE(refused);
    CHECK(refused.code() == errc::misconfigured);
    CHECK(refused.error().detail
          == "the database URL leads to a pooler in transaction mode, and Furrow needs sessions; "
             "use the pooler's session mode, or the server itself");
  }
}

TEST_CASE("postgres: appends and claims commit durably whatever the session says") {
  // Behind a pooler in transaction mode a session's own setting is somebody else's by the time of the commit.
  postgres_bed bed;
  const auto store = bed.open_migrated();
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto stream = std::to_string(claimed.stream);
  const auto advance = [&](const std::string& from, const std::string& to) {
    return "select furrow.advance('{" + stream + "}', '{" + std::to_string(claimed.epoch) + "}', '{"
           + from + "}', '{" + to + "}', '{9}');";
  };
  const std::string off = "set synchronous_commit = off; begin;";
  const std::string look = "select current_setting('synchronous_commit')";
  CHECK(bed.value(off + advance("0", "5") + look) == "on");
  CHECK(bed.value(off + advance("0", "5") + "commit;" + look) == "off"); // the others' own again
  CHECK(bed.value(off + "select furrow.claim('{" + stream + "}', '{" + std::to_string(claimed.epoch)
                  + "}', '{5}', '{}', '{}', '{}');" + look)
        == "on");
  CHECK(bed.value("set synchronous_commit = remote_apply; begin;" + advance("5", "6") + look)
        == "remote_apply");
}

TEST_CASE("postgres: a role with settings of its own gets the same schema and the same answers") {
  postgres_bed bed;
  for (const auto* setting :
       {"standard_conforming_strings = off", "datestyle = 'German'",
        "intervalstyle = 'sql_standard'", "timezone = 'Asia/Kathmandu'", "bytea_output = 'escape'",
        "extra_float_digits = -15", "array_nulls = off", "transform_null_equals = on",
        "default_transaction_deferrable = on", "search_path = 'trap, public'"})
    bed.tamper("alter database " + bed.name() + " set " + setting);
  const auto store = bed.open_migrated();
  append_blocks(*store, "T1", 1, {mixed_block(1, 100)});
  must(seal(*store));
  const auto kept = read_all(*store, {"", "T1", std::nullopt, std::nullopt});
  REQUIRE(kept.size() == 1);
  check_same_frames(kept[0].block, mixed_block(1, 100));
  // Functions are made under the settings of a session, and called under those of another.
  CHECK(bed.value("select count(*) from furrow.messages('T1', '-infinity', 'infinity')") != "");
  CHECK(bed.value("select count(*) from furrow.frames('T1', '-infinity', 'infinity')") == "100");
}

TEST_CASE("migrate: stops at every step that is asked for") {
  std::ptrdiff_t steps = 0;
  for (const auto& step : postgres_migrations()) {
    const auto to = step.number;
    CAPTURE(to);
    ++steps;
    postgres_bed bed;
    store_options options;
    options.url = bed.url();
    const auto rows = must(migrate_database(options, {.to = to}, false));
    CHECK(std::count_if(rows.begin(), rows.end(), [](const auto& row) { return row.applied; })
          == steps);
    CHECK(bed.value("select max(number) from furrow.migration") == std::to_string(to));
  }
}
