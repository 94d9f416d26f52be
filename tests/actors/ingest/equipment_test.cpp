// The actor of one machine, in virtual time: what it does around the decisions of stream_intake.
#include "tests/actors/ingest/intake_story.hpp"
#include "tests/actors/tree_world.hpp"

#include <doctest/doctest.h>

using namespace furrow;
using namespace furrow::actors;
using namespace std::chrono_literals;

namespace {

/// What a gateway has heard in one session.
struct counting_port final : session_port {
  std::uint64_t welcomes = 0;
  std::uint64_t rewinds = 0;
  std::uint64_t durable = 0;
  void welcome(std::int64_t /*epoch*/, std::uint64_t /*resume_from*/) override { ++welcomes; }
  void ack(std::uint64_t durable_seq) override { durable = durable_seq; }
  void rewind(std::uint64_t /*from_seq*/) override { ++rewinds; }
  void reject(proto::reject /*reason*/) override {}
  void drop() override {}
  void yield() override {}
};

struct equipment_world : tests::tree_world {
  static constexpr can::stream_id stream{7, 2, 3};
  std::uint64_t session = 0;
  std::shared_ptr<link_target> machine;

  std::shared_ptr<counting_port> greet() {
    auto port = std::make_shared<counting_port>();
    auto from = std::make_shared<greeting>();
    from->farm = "default";
    from->hello.equipment = "T1";
    from->hello.stream_id = stream;
    from->hello.first_seq = 1;
    from->hello.runs = {{99, 1}};
    machine = std::make_shared<link_target>();
    caf::anon_send(places->fleet(), attach_order{++session, std::move(from),
                                                 std::make_shared<held_port>(port), machine});
    system.run();
    return port;
  }
  /// The newest frame: a vehicle speed.
  void send_sample(std::uint64_t as_of, std::int64_t time_us, std::uint64_t payload) {
    auto sample = std::make_shared<received_sample>();
    sample->sample.as_of_seq = as_of;
    REQUIRE(sample->sample.frames.push(time_us, tests::header_of(0x18FEF100),
                                       reinterpret_cast<const std::uint8_t*>(&payload)));
    caf::anon_send(machine->owner(), showing{session, std::move(sample)});
    system.run();
  }
  [[nodiscard]] live_snapshot shown() const { return people->board.all().at(0); }
  /// Five frames, which go to the database at once.
  void send_frames(std::uint64_t first) {
    auto batch = std::make_shared<received_batch>();
    batch->batch = tests::frames(first, 5);
    caf::anon_send(machine->owner(), delivery{session, std::move(batch)});
    caf::anon_send(machine->owner(), hurry_notice{});
    system.advance(50ms);
  }
};

} // namespace

TEST_CASE_FIXTURE(equipment_world,
                  "equipment: a claim that waited is dropped when a gateway greets meanwhile") {
  // Symptom: the gateway was welcomed for the live view, stayed connected, and nothing became durable.
  auto port = greet();
  REQUIRE(port->welcomes == 1);
  tables->lose_answers = 1;
  send_frames(1);
  REQUIRE(port->rewinds == 1); // claimed again
  tables->lose_answers = 1;
  send_frames(6); // the second failure: the next claim waits 100 ms
  REQUIRE(port->rewinds == 1);
  const auto before = tables->claims;
  port = greet();
  CHECK(port->welcomes == 1);
  CHECK(tables->claims == before + 1);
  system.advance(1s);
  CHECK(tables->claims == before + 1); // one more would fence the newer claim
  send_frames(11);
  CHECK(port->rewinds == 0);
  CHECK(port->durable == 15);
}

TEST_CASE_FIXTURE(equipment_world,
                  "equipment: a sample is shown, and neither counted, stored nor tapped") {
  const auto port = greet();
  const auto place = people->board.places().at(0);
  place->frames().open(true);
  const auto received = people->counters.frames_received.load();
  send_sample(100, 9'000'000, 0x1000);
  REQUIRE(shown()->state->wheel_speed_mps);
  CHECK(shown()->state->wheel_speed_mps->time_us == 9'000'000);
  CHECK(shown()->frames == 0);
  CHECK(shown()->received_seq == 0);
  CHECK(people->counters.frames_received == received);
  CHECK(place->frames().take().batches.empty());
  send_frames(1);
  CHECK(port->durable == 5);
  CHECK(shown()->state->wheel_speed_mps->time_us == 9'000'000);
  CHECK(shown()->received_seq == 5);
  CHECK(place->frames().take().batches.size() == 1);
  // A gateway that greets anew continues; the samples of the old session are over.
  greet();
  --session;
  send_sample(100, 10'000'000, 0x2000);
  ++session;
  CHECK(shown()->state->wheel_speed_mps->time_us == 9'000'000);
}
