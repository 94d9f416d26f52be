/// The files of an archive: reads the manifest and checks the files against it.
///
/// Errors: as in exit_code.hpp; one line that names the file.
/// Threads: plain functions; they block on the disk.
/// Source: storage/archive/file.hpp.
#pragma once

#include "storage/archive/file.hpp"
#include "tools/furrow/client.hpp"
#include "tools/furrow/exit_code.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::cli {

inline constexpr const char* manifest_name = "manifest.json";

/// Returns the entry of a file in the manifest.
[[nodiscard]] json archive_json(const std::string& file, const storage::archive_facts& facts);
/// Reads the manifest of a folder; null if there is none.
[[nodiscard]] result<json> read_manifest(const std::filesystem::path& folder);

struct named_file {
  std::string path;
  json expected; // null: there is no manifest
};
struct archive_files {
  std::vector<named_file> files;
  bool finished = true; // false: the export was not finished
};
/// Returns the files in a folder's manifest, or the single file. Prints a warning if the export was not finished.
[[nodiscard]] result<archive_files> files_of(const std::string& path);

/// Reads a file to its end. Returns its manifest entry with `fault`, which is null if the file is whole and as
/// expected.
[[nodiscard]] json checked(const named_file& file);

} // namespace furrow::cli
