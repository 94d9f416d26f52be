/// Goal: rollups and telemetry equal those of the log, with each value counted once, after any kills during the digest.
/// Method: a log of a real tractor is replayed at a multiple of its pace while the node is killed several times with
///   kill -9. Then the rollups must agree with `furrow decode`. Rollups and telemetry must be identical to those of
///   an undisturbed replay of the same log.
#pragma once

#include "tests/fault/rig.hpp"

namespace furrow::tests {

/// `beside`: a second node on the same database also runs a digest.
void digest_with_kills(rig& where, rig* beside, unsigned seed);

} // namespace furrow::tests
