// The query pool on a real server: grows, shrinks, keeps jobs apart.
#include "storage/activity.hpp"
#include "tests/storage/postgres/connection/pool_bed.hpp"
#include "tests/storage/postgres/postgres_bed.hpp"
#include "tests/support/eventually.hpp"

#include <algorithm>
#include <fstream>

using namespace furrow::storage;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

pool_options options_of(unsigned min, unsigned max, unsigned overflow) {
  pool_options out;
  out.min = min;
  out.max = max;
  out.overflow = overflow;
  return out;
}

std::size_t sessions(const postgres_bed& bed) {
  return static_cast<std::size_t>(
    std::stoi(shared_cluster().value("select count(*) from pg_stat_activity where datname = '"
                                     + bed.name() + "' and application_name = 'pool-bed'")));
}

/// Ends the pool's backends and waits until they are gone.
void terminate_all(const postgres_bed& bed) {
  const auto pids = shared_cluster().exec(
    "select pid, pg_terminate_backend(pid) from pg_stat_activity where application_name = "
    "'pool-bed' and datname = '"
    + bed.name() + "'");
  for (const auto& row : pids)
    REQUIRE(eventually(patience, [&] {
      return shared_cluster().value("select count(*) from pg_stat_activity where pid = " + row[0])
             == "0";
    }));
}

std::size_t resident_kib() {
  std::ifstream in{"/proc/self/status"};
  for (std::string word; in >> word;)
    if (word == "VmRSS:") {
      std::size_t kib = 0;
      in >> kib;
      return kib;
    }
  return 0;
}

} // namespace

