#include "actors/ingest/stream_intake.hpp"
#include "storage/store.hpp"
#include "tests/support/frames.hpp"

#include <doctest/doctest.h>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;

namespace {

/// Virtual time.
stream_intake::time_point moment(std::chrono::seconds since_start) {
  return stream_intake::time_point{} + 1h + since_start;
}

can::frame_header header_of(std::uint32_t id) {
  return can::pack({.id = id, .extended = true, .length = 8});
}

proto::batch frames(std::uint64_t first, std::size_t count, std::int64_t time_us = 1'000'000) {
  proto::batch batch;
  batch.first_seq = first;
  batch.last_seq = first + count - 1;
  can::frame_block block;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t payload = first + i;
    REQUIRE(block.push(time_us + static_cast<std::int64_t>(i), header_of(0x18FEF100),
                       reinterpret_cast<const std::uint8_t*>(&payload)));
  }
  batch.items.emplace_back(std::move(block));
  return batch;
}

struct story {
  stream_intake intake{1'000};
  can::machine_monitor live;
  stream_intake::actions out;

  greeting hello(std::uint64_t first = 1, std::uint64_t last = 0) {
    greeting from;
    from.farm = "default";
    from.hello.equipment = "T1";
    from.hello.first_seq = first;
    from.hello.last_seq = last;
    return from;
  }
  template <class T>
  std::vector<T> take() {
    std::vector<T> found;
    for (auto& action : out)
      if (auto* one = std::get_if<T>(&action))
        found.push_back(std::move(*one));
    out.clear();
    return found;
  }
  claim_wish open(std::uint64_t session, std::uint64_t durable, std::int64_t epoch) {
    intake.greet(session, hello(), out);
    auto wishes = take<claim_wish>();
    REQUIRE(wishes.size() == 1);
    claimed(wishes[0].ticket, durable, epoch);
    out.clear();
    return wishes[0];
  }
  void claimed(std::uint64_t ticket, std::uint64_t durable, std::int64_t epoch) {
    intake.claimed(ticket, {{1, 1, epoch}, durable, std::nullopt}, out);
  }
  std::shared_ptr<held_append> flush() {
    intake.flush(out);
    auto appends = take<std::shared_ptr<held_append>>();
    return appends.empty() ? nullptr : appends[0];
  }
  template <class T>
  const T* said(std::size_t at = 0) {
    std::size_t seen = 0;
    for (const auto& action : out)
      if (const auto* notice = std::get_if<session_notice>(&action))
        if (const auto* what = std::get_if<T>(&notice->what); what != nullptr && seen++ == at)
          return what;
    return nullptr;
  }
};

} // namespace

TEST_CASE_FIXTURE(
  story,
  "intake: a greeting causes a claim, then a welcome with the next number for the database") {
  intake.greet(1, hello(), out);
  auto wishes = take<claim_wish>();
  REQUIRE(wishes.size() == 1);
  claimed(wishes[0].ticket, 41, 7);
  const auto* welcome = said<session_notice::welcome>();
  REQUIRE(welcome != nullptr);
  CHECK(welcome->resume_from == 42);
  CHECK(welcome->epoch == 7);
}

TEST_CASE_FIXTURE(story,
                  "intake: items that come twice are stored once, and an overlap is trimmed") {
  open(1, 0, 1);
  intake.received(1, frames(1, 10), {}, live, out);
  intake.received(1, frames(1, 10), {}, live, out);
  intake.received(1, frames(6, 10), {}, live, out);
  const auto append = flush();
  REQUIRE(append != nullptr);
  CHECK(append->append.from == 0);
  CHECK(append->append.to == 15);
  REQUIRE(append->append.frames.size() == 1);
  const auto& block = append->append.frames[0].block;
  REQUIRE(block.size() == 15);
  for (std::size_t i = 0; i < 15; ++i)
    CHECK(block.slots[i] == i + 1);
  CHECK(intake.counted().duplicates == 15);
}

TEST_CASE_FIXTURE(story, "intake: a hole causes one rewind, and nothing is stored beyond it") {
  open(1, 0, 1);
  intake.received(1, frames(5, 10), {}, live, out);
  intake.received(1, frames(15, 10), {}, live, out);
  REQUIRE(said<session_notice::rewind>() != nullptr);
  CHECK(said<session_notice::rewind>()->from_seq == 1);
  CHECK(said<session_notice::rewind>(1) == nullptr);
  out.clear();
  CHECK(flush() == nullptr);
  intake.received(1, frames(1, 4), {}, live, out);
  CHECK(flush()->append.to == 4);
}

