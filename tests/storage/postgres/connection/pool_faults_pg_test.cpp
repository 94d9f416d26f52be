// Faults of a server under queries and writers: connection limit, terminated sessions, deadlocks.
#include "storage/activity.hpp"
#include "storage/postgres/connection/pq.hpp"
#include "storage/quarantine.hpp"
#include "storage/sealing.hpp"
#include "tests/storage/postgres/connection/pool_bed.hpp"
#include "tests/storage/postgres/postgres_bed.hpp"
#include "tests/storage/suite/resuming_writer.hpp"
#include "tests/support/eventually.hpp"

#include <atomic>
#include <functional>
#include <random>

using namespace furrow::storage;
using namespace furrow::tests;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<store> open_with(const postgres_bed& bed,
                                 const std::function<void(store_options&)>& change) {
  store_options options;
  options.url = bed.url();
  change(options);
  return must(open_store(options));
}

store_activity activity_of(store& store) {
  return must(answer_of<store_activity>([&](auto done) { store.activity(done); }));
}

furrow::storage::result<std::vector<equipment_row>> list(store& store) {
  return answer_of<std::vector<equipment_row>>([&](auto done) { store.list_equipment("", done); });
}

template <class T>
bool ended(const std::future<T>& work) {
  return work.wait_for(0s) == std::future_status::ready;
}

/// Gives the role `crowd` a connection limit; answers its URL.
std::string limited_url(postgres_bed& bed, int connections) {
  bed.tamper("drop role if exists crowd");
  bed.tamper("create role crowd login connection limit " + std::to_string(connections));
  auto url = bed.url();
  const auto at = url.find("postgres@");
  return url.replace(at, 8, "crowd");
}

} // namespace

TEST_CASE("postgres: waits for a server at its connection limit, and uses it when it has room") {
  postgres_bed bed;
  const auto url = limited_url(bed, 2);
  pool_options options;
  options.max = 6;
  options.overflow = 0;
  options.acquire_timeout = 30s;
  {
    pool_bed pool{url, options};
    std::vector<std::future<pool_bed::answer>> answers;
    for (int i = 0; i < 40; ++i)
      answers.push_back(pool.ask_later("select pg_sleep(0.02)::text || 'x'"));
    for (auto& each : answers)
      CHECK(must(each.get()) == "x"); // two connections answer them all
    CHECK(pool.numbers().server_full > 0);
    CHECK(pool.numbers().open <= 2);
    bed.tamper("alter role crowd connection limit 20"); // room
    CHECK(eventually(patience, [&] {
      answers.clear();
      for (int i = 0; i < 12; ++i)
        answers.push_back(pool.ask_later("select pg_sleep(0.05)::text || 'x'"));
      for (auto& each : answers)
        CHECK(must(each.get()) == "x");
      return pool.numbers().open > 2;
    }));
  }
  CHECK(eventually(patience, [&] {
    return bed.value("select count(*) from pg_stat_activity where usename = 'crowd'") == "0";
  }));
  bed.tamper("drop role crowd");
}

TEST_CASE("postgres: sessions terminated at random under queries and appends lose and double "
          "nothing") {
  postgres_bed bed;
  const auto store = bed.open_migrated();
  constexpr std::uint64_t total = 400 * block_frames;
  constexpr int kills = 25;
  const auto mark_of = [](int round) {
    return total * static_cast<std::uint64_t>(round) / (kills + 2);
  };
  std::atomic<std::uint64_t> durable{0};
  std::atomic<std::uint64_t> allowed{
    mark_of(2)}; // the writer is at most two marks ahead of the kills
  std::atomic<bool> enough{false};
  std::atomic<unsigned> answered{0};
  std::atomic<unsigned> refused{0};
  auto writer = std::async(std::launch::async, [&] {
    return write_until(*store, total, [&](std::uint64_t seq) {
      durable = seq;
      while (seq > allowed)
        pause_a_little();
    });
  });
  auto reader = std::async(std::launch::async, [&] {
    while (!enough) {
      const auto rows = list(*store);
      ++(rows ? answered : refused);
      if (!rows && rows.code() != errc::retry_later)
        return false;
    }
    return true;
  });
  struct at_exit { // also when a check throws: reader and writer must end
    std::atomic<bool>& flag;
    std::atomic<std::uint64_t>& limit;
    ~at_exit() {
      flag = true;
      limit = total;
    }
  } const stop_both{enough, allowed};
  int killed = 0;
  for (int round = 1; round <= kills; ++round) {
    // The next kill follows progress of the writer, so that each kill interrupts work.
    allowed = mark_of(round + 2);
    const bool came =
      eventually(patience, [&] { return durable >= mark_of(round) || ended(writer); });
    CHECK(came);
    if (!came || ended(writer))
      break;
    killed += std::stoi(shared_cluster().value(
      "select count(pg_terminate_backend(pid)) from (select pid from pg_stat_activity where "
      "datname "
      "= '"
      + bed.name()
      + "' and application_name like 'furrow/%' order by random() limit 2) as victims"));
  }
  allowed = total;
  writer.wait();
  enough = true;
  CHECK(reader.get());
  const auto report = writer.get();
  CHECK(report.durable == total);
  CHECK(killed >= kills);
  CHECK(answered > 0);
  MESSAGE(killed << " killed; queries: " << answered.load() << " answered, " << refused.load()
                 << " told to try again; appends in doubt: " << report.doubts);
  check_written(*store, total);
}