TEST_CASE("pool: answers a thousand queries at once with the allowed connections") {
  postgres_bed bed;
  pool_bed pool{bed.url(), options_of(1, 6, 2)};
  std::vector<std::future<pool_bed::answer>> answers;
  for (int i = 0; i < 1'000; ++i)
    answers.push_back(pool.ask_later("select '" + std::to_string(i) + "'::text"));
  for (int i = 0; i < 1'000; ++i)
    CHECK(must(answers[static_cast<std::size_t>(i)].get()) == std::to_string(i));
  const auto numbers = pool.numbers();
  CHECK(numbers.acquired == 1'000);
  CHECK(numbers.opened >= 2);
  CHECK(numbers.opened <= 8);
  CHECK(numbers.timeouts == 0);
  CHECK(pool.activity().statements == 1'000);
  CHECK(pool.activity().in_use_peak >= 2);
  CHECK(pool.activity().in_use_peak <= 8);
}

TEST_CASE("pool: shrinks to its minimum when idle") {
  postgres_bed bed;
  auto options = options_of(2, 5, 0);
  options.idle_after = 200ms;
  pool_bed pool{bed.url(), options};
  CHECK(eventually(patience, [&] { return sessions(bed) == 2; })); // before the first query
  std::vector<std::future<pool_bed::answer>> answers;
  for (int i = 0; i < 5; ++i)
    answers.push_back(pool.ask_later("select pg_sleep(0.3)::text"));
  CHECK(eventually(patience, [&] { return sessions(bed) == 5; }));
  for (auto& each : answers)
    CHECK(each.get().has_value());
  CHECK(eventually(patience, [&] { return sessions(bed) == 2; }));
  CHECK(pool.numbers().idle_closed == 3);
  CHECK(must(pool.ask("select 'still'::text")) == "still");
}

TEST_CASE("pool: a query without a connection fails in time and names the settings") {
  postgres_bed bed;
  auto options = options_of(0, 1, 0);
  options.acquire_timeout = 300ms;
  pool_bed pool{bed.url(), options};
  auto holder = pool.ask_later("select pg_sleep(30)::text");
  CHECK(eventually(patience, [&] { return pool.numbers().in_use == 1; }));
  const auto refused = pool.ask("select 1");
  CHECK(refused.code() == errc::retry_later);
  CHECK(refused.error().detail.find("1 of 1 in use (--pool-max") != std::string::npos);
  CHECK(pool.activity().recent.timeouts == 1);
  bed.value("select pg_cancel_backend(pid) from pg_stat_activity where application_name = "
            "'pool-bed' and state = 'active' and datname = current_database()");
  CHECK(holder.get().code() == errc::retry_later); // 57014
  CHECK(must(pool.ask("select 'free'::text")) == "free");
}

TEST_CASE("pool: no setting, lock, temporary table or transaction survives into the next job") {
  postgres_bed bed;
  pool_bed pool{bed.url(), options_of(1, 1, 0)};
  const auto pid = must(pool.ask("select pg_backend_pid()::text"));
  (void)must(pool.run("set work_mem = '123kB'; set search_path = public; set session "
                      "characteristics as transaction isolation level serializable"));
  CHECK(must(pool.ask("select current_setting('work_mem')")) != "123kB");
  CHECK(must(pool.ask("select current_setting('search_path')")) == "pg_catalog, pg_temp");
  CHECK(must(pool.ask("select current_setting('transaction_isolation')")) == "read committed");
  CHECK(must(pool.ask("select current_setting('statement_timeout')")) == "1min");
  (void)must(pool.ask("select set_config('work_mem', '321kB', false)"));
  CHECK(must(pool.ask("select current_setting('work_mem')")) != "321kB");
  (void)must(pool.ask("select pg_advisory_lock(4711)::text"));
  CHECK(must(pool.ask("select count(*)::text from pg_locks where locktype = 'advisory' and pid = "
                      "pg_backend_pid()"))
        == "0");
  (void)must(
    pool.run("create temp table leaked (x int); listen leaked; prepare leaked as select 1"));
  CHECK(must(pool.ask("select coalesce(to_regclass('pg_temp.leaked')::text, 'gone')")) == "gone");
  CHECK(must(pool.ask("select count(*)::text from pg_listening_channels()")) == "0");
  CHECK(must(pool.ask("select count(*)::text from pg_prepared_statements")) == "0");
  CHECK(must(pool.ask("select pg_backend_pid()::text")) == pid); // all of this on one connection
  // A job that ends inside a transaction loses its connection and its changes.
  (void)must(pool.run("begin; create table public.leaked (x int)"));
  CHECK(must(pool.ask("select coalesce(to_regclass('public.leaked')::text, 'gone')")) == "gone");
  CHECK(must(pool.ask("select pg_backend_pid()::text")) != pid);
  CHECK(pool.numbers().broken == 1);
}

TEST_CASE("pool: knows which statements leave something behind in a session") {
  CHECK_FALSE(leaves_marks("select 1"));
  CHECK_FALSE(leaves_marks("  with a as (select 1) insert into b select * from a"));
  CHECK_FALSE(leaves_marks("UPDATE t set x = $1"));
  CHECK(leaves_marks("set work_mem = 1"));
  CHECK(leaves_marks("begin"));
  CHECK(leaves_marks("select SET_CONFIG('a', 'b', false)"));
  CHECK(leaves_marks("select pg_advisory_lock(1)"));
  CHECK(leaves_marks("select 1; set a = b"));
  CHECK(leaves_marks(""));
}

TEST_CASE("pool: detects a connection that dies while idle, before a query uses it") {
  postgres_bed bed;
  auto options = options_of(3, 3, 0);
  options.check_interval = 100ms;
  pool_bed pool{bed.url(), options};
  CHECK(eventually(patience, [&] { return pool.numbers().idle == 3; }));
  terminate_all(bed);
  CHECK(eventually(patience, [&] { return pool.numbers().broken == 3; }));
  CHECK(eventually(patience, [&] { return pool.numbers().idle == 3; }));
  CHECK(must(pool.ask("select 'here'::text")) == "here");
}

TEST_CASE("pool: backends terminated between queries fail no query") {
  postgres_bed bed;
  pool_bed pool{bed.url(), options_of(1, 2, 0)};
  for (int round = 0; round < 5; ++round) {
    CHECK(must(pool.ask("select 'here'::text")) == "here");
    terminate_all(bed);
  }
  CHECK(must(pool.ask("select 'here'::text")) == "here");
}

TEST_CASE("pool: replaces an old connection between two queries") {
  postgres_bed bed;
  auto options = options_of(1, 1, 0);
  options.recycle_after = 200ms;
  pool_bed pool{bed.url(), options};
  const auto first = must(pool.ask("select pg_backend_pid()::text"));
  CHECK(eventually(patience, [&] { return pool.numbers().recycled >= 2; }));
  CHECK(must(pool.ask("select pg_backend_pid()::text")) != first);
}

TEST_CASE("pool: gives an idle connection within a millisecond") {
  postgres_bed bed;
  pool_bed pool{bed.url(), options_of(1, 2, 0)};
  for (int i = 0; i < 2'000; ++i)
    (void)must(pool.ask("select 1"));
  const auto activity = pool.activity();
  const auto p99 = activity.acquire.quantile_s(0.99);
  REQUIRE(p99);
  CHECK(*p99 <= 0.025); // generous: the machine may be busy
  MESSAGE("acquire of 2,000 queries: p99 within " << *p99 * 1'000 << " ms, mean "
                                                  << activity.acquire.sum_s / 2'000 * 1e6 << " us");
}

TEST_CASE("pool: memory stays constant over many small queries") {
  postgres_bed bed;
  pool_bed pool{bed.url(), options_of(1, 4, 0)};
  const auto many = [&](int count) {
    std::vector<std::future<pool_bed::answer>> answers;
    for (int i = 0; i < count; ++i) {
      answers.push_back(pool.ask_later("select 1"));
      if (answers.size() < 100)
        continue;
      for (auto& each : answers)
        (void)must(each.get());
      answers.clear();
    }
  };
  many(2'000);
  const auto before = resident_kib();
  many(8'000);
  const auto after = resident_kib();
  CHECK(after <= before + 1'024);
  MESSAGE("resident: " << before << " KiB after 2,000 queries, " << after << " KiB after 10,000");
}

TEST_CASE("pool: times statements, and keeps slow ones with their text and without values") {
  postgres_bed bed;
  pool_bed pool{bed.url(), options_of(1, 1, 0)};
  (void)must(pool.ask("select 1"));
  (void)must(pool.ask("select pg_sleep(0.6)::text || 's3cret' || 42"));
  CHECK(pool.ask("select 1/0").code() == errc::reject_row);
  const auto activity = pool.activity();
  CHECK(activity.statements == 3);
  CHECK(activity.failed == 1);
  CHECK(activity.rows == 2);
  CHECK(activity.slow == 1);
  REQUIRE(activity.slowest.size() == 1);
  CHECK(activity.slowest[0].text == "select pg_sleep(?)::text || '?' || ?");
  CHECK(activity.slowest[0].took_s >= 0.6);
  CHECK(activity.slowest[0].lane == "pool-bed");
}
