/// Goal: rollups and telemetry equal those of the log, with each value counted once, after any kills during the digest.
/// Method: a log of a real tractor is replayed at a multiple of its pace while the node is killed several times with
///   kill -9. Then the rollups must agree with `furrow decode`. Rollups and telemetry must be identical to those of
///   an undisturbed replay of the same log.
#pragma once

#include "tests/fault/rig.hpp"

namespace furrow::tests {

/// `beside`: a second node on the same database also runs a digest.
void digest_with_kills(rig& where, rig* beside, unsigned seed);

/// A machine sends and leaves, its node is killed with kill -9 and started again: HTTP shows the machine's last state from
/// the database, with its age.
void last_state_after_a_kill(rig& where);

} // namespace furrow::tests
