/// The columns of a kind of records in both databases, where they are more than its fields.
///
/// Shape: an amount is two columns: whole things, and `NAME_fraction`, which is added to them. So a program that knows whole
///   things only goes on writing and reading them.
/// Threads: plain functions.
#pragma once

#include "can/records/body.hpp"
#include "can/records/kind.hpp"

#include <string>
#include <vector>

namespace furrow::storage {

/// After stream, seq, equipment_id and time, in order.
[[nodiscard]] std::vector<std::string> record_columns(const can::record_kind& kind);

/// The values of these columns.
[[nodiscard]] can::record_values column_values(const can::record_kind& kind,
                                               const can::record_values& fields);

/// An amount from its two columns.
[[nodiscard]] can::record_value amount_of(std::int64_t whole, double fraction);

} // namespace furrow::storage
