#include "proto/link_faults.hpp"

#include "link.pb.h"
#include "proto/fields.hpp"

namespace furrow::proto::link {

namespace {

constexpr std::uint32_t spn_max = 0x7'FFFF;
constexpr std::uint8_t fmi_max = 31;
constexpr std::uint8_t count_max = 127;

/// The bits of link.proto.
std::uint64_t packed(const machine_fault& fault) {
  return std::uint64_t{fault.bus} | std::uint64_t{fault.source} << 8U
         | std::uint64_t{fault.spn} << 16U | std::uint64_t{fault.fmi} << 35U
         | std::uint64_t{fault.count} << 40U | std::uint64_t{fault.previous} << 47U
         | std::uint64_t{fault.conversion_method} << 48U;
}

machine_fault unpacked(std::uint64_t bits) {
  const auto part = [bits](unsigned at, std::uint64_t mask) { return bits >> at & mask; };
  machine_fault fault;
  fault.bus = static_cast<std::uint8_t>(part(0, 0xFF));
  fault.source = static_cast<std::uint8_t>(part(8, 0xFF));
  fault.spn = static_cast<std::uint32_t>(part(16, spn_max));
  fault.fmi = static_cast<std::uint8_t>(part(35, fmi_max));
  fault.count = static_cast<std::uint8_t>(part(40, count_max));
  fault.previous = part(47, 1) != 0;
  fault.conversion_method = part(48, 1) != 0;
  return fault;
}

} // namespace

result<done> check_faults(const machine_row& row) {
  if (!row.faults)
    return done{};
  if (row.faults->size() > faults_max)
    return too_many("faults of a machine", row.faults->size(), faults_max);
  for (const auto& one : *row.faults)
    if (one.spn > spn_max || one.fmi > fmi_max || one.count > count_max)
      return failure{errc::limit, "a fault whose numbers are too large"};
  return done{};
}

void fill_faults(const std::vector<machine_fault>& faults, wire::link::Machine& to) {
  to.set_faults_known(true);
  for (const auto& one : faults) {
    to.add_fault(packed(one));
    to.add_fault_lamps(one.lamps);
    to.add_fault_since_us(one.since_us);
    to.add_fault_last_us(one.last_us);
  }
}

result<std::vector<machine_fault>> read_faults(const wire::link::Machine& from) {
  const auto count = from.fault_size();
  if (static_cast<std::size_t>(count) > faults_max)
    return too_many("faults of a machine", static_cast<std::size_t>(count), faults_max);
  if (from.fault_lamps_size() != count || from.fault_since_us_size() != count
      || from.fault_last_us_size() != count)
    return failure{errc::columns, "columns of faults with different lengths"};
  std::vector<machine_fault> faults;
  faults.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    auto& made = faults.emplace_back(unpacked(from.fault(i)));
    made.lamps = static_cast<std::uint16_t>(from.fault_lamps(i));
    made.since_us = from.fault_since_us(i);
    made.last_us = from.fault_last_us(i);
  }
  return faults;
}

} // namespace furrow::proto::link
