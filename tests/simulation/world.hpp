/// A whole simulated fleet: gateways, nodes, a database, the network between them, and troubles; one thread, one seed.
///
/// Shape: `plan_of` draws the world and its troubles from the seed. The world runs with troubles for some virtual
///   seconds, then everything is mended (a node may stay frozen for ever), and everything that was numbered must become
///   durable, with pauses of `settle_limit` at most. After every step the oracle must have found nothing.
///   scheduler, network    virtual time, chance, processes, links           oracle     the invariants
///   gateway, spool_model  uplink_protocol and node_list, over a disk       troubles   the faults
///   node, lane, desk      stream_intake, append_queue, append_plan, claim_queue
///   membership            lease_keeper, and the lease rows
///   database, server      rows, keys, locks, log, standby, failover
/// Threads: one.
/// Source: docs/guarantees.md.
#pragma once

#include "tests/simulation/database/database.hpp"
#include "tests/simulation/gateway.hpp"
#include "tests/simulation/node.hpp"
#include "tests/simulation/stage/stage.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace furrow::simulation {

struct world_plan {
  std::uint64_t seed = 1;
  broken_rule broken = broken_rule::none;
  std::size_t nodes = 3;
  std::size_t gateways = 4;
  node_options node{};
  gateway_options gateway{};
  database_options database{};
  milliseconds troubled{20'000};
  milliseconds between_troubles{800}; // on average
  bool leaves_one_frozen = false;
};
[[nodiscard]] world_plan plan_of(std::uint64_t seed, broken_rule broken = broken_rule::none);
/// What kind of world it is, in one line.
[[nodiscard]] std::string to_string(const world_plan& plan);

struct world_result {
  std::optional<violation> found;
  std::uint64_t steps = 0;
  std::uint64_t items = 0;    // numbered
  std::uint64_t troubles = 0; // begun
  std::uint64_t failovers = 0;
  std::uint64_t forks = 0;
  std::uint64_t moves = 0;
  milliseconds settled_after{0};
};

class world {
public:
  static constexpr milliseconds settle_limit{
    60'000}; // after the last fault, or the last stored item
  static constexpr milliseconds settle_longest{600'000}; // in all

  explicit world(const world_plan& plan, std::function<void(const std::string&)> trace = {});
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  ~world();

  [[nodiscard]] world_result run();

  world_plan plan;
  stage on;
  database db;
  std::vector<std::unique_ptr<node>> nodes;
  std::vector<std::unique_ptr<gateway>> gateways;
  node* left_frozen = nullptr; // for ever
  std::uint64_t moves = 0;     // of machines, that people have asked for

  void note(const std::string& what);

private:
  void run_until(time_point end);
  bool settle();
  void mend();
  void restart_dead();
  void check_acked(const spool_model& spool, std::uint64_t from, std::uint64_t to);
  void check_promoted();
  void check_complete();
  [[nodiscard]] bool is_buried() const;
  [[nodiscard]] bool is_placed(const gateway& one) const;
  [[nodiscard]] bool is_settled() const;
  [[nodiscard]] bool everyone_is_placed() const;
  [[nodiscard]] std::uint64_t stored_items();
  void check_judged(const server& by, const std::string& name);
  void check_replaced(const server& old,
                      const can::stream_id& stream,
                      std::uint64_t from,
                      std::uint64_t to);
  void check_held();
  [[nodiscard]] bool may_lose() const {
    return plan.database.standby && !plan.database.synchronous;
  }
  [[nodiscard]] bool complete(const gateway& one) const;

  time_point begin_;
  std::map<can::stream_id, std::uint64_t> acked_;
  std::map<can::stream_id, std::set<item_code>> taken_in_vain_; // by a server that was replaced
};

} // namespace furrow::simulation
