/// The functions that each database implements for maintenance.hpp.
///
/// Errors, threads: as maintenance.hpp.
#pragma once

#include "storage/maintenance.hpp"

#include <string>
#include <vector>

namespace furrow::storage {

/// The findings on the migrations, and the newest applied step.
[[nodiscard]] std::uint32_t add_migrations(const std::vector<migration_row>& rows,
                                           std::vector<finding>& out);

} // namespace furrow::storage

namespace furrow::storage::postgres_maintenance {
[[nodiscard]] result<std::vector<migration_row>>
migrate(const store_options& options, migration_wish wish, bool rehearse);
[[nodiscard]] result<std::string> timescale_version(const store_options& options);
[[nodiscard]] result<hypertables> make_hypertables(const store_options& options,
                                                   const hypertable_listener& told);
[[nodiscard]] result<std::vector<finding>> validate(const store_options& options);
[[nodiscard]] result<saved_file> backup(const store_options& options, const std::string& file);
[[nodiscard]] result<saved_file>
restore(const store_options& options, const std::string& file, bool replace);
} // namespace furrow::storage::postgres_maintenance

namespace furrow::storage::sqlite_maintenance {
[[nodiscard]] result<std::vector<migration_row>>
migrate(const std::string& path, const store_options& options, migration_wish wish, bool rehearse);
[[nodiscard]] result<std::vector<finding>> validate(const std::string& path,
                                                    const store_options& options);
[[nodiscard]] result<saved_file>
backup(const std::string& path, const store_options& options, const std::string& file);
[[nodiscard]] result<saved_file> restore(const std::string& path,
                                         const store_options& options,
                                         const std::string& file,
                                         bool replace);
} // namespace furrow::storage::sqlite_maintenance
