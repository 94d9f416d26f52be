/// A SQLite database with something of everything, and all that a store says of what it holds, as lines.
#pragma once

#include "tests/storage/move/move_cluster.hpp"
#include "tests/storage/sqlite/sqlite_bed.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace furrow::tests {

[[nodiscard]] std::unique_ptr<storage::store> open_url(const std::string& url);

/// Two farms; streams with frames of every kind, records of every kind, what is quarantined, dropped, lost at the gateway
/// and let go by retention; rollups and telemetry; machines, fields, users, tokens, rules.
void fill_with_everything(sqlite_bed& bed);
/// The stream that goes on after a move: its number's owner, and how many items it has.
inline constexpr unsigned copied_stream = 1;

/// Whatever can be asked of a store, in an order that both databases keep.
[[nodiscard]] std::vector<std::string> everything_in(storage::store& store);
void check_same_lines(const std::vector<std::string>& left, const std::vector<std::string>& right);

/// Every frame of a machine: number, time, header, payload.
[[nodiscard]] std::vector<std::string>
frames_in(storage::store& store, const std::string& farm, const std::string& equipment);

} // namespace furrow::tests
