/// Sums of the tokens that agents have used, by agent, model and day or month.
///
/// Shape: rows in the order of start, agent, model (by bytes). A page begins after the last row of the previous page.
/// Units: microseconds since 1970; tokens; US dollars.
/// Errors: not_found for an unknown machine; reject_row for an unknown time zone; retry_later for a query that takes too
///   long. Else as storage/store.hpp.
/// Threads: plain values.
/// Limits: token_sums_max rows in a page.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace furrow::storage {

inline constexpr std::size_t token_sums_max = 10'000;

/// `whole`: one row for each agent and model.
enum class sum_period : std::uint8_t { day = 0, month = 1, whole = 2 };

struct token_sums_cursor {
  std::int64_t start_us = 0;
  std::string agent;
  std::string model;
};

struct token_sums_wish {
  std::string farm;
  std::string equipment;             // empty: every machine of the farm
  std::vector<std::string> machines; // of these only; empty: of all
  std::int64_t from_us = 0;          // both ends included
  std::int64_t to_us = std::numeric_limits<std::int64_t>::max();
  std::string agent; // empty: every agent
  std::string model; // empty: every model
  sum_period by = sum_period::day;
  std::string zone; // of days and months: a time zone, or "farm" for the farm's; empty: UTC
  std::size_t limit = 1'000;
  std::optional<token_sums_cursor> after = {};
};

struct token_sum {
  std::int64_t start_us = 0; // of the day or month; 0 for `whole`
  std::string agent;
  std::string model;
  std::uint64_t records = 0;
  double prompt_tokens = 0;
  double completion_tokens = 0;
  std::optional<double> cost_usd; // nothing: no record has a cost
};

struct token_sums {
  std::vector<token_sum> rows;
  std::optional<token_sums_cursor> next;
};

} // namespace furrow::storage