TEST_CASE("postgres: retries an append that a deadlock ended, and stores all once") {
  postgres_bed bed;
  bed.tamper("alter database " + bed.name() + " set deadlock_timeout = '100ms'");
  (void)bed.open_migrated();
  const auto store = open_with(bed, [](store_options& o) { o.lock_timeout = 30s; });
  const auto first = claim(*store, request_for("T1", 1)).claim;
  const auto second = claim(*store, request_for("T2", 2)).claim;
  const auto lane = store->open_appender("w0");
  REQUIRE(append(*lane, {append_of(first, 0, mixed_block(1, 10))}));
  REQUIRE(append(*lane, {append_of(second, 0, mixed_block(1, 10))}));
  // Holds the second row, and wants the first when the lane waits for the second.
  const auto other = std::async(std::launch::async, [&] {
    bed.tamper(
      "do $$ begin set local deadlock_timeout = '60s'; perform from stream_watermark where stream "
      "= "
      + std::to_string(second.stream)
      + " for update; for i in 1 .. 6000 loop exit when exists (select from pg_stat_activity where "
        "application_name like '%/w0' and wait_event_type = 'Lock' and datname = "
        "current_database()); perform pg_sleep(0.01); perform pg_stat_clear_snapshot(); end loop; "
        "lock table can_block in share mode; end $$");
  });
  REQUIRE(eventually(patience, [&] {
    return bed.value("select count(*) from pg_stat_activity where datname = current_database() and "
                     "wait_event = 'PgSleep'")
           == "1";
  }));
  const auto outcome = append(
    *lane, {append_of(first, 10, mixed_block(2, 10)), append_of(second, 10, mixed_block(2, 10))});
  other.wait();
  CHECK(must(outcome).fenced.empty());
  CHECK(activity_of(*store).deadlocks >= 1);
  for (const auto& row : ledger(*store)) {
    CHECK(row.durable == 20);
    CHECK(row.stored == 20);
    CHECK(row.doubled == 0);
  }
}

TEST_CASE("postgres: queries that use every connection of the pool block neither claims nor "
          "appends nor the node's health") {
  postgres_bed bed;
  (void)bed.open_migrated();
  const auto store = open_with(bed, [](store_options& o) {
    o.pool.max = 2;
    o.pool.overflow = 0;
    o.pool.acquire_timeout = 200ms;
    o.lock_timeout = 60s;
  });
  std::promise<void> release;
  auto held = std::async(std::launch::async, [&bed, let_go = release.get_future()]() mutable {
    const std::unique_ptr<PGconn, void (*)(PGconn*)> line{::PQconnectdb(bed.url().c_str()),
                                                          ::PQfinish};
    ::PQclear(::PQexec(line.get(), "begin; lock table furrow.quarantine"));
    let_go.wait();
  });
  REQUIRE(eventually(patience, [&] {
    return bed.value("select count(*) from pg_locks where relation = 'furrow.quarantine'::regclass "
                     "and mode = 'AccessExclusiveLock' and granted")
           == "1";
  }));
  std::vector<std::future<furrow::storage::result<quarantine_page>>> waiting;
  for (int i = 0; i < 2; ++i) {
    auto promised = std::make_shared<std::promise<furrow::storage::result<quarantine_page>>>();
    waiting.push_back(promised->get_future());
    store->quarantine()->list_quarantine(
      {}, std::nullopt, [promised](auto page) { promised->set_value(std::move(page)); });
  }
  REQUIRE(eventually(patience, [&] { return activity_of(*store).pool.in_use == 2; }));
  const auto refused = list(*store);
  CHECK(refused.code() == errc::retry_later);
  CHECK(refused.error().detail.find("--pool-max") != std::string::npos);
  const auto claimed = claim(*store, request_for("T1", 1)).claim;
  const auto lane = store->open_appender("w0");
  CHECK(append(*lane, {append_of(claimed, 0, mixed_block(1, 10))}).has_value());
  CHECK(must(answer_of<store_health>([&](auto done) { store->health(done); })).up);
  release.set_value();
  held.get();
  for (auto& each : waiting)
    CHECK(each.get().has_value());
  const auto activity = activity_of(*store);
  CHECK(activity.pool.timeouts == 1);
  CHECK(activity.frames == 10);
  CHECK(must(list(*store)).size() == 1);
}

TEST_CASE("postgres: the failure of one lane's connection is not reported to a query") {
  // Symptom: a sealing connection was terminated while it connected, and the next query answered
  // with 57P01 though the database was up.
  postgres_bed bed;
  (void)bed.open_migrated();
  const auto store = open_with(bed, [](store_options&) {});
  pq::fail_call(2); // while it connects
  const auto sealed = answer_of<seal_outcome>([&](auto done) { store->sealing()->seal({}, done); });
  REQUIRE(pq::call_failed());
  pq::fail_call(0);
  CHECK(sealed.code() == errc::retry_later);
  CHECK(list(*store).has_value());
}

TEST_CASE("postgres: a later attempt to connect answers a waiting query") {
  postgres_bed bed;
  (void)bed.open_migrated();
  const auto store = open_with(bed, [](store_options&) {});
  pq::fail_call(1);
  CHECK(list(*store).has_value());
  CHECK(pq::call_failed());
  pq::fail_call(0);
  CHECK(activity_of(*store).pool.open_failures == 1);
}
