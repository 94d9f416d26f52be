/// A lane of a simulated node: an aggregator with its writer, around the real append_queue and append_plan.
///
/// Shape: as actors/ingest/aggregator.cpp and storage/postgres/append.cpp, without actors and without a socket. `answer`
///   tells what became of each append.
/// Threads: one.
#pragma once

#include "actors/ingest/append_queue.hpp"
#include "storage/append/append_plan.hpp"
#include "tests/simulation/database/database.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::simulation {

/// The stream of a machine, inside a node.
struct origin {
  std::string machine;
  std::uint32_t slot = 0;
};

struct append_result {
  enum class kind : std::uint8_t { committed, failed, fenced, taken } what = kind::failed;
  bool by_another = false; // fenced: by another incarnation, whatever the node makes of it
};

class lane {
public:
  using ticket = actors::append_ticket<origin>;
  using answer_to = std::function<void(const ticket&, append_result)>;

  lane(stage& on, process& owner, database& db, incarnation node, answer_to to);

  void add(origin from, std::shared_ptr<actors::held_append> held);
  /// The actors die and start again: what they had is gone, and nobody is told.
  void die();
  /// The process freezes when it has sent the first part of its next COPY.
  void freeze_in_copy(bool yes) { freeze_in_copy_ = yes; }
  [[nodiscard]] bool idle() const { return under_way_.empty() && queue_.empty(); }

private:
  void write_next();
  void attempt();
  void send();
  void first_part_sent();
  void conclude(const reply& what);
  void decide(const reply& what);
  void settle();
  void tell(const std::vector<ticket>& tickets, append_result what);

  stage& on_;
  process& owner_;
  incarnation node_;
  answer_to to_;
  database_client client_;
  actors::append_queue<origin> queue_{8U << 20U, milliseconds{20}};
  std::vector<ticket> under_way_;
  std::shared_ptr<storage::append_batch> batch_;
  std::optional<storage::append_plan> plan_;
  std::vector<std::int32_t> others_; // streams of this batch that another incarnation has claimed
  bool gathering_ = false;
  bool freeze_in_copy_ = false;
  std::uint64_t life_ = 0;
};

} // namespace furrow::simulation
