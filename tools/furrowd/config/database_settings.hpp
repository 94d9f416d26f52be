/// The command line settings of the database: connection pool, time-outs, slow statements.
///
/// Shape: a profile sets all of them; a flag that is given replaces one.
/// Errors: one line that names the flag.
/// Threads: at start only.
#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/App.hpp>

namespace furrow::daemon {

struct database_flags {
  std::string profile = "production";
  std::optional<unsigned> min, max, overflow, attempts;
  std::optional<std::int64_t> overflow_after_ms, acquire_timeout_ms, recycle_s, ping_after_ms;
  std::optional<std::int64_t> check_interval_s, idle_s, backoff_min_ms, backoff_max_ms;
  std::optional<std::int64_t> connect_timeout_ms, lock_timeout_ms, statement_timeout_ms,
    append_timeout_ms;
  std::optional<std::int64_t> slow_statement_ms;
};

/// Adds the options to `app`. `flags` must outlive the parsing.
void add_database_flags(CLI::App& app, database_flags& flags);
/// Copies the flags into `options`. Returns an error line when the values contradict each other.
[[nodiscard]] std::optional<std::string> apply(const database_flags& flags,
                                               storage::store_options& options);

/// The values in force of the flags that have their default from the profile, by key.
[[nodiscard]] std::vector<std::pair<std::string, std::string>>
values_of(const storage::store_options& options);

} // namespace furrow::daemon
