/// Goal: rollups and telemetry are those of the log, each value counted once, whatever is killed while they are made.
/// Method: a log of a real tractor is replayed at a multiple of its pace while the node is killed several times with
///   kill -9; then the rollups must be what `furrow decode` says of the log, and both they and the telemetry must be, to
///   the last digit, those of the same log replayed at once by nobody disturbed.
#pragma once

#include "tests/fault/rig.hpp"

namespace furrow::tests {

/// `beside`: a second node on the same database, whose digest works all the time.
void digest_with_kills(rig& where, rig* beside, unsigned seed);

} // namespace furrow::tests
