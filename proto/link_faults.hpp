/// The faults of a machine's row between two nodes, as columns of link.proto.
///
/// Errors: as link.hpp.
/// Threads: pure functions.
/// Limits: faults_max faults of a machine; the numbers of J1939-73.
#pragma once

#include "proto/link.hpp"

#include <vector>

namespace furrow::wire::link {
class Machine;
} // namespace furrow::wire::link

namespace furrow::proto::link {

[[nodiscard]] result<done> check_faults(const machine_row& row);
void fill_faults(const std::vector<machine_fault>& faults, wire::link::Machine& to);
[[nodiscard]] result<std::vector<machine_fault>> read_faults(const wire::link::Machine& from);

} // namespace furrow::proto::link