TEST_CASE_FIXTURE(story, "intake: acks only what the store has committed under this claim") {
  open(1, 0, 5);
  intake.received(1, frames(1, 10), {}, live, out);
  (void)flush();
  intake.committed(4, 10, out); // of an older claim
  CHECK(said<session_notice::ack>() == nullptr);
  intake.committed(5, 10, out);
  REQUIRE(said<session_notice::ack>() != nullptr);
  CHECK(said<session_notice::ack>()->durable_seq == 10);
}

TEST_CASE_FIXTURE(story,
                  "intake: a failed append sets the stream adrift, and a new claim continues from "
                  "the durable number") {
  open(1, 0, 1);
  intake.received(1, frames(1, 10), {}, live, out);
  (void)flush();
  intake.append_failed(1, false, out);
  CHECK(intake.adrift());
  const auto wishes = take<claim_wish>();
  REQUIRE(wishes.size() == 1);
  intake.received(1, frames(11, 10, 9'000'000), {}, live, out); // shown live, not kept
  CHECK(live.live().last_frame_us == 9'000'009);
  CHECK(flush() == nullptr);
  claimed(wishes[0].ticket, 10, 2); // the append whose answer was lost had succeeded
  REQUIRE(said<session_notice::rewind>() != nullptr);
  CHECK(said<session_notice::rewind>()->from_seq == 11);
  out.clear();
  intake.received(1, frames(11, 10), {}, live, out);
  CHECK(live.live().last_frame_us == 9'000'009); // repeated items are stored, but not shown again
  const auto append = flush();
  CHECK(append->append.from == 10);
  CHECK(append->append.claim.epoch == 2);
  intake.received(1, frames(21, 1, 9'500'000), {}, live, out);
  CHECK(live.live().last_frame_us == 9'500'000);
}

TEST_CASE_FIXTURE(story, "intake: a fault in a message across batches appears once, and clears") {
  const auto packets = [](std::uint64_t first, std::initializer_list<std::string_view> quoted) {
    proto::batch batch;
    batch.first_seq = first;
    batch.last_seq = first + quoted.size() - 1;
    can::frame_block block;
    for (const auto text : quoted) {
      const tests::quoted_frame frame{text, 1'000'000};
      REQUIRE(block.push(frame.time_us, frame.header, frame.data.data()));
    }
    batch.items.emplace_back(std::move(block));
    return batch;
  };
  open(1, 0, 1);
  // DM1 as a broadcast of ten bytes: SPN 190 FMI 2 and SPN 110 FMI 0.
  const auto start = packets(1, {"1CECFF00#200A0002FFCAFE00", "1CEBFF00#0104FFBE00020A6E"});
  intake.received(1, start, {}, live, out);
  CHECK(live.faults().active() == 0);
  intake.received(1, packets(3, {"1CEBFF00#02000001FFFFFFFF"}), {}, live, out);
  REQUIRE(live.faults().active() == 2);
  CHECK(live.faults().faults()[0].code.spn == 190);
  CHECK(live.faults().faults()[1].code.spn == 110);
  intake.append_failed(1, false, out);
  claimed(take<claim_wish>().at(0).ticket, 0, 2);
  intake.received(1, start, {}, live,
                  out); // the first frame again: no new transport session begins
  CHECK(live.transport().sessions() == 0);
  intake.received(1, packets(3, {"1CEBFF00#02000001FFFFFFFF", "18FECA00#00FF00000000FFFF"}), {},
                  live, out);
  CHECK(live.faults().active() == 0);
  REQUIRE(live.cleared().size() == 2);
  CHECK(live.cleared()[0].fault.code.spn == 190);
}

