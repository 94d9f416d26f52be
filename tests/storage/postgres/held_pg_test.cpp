// One machine's trouble is not its neighbours': a row that somebody holds, a name that the database cannot hold.
#include "tests/storage/postgres/postgres_bed.hpp"
#include "tests/support/eventually.hpp"

#include <future>

namespace can = furrow::can;
using namespace furrow::storage;
using namespace furrow::tests;

namespace {

/// A session of somebody else. It holds the watermark of a stream until it is told to release it.
class row_holder {
public:
  row_holder(postgres_bed& bed, std::int32_t stream) : bed_{bed} {
    done_ = std::async(std::launch::async, [&bed, stream] {
      try {
        bed.tamper("begin; select from stream_watermark where stream = " + std::to_string(stream)
                   + " for update; select pg_sleep(60)");
      } catch (const std::exception&) { // it was ended
      }
    });
    REQUIRE(eventually(patience, [&] { return pid() != ""; }));
  }
  row_holder(const row_holder&) = delete;
  row_holder& operator=(const row_holder&) = delete;
  ~row_holder() { let_go(); }

  void let_go() {
    if (!done_.valid())
      return;
    shared_cluster().exec("select pg_terminate_backend(" + pid() + ", 60000)");
    done_.get();
  }

private:
  [[nodiscard]] std::string pid() const {
    const auto rows = shared_cluster().exec(
      "select pid from pg_stat_activity where wait_event = 'PgSleep' and datname = '" + bed_.name()
      + "'");
    return rows.empty() ? "" : rows[0][0];
  }

  postgres_bed& bed_;
  std::future<void> done_;
};

std::unique_ptr<store> open_as_node(const std::string& url) {
  store_options options;
  options.url = url;
  options.lane_lock_timeout = std::chrono::milliseconds{50};
  return must(open_store(options));
}

std::vector<claim_outcome> claim_all(store& store, const std::vector<claim_request>& requests) {
  return must(
    answer_of<std::vector<claim_outcome>>([&](auto done) { store.claim(requests, done); }));
}

} // namespace

TEST_CASE("postgres: while somebody holds one machine's row, only that machine waits") {
  postgres_bed bed;
  (void)bed.open_migrated();
  const auto store = open_as_node(bed.url());
  const std::vector<claim_request> all{request_for("T1", 1), request_for("T2", 2),
                                       request_for("T3", 3)};
  auto claims = claim_all(*store, all);
  const auto lane = store->open_appender("w0");
  const auto append_all = [&](std::uint64_t from) {
    append_batch batch;
    for (const auto& one : claims)
      batch.push_back(append_of(one.claim, from, mixed_block(1, 10)));
    return must(append(*lane, std::move(batch)));
  };
  CHECK(append_all(0).waiting.empty());
  row_holder holder{bed, claims[1].claim.stream};
  const auto held = append_all(10);
  CHECK(held.waiting == std::vector<std::int32_t>{claims[1].claim.stream});
  CHECK(held.fenced.empty());
  CHECK(ledger(*store, "T1")[0].durable == 20);
  CHECK(ledger(*store, "T2")[0].durable == 10);
  CHECK(ledger(*store, "T3")[0].durable == 20);
  // The machine goes adrift and claims again: nor do the others' claims wait for it.
  claims = claim_all(*store, all);
  CHECK_FALSE(claims[0].held);
  CHECK(claims[1].held);
  CHECK_FALSE(claims[2].held);
  CHECK(claims[2].durable_seq == 20);
  CHECK(claim_all(*store, {all[1]})[0].held);
  holder.let_go();
  claims = claim_all(*store, all);
  CHECK_FALSE(claims[1].held);
  REQUIRE(append(*lane, {append_of(claims[1].claim, 10, mixed_block(1, 10))}));
  CHECK(append_all(20).waiting.empty());
  for (const auto& row : ledger(*store)) {
    CHECK(row.durable == 30);
    CHECK(row.lost == 0);
    CHECK(row.doubled == 0);
  }
}

TEST_CASE("postgres: a name that the database's encoding cannot hold is refused alone") {
  auto& cluster = shared_cluster();
  cluster.exec("drop database if exists latin", "postgres");
  cluster.exec("create database latin encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype "
               "'C'",
               "postgres");
  const auto store = open_as_node(cluster.url("latin"));
  must(answer_of<std::vector<migration_row>>([&](auto done) { store->migrate(done); }));
  const auto refused = answer_of<std::vector<claim_outcome>>(
    [&](auto done) { store->claim({request_for("T\u20ac", 1)}, done); });
  CHECK(refused.code() == errc::reject_row);
  CHECK(refused.error().detail.find("LATIN1") != std::string::npos);
  const auto fine = claim(*store, request_for("T\u00fc", 2));
  // A bus may be called as it likes: the frames matter more.
  auto named = append_of(fine.claim, 0, mixed_block(1, 10));
  named.buses = {{0, "can\u20ac"}, {1, "can\u00fc"}};
  const auto lane = store->open_appender("w0");
  REQUIRE(append(*lane, {named}));
  CHECK(ledger(*store)[0].durable == 10);
  CHECK(cluster.value("select string_agg(name, ' ' order by bus) from furrow.bus", "latin")
        == "can??? can??");
}
