/// What home_stores.cpp keeps of a database other than main.
#pragma once

#include "storage/homes/home_stores.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

/// Why a node may not use the database.
[[nodiscard]] inline std::optional<failure> schema_fault(const database_row& row,
                                                         const std::vector<migration_row>& steps) {
  for (const auto& step : steps)
    if (!step.applied || !step.fault.empty())
      return failure{errc::misconfigured,
                     "the schema of the database " + row.name + " is not that of this program: "
                       + "migration " + std::to_string(step.number) + " " + step.name + ": "
                       + (step.fault.empty() ? "not applied; `furrow db migrate` with its URL "
                                               "applies it"
                                             : step.fault)};
  return std::nullopt;
}

/// A database other than main.
struct home_slot {
  enum class state : std::uint8_t { checking, open, failed };
  /// A database that could not be used is not tried more often.
  static constexpr std::chrono::seconds retry_after{1};
  /// Nobody waits longer for one that is being checked, and after a while people are told.
  static constexpr std::chrono::seconds check_patience{1};
  static constexpr std::chrono::seconds check_told_after{5};

  database_row row;
  std::unique_ptr<storage::store> opened;
  storage::store* store = nullptr; // the same; read by the check alone, and never reset
  state now = state::checking;
  home_stores::home as; // of one that is open
  failure why;
  std::chrono::steady_clock::time_point failed_at{};
  std::chrono::steady_clock::time_point checking_since{};
  std::vector<handler<home_stores::home>> waiting;
};

[[nodiscard]] inline failure unanswered(const std::string& database) {
  return {errc::retry_later, "the database " + database + " has not answered yet"};
}

/// Why a node does without the database now, if people are to know it.
[[nodiscard]] inline std::optional<failure> why_unusable(
  const home_slot& one, const std::string& name, std::chrono::steady_clock::time_point now) {
  if (one.now == home_slot::state::open)
    return std::nullopt;
  if (!one.why.detail.empty())
    return one.why;
  if (now - one.checking_since > home_slot::check_told_after)
    return unanswered(name);
  return std::nullopt;
}

[[nodiscard]] inline failure lists_databases(const home_slot& one) {
  return {errc::misconfigured,
          "the database " + one.row.name
            + " lists databases itself, as the main database of nodes does: is its URL that of "
              "main?"};
}

} // namespace furrow::storage
