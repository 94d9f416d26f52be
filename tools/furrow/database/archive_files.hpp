/// The files of an archive: what its manifest says of them, and whether they are what it says.
///
/// Errors: as exit_code.hpp; one line that names the file.
/// Threads: plain functions; block on the disk.
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

/// What a manifest says of a file.
[[nodiscard]] json to_json(const std::string& file, const storage::archive_facts& facts);
/// The manifest of a folder; null when there is none.
[[nodiscard]] result<json> read_manifest(const std::filesystem::path& folder);

struct named_file {
  std::string path;
  json expected; // null: there is no manifest to say
};
struct archive_files {
  std::vector<named_file> files;
  bool finished = true; // false: the export that made them has more to write
};
/// Files by name: those of a folder's manifest, or the file itself. Says on standard error when they are not all.
[[nodiscard]] result<archive_files> files_of(const std::string& path);

/// Reads a file to its end: what it holds, as in a manifest, with `fault`: null when it is whole and what is expected.
[[nodiscard]] json checked(const named_file& file);

} // namespace furrow::cli
