// What the doctor says of facts. Symptom: "out of shared memory" at 1,400 partitions came as a surprise.
#include "storage/doctor/doctor.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace furrow::storage;

namespace {

remark
remark_on(const std::string& what, const postgres_facts& facts, const node_wishes& nodes = {}) {
  const auto all = remarks_on(facts, nodes);
  const auto at = std::ranges::find_if(all, [&](const remark& one) { return one.what == what; });
  REQUIRE(at != all.end());
  CHECK(at->next.empty() == (at->level == remark_level::ok));
  return *at;
}

} // namespace

TEST_CASE("doctor: a server with its defaults and few partitions is well") {
  postgres_facts facts;
  facts.partitions = 110;
  for (const auto& one : remarks_on(facts, {})) {
    CAPTURE(one.what);
    CHECK(one.level == remark_level::ok);
    CHECK(one.says.find('\n') == std::string::npos);
  }
}

TEST_CASE("doctor: says how many locks many partitions need") {
  postgres_facts facts;
  facts.partitions = 1'401;
  const auto few = remark_on("locks", facts);
  CHECK(few.level == remark_level::warning);
  CHECK(few.says.find("room for 6400 locks") != std::string::npos);
  CHECK(few.next.find("max_locks_per_transaction = 337 ") != std::string::npos);
  facts.max_locks = 337;
  CHECK(remark_on("locks", facts).level == remark_level::ok);
  facts.max_locks = 64;
  facts.max_connections = 20;
  CHECK(remark_on("locks", facts).level == remark_level::failed);
}

TEST_CASE("doctor: compares the connections that nodes want with those that are granted") {
  postgres_facts facts;
  node_wishes nodes;
  CHECK(nodes.connections() == 21); // as `furrowd` starts without flags
  CHECK(remark_on("connections", facts, nodes).level == remark_level::ok);
  facts.role_limit = 10;
  const auto some = remark_on("connections", facts, nodes);
  CHECK(some.level == remark_level::warning);
  CHECK(some.says.find("10 are granted (connection limit of the role)") != std::string::npos);
  facts.database_limit = 2;
  CHECK(remark_on("connections", facts, nodes).level == remark_level::failed);
  nodes.nodes = 6;
  facts.role_limit = facts.database_limit = std::nullopt;
  CHECK(remark_on("connections", facts, nodes).level == remark_level::warning);
}

TEST_CASE("doctor: settings that lose data, poolers, clocks, WAL and long transactions") {
  const auto level_of = [](const std::string& what, auto change) {
    postgres_facts facts;
    change(facts);
    return remark_on(what, facts).level;
  };
  using enum remark_level;
  CHECK(level_of("durability", [](auto& f) { f.fsync = false; }) == failed);
  CHECK(level_of("durability", [](auto& f) { f.full_page_writes = false; }) == failed);
  CHECK(level_of("durability", [](auto& f) { f.synchronous_commit = "off"; }) == ok);
  CHECK(level_of("server", [](auto& f) { f.major = 13; }) == failed);
  CHECK(level_of("server", [](auto& f) { f.major = 18; }) == ok);
  CHECK(level_of("commit", [](auto& f) { f.commit_ms = 3; }) == ok);
  CHECK(level_of("commit", [](auto& f) { f.commit_ms = 80; }) == warning);
  CHECK(level_of("pooler", [](auto& f) { f.pooler = pooler_kind::sessions; }) == ok);
  CHECK(level_of("pooler", [](auto& f) { f.pooler = pooler_kind::transactions; }) == failed);
  CHECK(level_of("clock", [](auto& f) { f.clock_ahead_s = -4; }) == ok);
  CHECK(level_of("clock", [](auto& f) { f.clock_ahead_s = -40; }) == warning);
  CHECK(level_of("clock", [](auto& f) { f.clock_ahead_s = 90'000; }) == failed);
  CHECK(level_of("wal", [](auto& f) { f.max_wal_bytes = 80U << 20U; }) == warning);
  CHECK(level_of("wal", [](auto& f) { f.archiver_fails_since_s = 60; }) == failed);
  CHECK(level_of("wal", [](auto& f) { f.idle_slots = 1; }) == warning);
  CHECK(level_of("transactions", [](auto& f) { f.longest_transaction_s = 7'200; }) == warning);
  CHECK(level_of("partitions", [](auto& f) { f.partitions_wanted = 2; }) == warning);
  CHECK(level_of("timescaledb", [](auto& f) { f.timescale = "2.17.2"; }) == ok);
  CHECK(level_of("timescaledb",
                 [](auto& f) {
                   f.timescale = "2.17.2";
                   f.timescale_failed = 1;
                 })
        == warning);
  CHECK(level_of("disk",
                 [](auto& f) {
                   f.disk_bytes = 1'000;
                   f.disk_free_bytes = 50;
                 })
        == warning);
  CHECK(remark_on_disk(1'000, 10).level == failed);
  CHECK(remark_on_disk(1'000, 100).level == ok);
}

TEST_CASE("doctor: missing migrations, and those of another text") {
  CHECK(remark_on_migrations({{1, "a", "x", true, {}}}).level == remark_level::ok);
  const auto missing = remark_on_migrations({{1, "a", "x", true, {}}, {2, "b", "y", false, {}}});
  CHECK(missing.level == remark_level::warning);
  CHECK(missing.next == "furrow db migrate");
  CHECK(remark_on_migrations({{1, "a", "x", false, {}}}).level == remark_level::failed);
  CHECK(remark_on_migrations({{1, "a", "x", true, "changed"}}).level == remark_level::failed);
}
