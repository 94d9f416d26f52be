/// A SQLite database with data of every kind, and the answers of a store to every query, as lines.
#pragma once

#include "tests/storage/move/move_cluster.hpp"
#include "tests/storage/sqlite/sqlite_bed.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace furrow::tests {

[[nodiscard]] std::unique_ptr<storage::store> open_url(const std::string& url);

/// Two farms; streams with frames and records of every kind, quarantined and dropped items, items lost at the gateway
/// and expired ones; rollups and telemetry; machines, fields, users, tokens, rules.
void fill_with_everything(sqlite_bed& bed);
/// The stream that continues after a move: its owner, and its number of items.
inline constexpr unsigned copied_stream = 1;

/// The answers to every query of a store, in an order that both databases keep.
[[nodiscard]] std::vector<std::string> everything_in(storage::store& store);
void check_same_lines(const std::vector<std::string>& left, const std::vector<std::string>& right);

/// Every frame of a machine: number, time, header, payload.
[[nodiscard]] std::vector<std::string>
frames_in(storage::store& store, const std::string& farm, const std::string& equipment);

} // namespace furrow::tests
