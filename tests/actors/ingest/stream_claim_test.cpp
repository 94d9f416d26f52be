#include "tests/actors/ingest/intake_story.hpp"

using namespace furrow;
using namespace furrow::tests;

TEST_CASE_FIXTURE(intake_story, "intake: answers from before the last claim change nothing") {
  open(1, 0, 1);
  intake.received(1, frames(1, 10), {}, live, out);
  (void)flush();
  intake.append_failed(1, false, out);
  const auto wishes = take<claim_wish>();
  claimed(wishes.at(0).ticket, 0, 2);
  out.clear();
  intake.append_failed(1, true, out);
  intake.committed(1, 10, out);
  CHECK(out.empty());
  CHECK(intake.durable_seq() == 0);
  CHECK_FALSE(intake.adrift());
}

TEST_CASE_FIXTURE(intake_story,
                  "intake: the newest session wins, and the older one is rejected and ignored") {
  open(1, 0, 1);
  intake.received(1, frames(1, 5), {}, live, out);
  intake.greet(2, hello(), out);
  const auto* reject = said<proto::reject>();
  REQUIRE(reject != nullptr);
  CHECK(reject->code == proto::reject_code::superseded);
  const auto wishes = take<claim_wish>();
  claimed(wishes.at(0).ticket, 0, 2);
  out.clear();
  intake.received(1, frames(1, 10), {}, live, out);
  CHECK(flush() == nullptr);
  intake.detach(1, out); // the end of the older session does not end the newer one
  CHECK(intake.attached());
}

TEST_CASE_FIXTURE(intake_story,
                  "intake: while appends fail, each claim waits longer, until a commit") {
  open(1, 0, 1);
  std::vector<std::int64_t> waits;
  std::int64_t epoch = 1;
  const auto fail_once = [&] {
    intake.received(1, frames(1, 5), {}, live, out);
    (void)flush();
    intake.append_failed(epoch, false, out);
    const auto wishes = take<claim_wish>();
    waits.push_back(wishes.at(0).wait.count());
    claimed(wishes.at(0).ticket, 0, ++epoch);
    out.clear();
  };
  for (int i = 0; i < 4; ++i)
    fail_once();
  CHECK(waits == std::vector<std::int64_t>{0, 100, 200, 400});
  intake.received(1, frames(1, 5), {}, live, out);
  (void)flush();
  intake.committed(epoch, 5, out);
  intake.append_failed(epoch, false, out);
  CHECK(take<claim_wish>().at(0).wait.count() == 0);
}

TEST_CASE_FIXTURE(intake_story,
                  "intake: a claim that waits is not awaited once a gateway greets, or leaves") {
  open(1, 0, 1);
  std::int64_t epoch = 1;
  const auto fail_once = [&] {
    intake.received(1, frames(1, 5), {}, live, out);
    (void)flush();
    intake.append_failed(epoch, false, out);
    return take<claim_wish>().at(0);
  };
  const auto first = fail_once();
  claimed(first.ticket, 0, ++epoch);
  const auto waiting = fail_once();
  REQUIRE(waiting.wait.count() > 0);
  CHECK(intake.awaits(waiting.ticket));
  SUBCASE("greets") {
    out.clear();
    intake.greet(2, hello(), out);
    const auto newer = take<claim_wish>().at(0);
    CHECK(newer.wait.count() == 0);
    CHECK_FALSE(intake.awaits(waiting.ticket));
    CHECK(intake.awaits(newer.ticket));
    claimed(newer.ticket, 0, ++epoch);
    CHECK_FALSE(intake.awaits(newer.ticket));
  }
  SUBCASE("leaves") {
    intake.detach(1, out);
    CHECK_FALSE(intake.awaits(waiting.ticket));
  }
}

TEST_CASE_FIXTURE(
  intake_story,
  "intake: a fenced stream is claimed again, and after several fences its session is rejected") {
  open(1, 0, 1);
  for (std::int64_t epoch = 1;; ++epoch) {
    intake.received(1, frames(1, 5), {}, live, out);
    (void)flush();
    intake.append_failed(epoch, true, out);
    if (said<proto::reject>() != nullptr)
      break;
    REQUIRE(epoch < 10);
    const auto wishes = take<claim_wish>();
    claimed(wishes.at(0).ticket, 0, epoch + 1);
    out.clear();
  }
  CHECK(said<proto::reject>()->code == proto::reject_code::superseded);
  CHECK_FALSE(intake.attached());
}

