/// The schema's numbered steps, built into the program, and which of them a database lacks.
///
/// Shape: storage/migrations/NNNN_what.sql (PostgreSQL) and
///   storage/migrations/sqlite/NNNN_what.sql, embedded by CMake. A released file is never edited:
///   the database keeps its SHA-256 with its number.
/// Threads: the lists are constant.
/// Source: storage/embed_migrations.cmake.
#pragma once

#include "storage/store.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace furrow::storage {

struct migration {
  std::uint32_t number = 0;
  std::string_view name;
  std::string_view sql;
};

[[nodiscard]] std::span<const migration> postgres_migrations();
[[nodiscard]] std::span<const migration> sqlite_migrations();

[[nodiscard]] std::string sha256_hex(std::string_view text);

/// A row of the database's table of migrations.
struct applied_migration {
  std::uint32_t number = 0;
  std::string name;
  std::string checksum;
};

/// Whether a program whose newest step is `newest_known` may use a database with a step that it does not know. It may
/// when the step only adds, or when the step (`contract_NNNN_what`) removes what programs with step NNNN no longer use.
[[nodiscard]] bool suits(std::string_view name, std::uint32_t newest_known);

/// One row for each migration of either side, by number; `fault` says what is wrong. A compatible step of a newer
/// program is applied and has no fault.
[[nodiscard]] std::vector<migration_row> compare(std::span<const migration> known,
                                                 const std::vector<applied_migration>& applied);

/// Why this program must not use the schema; absent when it may.
[[nodiscard]] std::optional<failure> refusal(const std::vector<migration_row>& rows);

} // namespace furrow::storage
