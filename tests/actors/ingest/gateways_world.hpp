/// A node's supervision tree in virtual time, and gateways whose sessions greet its machines.
#pragma once

#include "tests/actors/ingest/intake_story.hpp"
#include "tests/actors/tree_world.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace furrow::tests {

/// The messages that a gateway's session received.
struct session_ear final : actors::session_port {
  int welcomes = 0;
  int rewinds = 0;
  int drops = 0;
  std::uint64_t durable = 0;
  std::optional<proto::reject> rejected;
  void welcome(std::int64_t /*epoch*/, std::uint64_t /*resume_from*/) override { ++welcomes; }
  void ack(std::uint64_t durable_seq) override { durable = durable_seq; }
  void rewind(std::uint64_t /*from_seq*/) override { ++rewinds; }
  void reject(proto::reject reason) override { rejected = std::move(reason); }
  void drop() override { ++drops; }
  void yield() override { ++drops; }
};

/// A gateway's session at the fleet.
struct visitor {
  std::uint64_t session = 0;
  std::shared_ptr<session_ear> heard = std::make_shared<session_ear>();
  std::shared_ptr<actors::link_target> target = std::make_shared<actors::link_target>();
};

struct gateways_world : tree_world {
  std::uint64_t sessions = 0;

  visitor greet(const std::string& farm, const std::string& machine, std::uint8_t stream) {
    visitor out;
    out.session = ++sessions;
    auto from = std::make_shared<actors::greeting>();
    from->farm = farm;
    from->hello.equipment = machine;
    from->hello.stream_id = {stream, 2, 3};
    from->hello.first_seq = 1;
    from->hello.runs = {{99, 1}};
    caf::anon_send(places->fleet(), actors::attach_order{
                                      out.session, std::move(from),
                                      std::make_shared<actors::held_port>(out.heard), out.target});
    system.run();
    return out;
  }
  /// Five frames, which go to the database at once.
  void send_frames(const visitor& from, std::uint64_t first) {
    auto batch = std::make_shared<actors::received_batch>();
    batch->batch = frames(first, 5);
    caf::anon_send(from.target->owner(), actors::delivery{from.session, std::move(batch)});
    caf::anon_send(from.target->owner(), actors::hurry_notice{});
    system.advance(std::chrono::milliseconds{50});
  }
};

} // namespace furrow::tests
