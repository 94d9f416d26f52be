#include "tests/actors/ingest/intake_story.hpp"

using namespace furrow;
using namespace furrow::tests;

TEST_CASE_FIXTURE(
  intake_story,
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

TEST_CASE_FIXTURE(intake_story,
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

TEST_CASE_FIXTURE(intake_story,
                  "intake: a hole causes one rewind, and nothing is stored beyond it") {
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

TEST_CASE_FIXTURE(intake_story, "intake: acks only what the store has committed under this claim") {
  open(1, 0, 5);
  intake.received(1, frames(1, 10), {}, live, out);
  (void)flush();
  intake.committed(4, 10, out); // of an older claim
  CHECK(said<session_notice::ack>() == nullptr);
  intake.committed(5, 10, out);
  REQUIRE(said<session_notice::ack>() != nullptr);
  CHECK(said<session_notice::ack>()->durable_seq == 10);
}

TEST_CASE_FIXTURE(intake_story,
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

TEST_CASE_FIXTURE(intake_story,
                  "intake: a fault in a message across batches appears once, and clears") {
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

TEST_CASE_FIXTURE(intake_story,
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
  intake_story,
  "intake: an invalid frame is quarantined with its reason, and its neighbours are kept") {
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

TEST_CASE_FIXTURE(intake_story,
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
  intake_story,
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
  intake_story,
  "intake: a full block is sent at once with its leases, and the answer releases them") {
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
  intake_story,
  "intake: a lane that dies with an append sets the stream adrift, an idle lane does not") {
  open(1, 0, 1);
  intake.lane_lost(out);
  CHECK(out.empty());
  intake.received(1, frames(1, 5), {}, live, out);
  (void)flush();
  intake.lane_lost(out);
  CHECK(intake.adrift());
  CHECK(take<claim_wish>().size() == 1);
}

TEST_CASE_FIXTURE(intake_story,
                  "intake: bus names are stored with the first append that may need them") {
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
  intake_story,
  "intake: numbers that are gone at a site are appended with their reason, each once") {
  open(1, 2, 1);
  proto::batch batch;
  batch.first_seq = 1;
  batch.last_seq = 20;
  batch.items = {can::gone_items{5, can::gone_reason::expired},
                 can::gone_items{3, can::gone_reason::missing}};
  intake.received(1, std::move(batch), {}, live, out);
  auto more = frames(9, 2);
  more.last_seq = 20;
  intake.received(1, std::move(more), {}, live, out);
  const auto append = flush();
  CHECK(append->append.from == 2);
  CHECK(append->append.to == 10);
  REQUIRE(append->append.gone.size() == 2);
  CHECK(append->append.gone[0] == can::gone_range{3, 5, can::gone_reason::expired});
  CHECK(append->append.gone[1] == can::gone_range{6, 8, can::gone_reason::missing});
  REQUIRE(append->append.frames.size() == 1);
  CHECK(append->append.frames[0].seq_first == 9);
}

TEST_CASE_FIXTURE(intake_story,
                  "intake: a sample is for the current session, and nothing of it is packed") {
  open(1, 0, 1);
  CHECK(intake.sampled(1, 50));
  CHECK_FALSE(intake.packed());
  CHECK(intake.counted().frames == 0);
  CHECK(intake.received_seq() == 0);
  CHECK(intake.sent_seq() == 0);
  CHECK(out.empty());
  intake.received(1, frames(1, 50), {}, live, out);
  CHECK(flush()->append.to == 50);
  intake.greet(2, hello(), out);
  CHECK_FALSE(intake.sampled(1, 60));
}

TEST_CASE_FIXTURE(
  intake_story,
  "intake: items that a sample has overtaken set nothing back, later ones do as ever") {
  open(1, 0, 1);
  // Vehicle speed: byte 1 and 2 are of the number of the frame.
  const auto speed_at = [&] { return live.live().wheel_speed_mps->time_us; };
  can::frame_block newest;
  const std::uint64_t payload = 0x1000;
  REQUIRE(
    newest.push(9'000'000, header_of(0x18FEF100), reinterpret_cast<const std::uint8_t*>(&payload)));
  REQUIRE(intake.sampled(1, 20));
  live.sample(newest);
  CHECK(speed_at() == 9'000'000);
  intake.received(1, frames(1, 10), {}, live, out);
  CHECK(speed_at() == 9'000'000);
  CHECK(live.live().last_frame_us == 9'000'000);
  intake.received(1, frames(11, 10), {}, live, out);
  CHECK(speed_at() == 9'000'000);
  intake.received(1, frames(21, 10, 2'000'000), {}, live,
                  out); // not overtaken: a clock that stepped back
  CHECK(speed_at() == 2'000'009);
  CHECK(intake.counted().frames == 30);
}