TEST_CASE_FIXTURE(intake_story,
                  "intake: a copied spool learns its fork, and a spool without the needed items is "
                  "rejected as gone") {
  intake.greet(1, hello(), out);
  const auto first = take<claim_wish>();
  intake.claimed(first.at(0).ticket, {{1, 1, 1}, 150, 101}, out);
  REQUIRE(said<proto::reject>() != nullptr);
  CHECK(said<proto::reject>()->code == proto::reject_code::forked);
  CHECK(said<proto::reject>()->fork_seq == 101);
  CHECK(said<proto::reject>()->durable_seq == 150);
  out.clear();
  intake.greet(2, hello(100, 200), out);
  const auto second = take<claim_wish>();
  claimed(second.at(0).ticket, 50, 2);
  REQUIRE(said<proto::reject>() != nullptr);
  CHECK(said<proto::reject>()->code == proto::reject_code::gone);
}

TEST_CASE_FIXTURE(intake_story,
                  "intake: a file that another stream holds is rejected, with time and name") {
  auto from = hello(1, 10);
  from.hello.sources = {{"digest", "new.log"}};
  intake.greet(1, from, out);
  const auto wishes = take<claim_wish>();
  CHECK(wishes.at(0).request.sources == from.hello.sources);
  storage::claim_outcome outcome{{1, 1, 0}, 0, std::nullopt};
  outcome.known = {"new.log", "old.log", "2026-05-01T06:30:00Z"};
  intake.claimed(wishes.at(0).ticket, outcome, out);
  REQUIRE(said<proto::reject>() != nullptr);
  CHECK(said<proto::reject>()->code == proto::reject_code::known);
  CHECK(said<proto::reject>()->reason
        == "T1 has new.log already: it was stored at 2026-05-01T06:30:00Z, from old.log");
  CHECK_FALSE(intake.attached());
}

TEST_CASE_FIXTURE(intake_story, "intake: the files of a claimed stream are noted once") {
  auto from = hello();
  from.hello.sources = {{"digest", "new.log"}};
  intake.greet(1, from, out);
  claimed(take<claim_wish>().at(0).ticket, 0, 1);
  intake.append_failed(1, false, out);
  CHECK(take<claim_wish>().at(0).request.sources.empty());
}

TEST_CASE_FIXTURE(
  intake_story,
  "intake: a name that the database cannot hold ends the gateway, an outage does not") {
  using furrow::storage::errc;
  for (const auto& [code, said_code] :
       {std::pair{errc::reject_row, proto::reject_code::credentials},
        std::pair{errc::retry_later, proto::reject_code::unavailable}}) {
    intake.greet(1, hello(), out);
    const auto wishes = take<claim_wish>();
    intake.claim_failed(wishes.at(0).ticket, {code, "22P05: no equivalent in LATIN1"}, out);
    REQUIRE(said<proto::reject>() != nullptr);
    CHECK(said<proto::reject>()->code == said_code);
    CHECK(said<proto::reject>()->reason
          == "the stream cannot be claimed: 22P05: no equivalent in LATIN1");
    CHECK_FALSE(intake.attached());
    out.clear();
  }
}

TEST_CASE_FIXTURE(
  intake_story,
  "intake: a stream that another node has claimed is left to it, and nothing is claimed") {
  open(1, 0, 1);
  intake.received(1, frames(1, 5), {}, live, out);
  (void)flush();
  intake.append_taken(1, moment(0s), out);
  CHECK(said<session_notice::yield>() != nullptr);
  CHECK(said<proto::reject>() == nullptr);
  CHECK(take<claim_wish>().empty());
  CHECK_FALSE(intake.attached());
  CHECK(intake.idle());
  // A gateway that lives greets again: it is the newest session, and its claim wins.
  intake.greet(2, hello(), out);
  const auto wishes = take<claim_wish>();
  REQUIRE(wishes.size() == 1);
  CHECK(wishes[0].request.held_epoch == 0);
}

