/// The schema's numbered steps, built into the program, and what a database that has some of them
/// needs.
///
/// Shape: storage/migrations/NNNN_what.sql (PostgreSQL) and
///   storage/migrations/sqlite/NNNN_what.sql, embedded by CMake. A file that has been released is
///   never edited: its SHA-256 is kept beside its number in the database.
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

/// What the database's own table says.
struct applied_migration {
  std::uint32_t number = 0;
  std::string name;
  std::string checksum;
};

/// Whether a program whose newest step is `newest_known` may go on over a step that it does not know: one that only adds,
/// or, as `contract_NNNN_what`, takes away what programs that know step NNNN no longer use.
[[nodiscard]] bool suits(std::string_view name, std::uint32_t newest_known);

/// One row for each migration that either side knows, by number; `fault` says what is unsound. A step of a newer program
/// that suits this one is applied and without a fault.
[[nodiscard]] std::vector<migration_row> compare(std::span<const migration> known,
                                                 const std::vector<applied_migration>& applied);

/// Why this program must not touch the schema; nothing when it may.
[[nodiscard]] std::optional<failure> refusal(const std::vector<migration_row>& rows);

} // namespace furrow::storage
