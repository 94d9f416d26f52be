// The doctor at a real server.
#include "storage/doctor/doctor.hpp"
#include "tests/storage/postgres/connection/pooler.hpp"
#include "tests/storage/postgres/postgres_bed.hpp"

#include <algorithm>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

std::vector<remark> examined(const std::string& url) {
  store_options options;
  options.url = url;
  return must(examine_database(options, {}));
}

remark named(const std::vector<remark>& all, const std::string& what) {
  const auto at = std::ranges::find_if(all, [&](const remark& one) { return one.what == what; });
  REQUIRE(at != all.end());
  return *at;
}

} // namespace

TEST_CASE("doctor: a migrated database has no failed check but those of the test's own server") {
  postgres_bed bed;
  CHECK(named(examined(bed.url()), "migrations").level == remark_level::failed); // no schema yet
  const auto store = bed.open_migrated();
  const auto all = examined(bed.url());
  for (const auto* what : {"migrations", "pooler", "connections", "locks", "clock", "jit"}) {
    CAPTURE(what);
    CHECK(named(all, what).level == remark_level::ok);
  }
  CHECK(named(all, "server").says.starts_with("PostgreSQL "));
  CHECK(named(all, "server").level == remark_level::ok);
  CHECK(named(all, "commit").says.find(" ms to be durable") != std::string::npos);
  CHECK(named(all, "disk").says.find(" are free") != std::string::npos);
  bed.tamper("alter database " + bed.name() + " connection limit 2");
  CHECK(named(examined(bed.url()), "connections").level == remark_level::failed);
}

TEST_CASE("doctor: finds a pooler in between, and in which mode") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  {
    const pooler front{shared_cluster().port(), pooler::mode::session};
    CHECK(named(examined(front.url(bed.name())), "pooler").says
          == "a pooler in session mode is in between");
  }
  const pooler front{shared_cluster().port(), pooler::mode::transaction};
  CHECK(named(examined(front.url(bed.name())), "pooler").level == remark_level::failed);
}
