/// The store on one SQLite file: a node's embedded default, and the store of tests that need no
/// server.
///
/// Shape: a writing and a reading connection, each with its own thread, so that no query waits for
///   an append.
/// Errors, threads, limits: as storage/store.hpp; areas.hpp makes the areas.
#pragma once

#include "storage/store.hpp"

namespace furrow::storage {

/// Whether the path can name a database file.
[[nodiscard]] result<done> check_sqlite_path(const std::string& path);

/// `path` is a file name; memory databases are refused, they have only one connection and keep no
/// promise.
[[nodiscard]] result<std::unique_ptr<store>> open_sqlite_store(const std::string& path,
                                                               const store_options& options);

} // namespace furrow::storage