TEST_CASE_FIXTURE(
  intake_story,
  "intake: a session that yields three times in 30 s is told to wait, and not otherwise") {
  const auto yield_at = [&](std::chrono::seconds at, std::int64_t epoch) {
    open(static_cast<std::uint64_t>(epoch), 0, epoch);
    intake.append_taken(epoch, moment(at), out);
    const bool rejected = said<proto::reject>() != nullptr;
    if (rejected)
      CHECK(said<proto::reject>()->code == proto::reject_code::superseded);
    else
      CHECK(said<session_notice::yield>() != nullptr);
    CHECK_FALSE(intake.attached());
    out.clear();
    return rejected;
  };
  CHECK_FALSE(yield_at(0s, 1));
  CHECK_FALSE(yield_at(15s, 2));
  CHECK_FALSE(yield_at(31s, 3)); // the first one is 31 s ago
  CHECK(yield_at(40s, 4));
  CHECK_FALSE(yield_at(100s, 5));
}

TEST_CASE_FIXTURE(
  intake_story,
  "intake: an append in doubt is claimed again as what it was, and gives way if overtaken") {
  open(1, 0, 7);
  intake.received(1, frames(1, 5), {}, live, out);
  (void)flush();
  intake.append_failed(7, false, out); // the connection was cut: this node may have been stopped
  const auto wishes = take<claim_wish>();
  REQUIRE(wishes.size() == 1);
  CHECK(wishes[0].request.held_epoch == 7);
  intake.claim_taken(wishes[0].ticket - 1, moment(0s), out); // an older one: no matter
  CHECK(out.empty());
  intake.claim_taken(wishes[0].ticket, moment(0s), out);
  CHECK(said<session_notice::yield>() != nullptr);
  CHECK(take<claim_wish>().empty());
  CHECK(intake.idle());
}

TEST_CASE_FIXTURE(
  intake_story,
  "intake: a fence of this node's own newer session, or of a standby that has less, "
  "is claimed again at once") {
  open(1, 0, 1);
  intake.received(1, frames(1, 5), {}, live, out);
  (void)flush();
  intake.append_failed(1, true, out);
  const auto wishes = take<claim_wish>();
  REQUIRE(wishes.size() == 1);
  CHECK(wishes[0].wait.count() == 0);
  CHECK(intake.attached());
  CHECK(intake.adrift());
}

TEST_CASE_FIXTURE(
  intake_story,
  "intake: the claim of a session that has ended is withdrawn, and its answer ignored") {
  intake.greet(1, hello(), out);
  const auto wish = take<claim_wish>().at(0);
  intake.detach(1, out);
  const auto gone = take<claim_withdrawal>();
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].ticket == wish.ticket);
  CHECK(intake.idle());
  claimed(wish.ticket, 10, 3);
  CHECK(intake.durable_seq() == 0);
  intake.greet(2, hello(), out);
  CHECK(take<claim_wish>().at(0).ticket != wish.ticket);
  CHECK_FALSE(intake.idle());
}

TEST_CASE_FIXTURE(intake_story,
                  "intake: after a failover an idle stream asks what the database holds, and its "
                  "gateway sends again what is missing") {
  constexpr std::int64_t first_timeline = std::int64_t{1} << 40;
  open(1, 100, first_timeline | 1);
  intake.store_replaced(1, out); // claimed since
  CHECK(out.empty());
  intake.store_replaced(2, out);
  const auto wishes = take<claim_wish>();
  REQUIRE(wishes.size() == 1);
  CHECK(wishes[0].request.held_epoch == (first_timeline | 1));
  intake.store_replaced(2, out); // one claim is enough
  CHECK(out.empty());
  claimed(wishes[0].ticket, 90, 2 * first_timeline | 1);
  const auto* rewind = said<session_notice::rewind>();
  REQUIRE(rewind != nullptr);
  CHECK(rewind->from_seq == 91);
  out.clear();
  intake.store_replaced(2, out);
  CHECK(out.empty());
}

TEST_CASE_FIXTURE(intake_story,
                  "intake: a stream with items on their way learns of a failover from its append") {
  open(1, 0, 1);
  intake.received(1, frames(1, 5), {}, live, out);
  intake.store_replaced(2, out);
  CHECK(take<claim_wish>().empty());
  (void)flush();
  intake.store_replaced(2, out);
  CHECK(take<claim_wish>().empty());
  intake.committed(1, 5, out);
  out.clear();
  intake.detach(1, out);
  intake.store_replaced(2, out); // nobody is there to send anything again
  CHECK(take<claim_wish>().empty());
}
