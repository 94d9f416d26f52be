/// The claim desk of a simulated node, around the real claim_queue (as actors/ingest/claim_desk.cpp).
///
/// Threads: one.
#pragma once

#include "actors/ingest/claim_queue.hpp"
#include "actors/ingest/stream_intake.hpp"
#include "tests/simulation/lane.hpp"

#include <functional>

namespace furrow::simulation {

class desk {
public:
  struct claim_result {
    bool delayed = false;
    storage::claim_outcome outcome;
  };
  using answer_to = std::function<void(const origin&, std::uint64_t ticket, const claim_result&)>;

  desk(stage& on, process& owner, database& db, incarnation node, answer_to to)
    : on_{on}, owner_{owner}, to_{std::move(to)}, client_{on.net, owner, db, node} {}

  void add(origin from, actors::claim_wish wish);
  void withdraw(const origin& of, std::uint64_t ticket);
  /// The actor dies and starts again.
  void die();

private:
  void call_next();
  void settle(const reply& what);

  stage& on_;
  process& owner_;
  answer_to to_;
  database_client client_;
  actors::claim_queue<origin> queue_{milliseconds{250}, milliseconds{1'000}};
  bool waiting_ = false;
  bool asks_held_ = false;
  std::uint64_t life_ = 0;
};

} // namespace furrow::simulation
