/// A node's lease in a simulated world: the real lease_keeper, and what furrow.beat and furrow.judge decide.
///
/// Shape: nodes of no lease row are the database's affair (server.hpp). `died` is called when the database says that this
///   incarnation is dead.
/// Threads: one.
/// Source: storage/migrations/0019_leases_and_clocks.sql, 0025_judge_alone.sql.
#pragma once

#include "actors/cluster/lease_keeper.hpp"
#include "tests/simulation/database/database.hpp"

#include <string>
#include <utility>

namespace furrow::simulation {

class node_lease {
public:
  /// `heard`: what the database has said about the cluster.
  using heard_to = std::function<void(const reply&)>;
  node_lease(stage& on,
             process& owner,
             database& db,
             std::string name,
             incarnation node,
             task died,
             heard_to heard);

  /// Asks what is due.
  void turn();
  [[nodiscard]] actors::node_state state() const { return keeper_.state(); }

private:
  void ask(actors::lease_question what);
  void answered(actors::lease_question what, const reply& got);
  /// The keeper never compares its clock with another one.
  [[nodiscard]] time_point now() const { return owner_.local_now(); }

  stage& on_;
  process& owner_;
  std::string name_;
  incarnation node_;
  task died_;
  heard_to heard_;
  database_client client_;
  actors::lease_keeper keeper_;
  std::uint64_t turns_ = 0;
};

/// The lease rows of a database. `moment` is what the server's clock says.
struct lease_book {
  tables& in;
  time_point moment;
  std::uint32_t timeline;
  time_point server_started;
  broken_rule broken;

  /// Renews, or joins. False: the row is not of this incarnation.
  bool beat(const std::string& name, incarnation node, bool joins);
  [[nodiscard]] bool somebody_is_late(const std::string& name) const;
  /// Whom this judge declares dead; none where the leases may have lapsed for another reason.
  [[nodiscard]] std::vector<std::string> judge(const std::string& name, incarnation node);

private:
  void note_clock();
  [[nodiscard]] bool may_judge(const std::string& name, incarnation node) const;
};

} // namespace furrow::simulation
