// The source of a move fails over to a standby that has not got the last step.
#include "tests/storage/homes/farm_move_bed.hpp"
#include "tests/storage/suite/digest_bed.hpp"

#include <memory>
#include <set>
#include <utility>

using namespace furrow::storage;
using namespace furrow::tests;

namespace {

/// The source's server fails over to a standby that did not get the step `leave`.
void lose_leave(const moving_homes& of) {
  copy_cluster().exec(
    "update furrow.farm set home = null, home_version = 0, home_state = 'here' where name = "
    "'default'; update furrow.stream_watermark w set epoch = w.epoch - 1 where w.stream in (select "
    "furrow.streams_of(f.id) from furrow.farm f where f.name = 'default'); update furrow.digest d "
    "set paused = false where d.stream in (select furrow.streams_of(f.id) from furrow.farm f where "
    "f.name = 'default')",
    of.main);
}

/// A node that has a claim of the source, and appends under it again and again.
struct old_writer {
  explicit old_writer(store& at)
    : claimed{claim(at, request_for("T1", copied_stream, {{0xFEDC'BA98'7654'3210, 1}, {77, 10}}))},
      lane{at.open_appender("w1")} {}
  bool appends(std::size_t frames) {
    const auto stored =
      append(*lane, {append_of(claimed.claim, claimed.durable_seq,
                               mixed_block(4'711, frames, 1'777'650'000'000'000))});
    REQUIRE(stored);
    return stored->fenced.empty();
  }

private:
  claim_outcome claimed;
  std::unique_ptr<appender> lane;
};

} // namespace

TEST_CASE("farm move: a source whose failover lost that the farm left is left again before the "
          "target opens, and its items come along") {
  const moving_homes of;
  const auto source = open_url(moving_homes::url(of.main));
  const auto target = open_url(moving_homes::url(of.b));
  old_writer writer{*source};
  std::set<move_step> lost;
  const auto durable = [&](const std::string& database) {
    return copy_cluster().value("select durable from furrow.ledger where stream_id = "
                                "'a5000000-0000-0000-0000-000000000001' and farm = 'default'",
                                database);
  };
  std::string after;
  const auto moved = move(of, "b", "default", [&](const farm_move& now) {
    CHECK(!(of.state(of.main) == "here" && of.state(of.b) == "here"));
    if (now.step == move_step::admit && lost.insert(now.step).second) {
      lose_leave(of);
      CHECK(writer.appends(30));
      after = durable(of.main);
    }
    if (now.step == move_step::point) {
      CHECK(of.state(of.main) == "leaving");
      CHECK(of.state(of.b) == "here");
      CHECK(!writer.appends(5));
    }
    return true;
  });
  REQUIRE(must(moved));
  CHECK(lost.size() == 1);
  CHECK(of.step() == "done");
  CHECK(of.state(of.main) == "gone");
  CHECK(durable(of.b) == after);
  of.check_ledgers();
}

TEST_CASE("farm move: a source whose failover lost the step after the target opened is left again, "
          "and items of both are a matter for people") {
  for (const auto step : {move_step::point, move_step::follow, move_step::release}) {
    CAPTURE(to_string(step));
    const moving_homes of;
    const auto source = open_url(moving_homes::url(of.main));
    old_writer writer{*source};
    bool lost = false;
    REQUIRE(must(move(of, "b", "default", [&](const farm_move& now) {
      if (now.step == step && !std::exchange(lost, true))
        lose_leave(of);
      else if (lost)
        CHECK(of.state(of.main) != "here");
      return true;
    })));
    CHECK(of.state(of.main) == "gone");
    of.check_ledgers();
  }
  const moving_homes of;
  const auto source = open_url(moving_homes::url(of.main));
  old_writer writer{*source};
  bool lost = false;
  const auto refused = move(of, "b", "default", [&](const farm_move& now) {
    if (now.step == move_step::point && !std::exchange(lost, true)) {
      lose_leave(of);
      CHECK(writer.appends(30));
    }
    return true;
  });
  CHECK(refused.code() == errc::misconfigured);
  CHECK(refused.error().detail.find("in a failover") != std::string::npos);
  CHECK(of.step() == "point");
  CHECK(of.state(of.main) == "leaving");
  CHECK(move(of, "b").code() == errc::misconfigured);
  CHECK(copy_cluster().value("select count(*) from furrow.ledger where farm = 'default'", of.main)
        != "0");
}

TEST_CASE("farm move: a source that has derived rows after its failover stops the move") {
  const moving_homes of;
  const auto source = open_url(moving_homes::url(of.main));
  old_writer writer{*source};
  CHECK(writer.appends(30)); // the digest has not read them when the farm leaves
  bool lost = false;
  const auto refused = move(of, "b", "default", [&](const farm_move& now) {
    if (now.step == move_step::point && !std::exchange(lost, true)) {
      lose_leave(of);
      plain_digest{*source}.run_all();
    }
    return true;
  });
  REQUIRE(lost);
  CHECK(refused.code() == errc::misconfigured);
  CHECK(refused.error().detail.find("has derived rows from items up to") != std::string::npos);
  CHECK(refused.error().detail.find("move-a-farm.md#a-failover-while-a-farm-moves")
        != std::string::npos);
  CHECK(of.step() == "point");
  CHECK(of.state(of.main) == "leaving");
  // It stays so, and nothing is deleted.
  CHECK(move(of, "b").code() == errc::misconfigured);
  CHECK(copy_cluster().value("select count(*) from furrow.ledger where farm = 'default'", of.main)
        != "0");
  of.check_ledgers();
}

TEST_CASE("farm move: a source whose failover lost items that are to come stops the move") {
  const moving_homes of;
  const std::string of_stream = " from furrow.stream s where s.id = w.stream and s.stream_id = "
                                "'a5000000-0000-0000-0000-000000000001'";
  bool lost = false;
  const auto refused = move(of, "b", "default", [&](const farm_move& now) {
    if (now.step == move_step::point && !std::exchange(lost, true)) {
      lose_leave(of);
      copy_cluster().exec("update furrow.stream_watermark w set seq = w.seq - 5" + of_stream,
                          of.main);
    }
    return true;
  });
  REQUIRE(lost);
  CHECK(refused.code() == errc::misconfigured);
  CHECK(refused.error().detail.find(" only, and b expects those up to ") != std::string::npos);
  CHECK(of.step() == "point");
  CHECK(of.state(of.main) == "leaving");
  CHECK(copy_cluster().value("select count(*) > 0 from furrow.elsewhere", of.b) == "t");
  CHECK(move(of, "b").code() == errc::misconfigured);
  // The old server is the primary again: it has them.
  copy_cluster().exec("update furrow.stream_watermark w set seq = w.seq + 5" + of_stream, of.main);
  REQUIRE(must(move(of, "b")));
  CHECK(of.state(of.main) == "gone");
  of.check_ledgers();
}

TEST_CASE("farm move: a stream without items that the source made after its failover is no reason "
          "to stop") {
  const moving_homes of;
  const auto source = open_url(moving_homes::url(of.main));
  bool lost = false;
  REQUIRE(must(move(of, "b", "default", [&](const farm_move& now) {
    if (now.step == move_step::point && !std::exchange(lost, true)) {
      lose_leave(of);
      CHECK(claim(*source, request_for("T9", 99)).claim.stream != 0);
    }
    return true;
  })));
  CHECK(lost);
  CHECK(of.state(of.main) == "gone");
  CHECK(copy_cluster().value("select count(*) from furrow.equipment where name = 'T9'", of.main)
        == "0");
  of.check_ledgers();
}
