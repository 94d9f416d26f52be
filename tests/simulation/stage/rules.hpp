/// The rules of the design that a simulated world may break on purpose: the simulation must notice each.
///
/// Shape: each is a switch of the model around the decisions, never of the decisions.
/// Source: docs/guarantees.md, docs/decisions/0001-one-recovery-path.md.
#pragma once

#include <cstdint>

namespace furrow::simulation {

enum class broken_rule : std::uint8_t {
  none,
  ack_before_commit,        // a lane answers "committed" when it has sent the rows
  compare_without_epoch,    // the compare-and-set looks at the watermark alone
  claim_again_when_fenced,  // a node that another incarnation has fenced claims again
  judge_without_grace,      // a node is declared dead right after the database was away
  judge_across_timeline,    // ... by leases that a failover has taken back
  no_reaper,                // nobody ends the session of a client that is frozen inside COPY
  claim_before_replication, // a claim answers before the standby has what it read
  epoch_without_timeline,   // after a failover epochs count on from what the standby had
  lease_by_node_clock, // a lease ends by the clock of the node that asks, however far it is ahead
  lease_of_old_clock,  // a lease stands until then, when the clock of the server has gone back
  replaced_goes_on,    // a primary that was replaced goes on alone
  idle_never_asks,     // an idle stream does not ask after a failover what the database holds
  target_takes_first,  // a farm that moves is admitted at the target before it has left the source
  admit_unasked,       // ... without asking whether the source, after a failover, has still left
  relay_ack_is_final,  // a site takes what its relay has sent for durable at head office
};

} // namespace furrow::simulation