TEST_CASE_FIXTURE(story, "intake: answers from before the last claim change nothing") {
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

TEST_CASE_FIXTURE(story,
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

TEST_CASE_FIXTURE(story, "intake: while appends fail, each claim waits longer, until a commit") {
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

TEST_CASE_FIXTURE(
  story,
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

TEST_CASE_FIXTURE(story,
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

TEST_CASE_FIXTURE(
  story, "intake: a name that the database cannot hold ends the gateway, an outage does not") {
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

TEST_CASE_FIXTURE(story,
                  "intake: while the database is away, items of a new session are shown live") {
  intake.greet(1, hello(1, 500), out);
  const auto wishes = take<claim_wish>();
  intake.claim_delayed(wishes.at(0).ticket, out);
  REQUIRE(said<session_notice::welcome>() != nullptr);
  CHECK(said<session_notice::welcome>()->epoch == 0);
  CHECK(said<session_notice::welcome>()->resume_from == 501);
  out.clear();
  intake.received(1, frames(501, 3, 7'000'000), {}, live, out);
  CHECK(live.live().last_frame_us == 7'000'002);
  claimed(wishes.at(0).ticket, 0, 3);
  REQUIRE(said<session_notice::welcome>() != nullptr);
  CHECK(said<session_notice::welcome>()->epoch == 3);
  CHECK(said<session_notice::welcome>()->resume_from == 1);
}

TEST_CASE_FIXTURE(
  story, "intake: an invalid frame is quarantined with its reason, and its neighbours are kept") {
  open(1, 0, 1);
  auto batch = frames(1, 5);
  auto& block = std::get<can::frame_block>(batch.items[0]);
  block.headers.push_back(can::pack({.id = 5, .length = 9}).bits); // DLC 9
  block.header_index[2] = 1;
  block.slots[2] = 0;
  block.long_payload.assign(9, 0xAB);
  REQUIRE(block.structural_fault() == nullptr);
  intake.received(1, std::move(batch), {}, live, out);
  const auto append = flush();
  REQUIRE(append->append.quarantine.size() == 1);
  CHECK(append->append.quarantine[0].seq == 3);
  CHECK_FALSE(append->append.quarantine[0].reason.empty());
  CHECK(append->append.quarantine[0].bytes.size() == 25);
  REQUIRE(append->append.frames.size() == 2);
  CHECK(append->append.frames[0].seq_first == 1);
  CHECK(append->append.frames[0].block.size() == 2);
  CHECK(append->append.frames[1].seq_first == 4);
  CHECK(append->append.frames[1].block.size() == 2);
  CHECK(append->append.to == 5);
}

TEST_CASE_FIXTURE(story,
                  "intake: frames from the future are stored as they are, and counted once") {
  open(1, 0, 1);
  intake.set_ahead_after(5'000'000);
  intake.received(1, frames(1, 4, 1'000'000), {}, live, out);
  CHECK(intake.counted().ahead == 0);
  intake.received(1, frames(5, 4, 4'999'999), {}, live, out); // two of four
  intake.received(1, frames(5, 4, 4'999'999), {}, live, out); // sent again
  CHECK(intake.counted().ahead == 2);
  CHECK(intake.latest_ahead_us() == 5'000'002);
  CHECK(flush()->append.to == 8);
}

TEST_CASE_FIXTURE(
  story,
  "intake: frames with times too far apart for one block make several blocks, and none is lost") {
  open(1, 0, 1);
  intake.received(1, frames(1, 2, 0), {}, live, out);
  intake.received(1, frames(3, 2, std::int64_t{1} << 40U), {}, live, out);
  intake.received(1, frames(5, 2, 0), {}, live, out);
  const auto append = flush();
  REQUIRE(append->append.frames.size() == 3);
  CHECK(append->append.frames[1].seq_first == 3);
  CHECK(append->append.frames[2].block.time_us(1) == 1);
}

TEST_CASE_FIXTURE(
  story, "intake: a full block is sent at once with its leases, and the answer releases them") {
  const auto budget = memory_budget::make(1'000);
  open(1, 0, 1);
  std::vector<memory_lease> leases;
  budget->acquire("t", 100, [&](memory_lease lease) { leases.push_back(std::move(lease)); });
  intake.received(1, frames(1, 1'000), std::move(leases), live, out);
  auto appends = take<std::shared_ptr<held_append>>();
  REQUIRE(appends.size() == 1);
  CHECK(budget->used() == 100);
  appends.clear();
  CHECK(budget->used() == 0);
}

TEST_CASE_FIXTURE(
  story, "intake: a lane that dies with an append sets the stream adrift, an idle lane does not") {
  open(1, 0, 1);
  intake.lane_lost(out);
  CHECK(out.empty());
  intake.received(1, frames(1, 5), {}, live, out);
  (void)flush();
  intake.lane_lost(out);
  CHECK(intake.adrift());
  CHECK(take<claim_wish>().size() == 1);
}

TEST_CASE_FIXTURE(story, "intake: bus names are stored with the first append that may need them") {
  auto from = hello();
  from.hello.buses = {{0, "can0"}};
  intake.greet(1, from, out);
  const auto wishes = take<claim_wish>();
  claimed(wishes.at(0).ticket, 0, 1);
  auto batch = frames(1, 1);
  batch.buses = {{0, "can0"}, {1, "vcan7"}};
  intake.received(1, std::move(batch), {}, live, out);
  CHECK(flush()->append.buses.size() == 2);
  intake.received(1, frames(2, 1), {}, live, out);
  CHECK(flush()->append.buses.empty());
}

TEST_CASE_FIXTURE(
  story, "intake: a stream that another node has claimed is left to it, and nothing is claimed") {
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
  story, "intake: a session that yields three times in 30 s is told to wait, and not otherwise") {
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
  story, "intake: an append in doubt is claimed again as what it was, and gives way if overtaken") {
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
  story,
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
  story, "intake: the claim of a session that has ended is withdrawn, and its answer ignored") {
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
