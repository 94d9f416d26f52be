#include "tools/furrow/database/archive_files.hpp"

#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>

namespace furrow::cli {

namespace fs = std::filesystem;

json archive_json(const std::string& file, const storage::archive_facts& facts) {
  return {{"file", file},
          {"farm", facts.head.farm},
          {"equipment", facts.head.equipment},
          {"stream_id", can::to_string(facts.head.stream_id)},
          {"frames", facts.totals.frames},
          {"chunks", facts.totals.chunks},
          {"seq_first", facts.seq_first},
          {"seq_last", facts.seq_last},
          {"time_first", json_rows::format_time(facts.time_first_us)},
          {"time_last", json_rows::format_time(facts.time_last_us)},
          {"bytes", facts.bytes},
          {"sha256", facts.sha256}};
}

result<json> read_manifest(const fs::path& folder) {
  std::ifstream in{folder / manifest_name};
  if (!in)
    return json(nullptr);
  auto manifest = json::parse(in, nullptr, false);
  if (!manifest.is_object() || !manifest.contains("files") || !manifest.at("files").is_array()
      || manifest.value("format", 0) != 1)
    return failure{errc::failed,
                   (folder / manifest_name).string() + ": this is not the manifest of an archive"};
  return manifest;
}

result<archive_files> files_of(const std::string& path) {
  if (!fs::is_directory(path))
    return archive_files{{{path, nullptr}}, true};
  const auto manifest = read_manifest(path);
  if (!manifest)
    return manifest.error();
  if (manifest->is_null())
    return failure{errc::not_found, path + ": has no " + manifest_name};
  archive_files out;
  out.finished = manifest->value("complete", false);
  for (const auto& file : manifest->at("files")) {
    const auto name = file.value("file", std::string{});
    if (name.empty() || name.find('/') != std::string::npos)
      return failure{errc::failed, path + ": its manifest has an invalid file name"};
    out.files.push_back({(fs::path{path} / name).string(), file});
  }
  if (!out.finished)
    fmt::print(stderr,
               "furrow: {}: its export was not finished, frames are missing: run it again\n", path);
  return out;
}

json checked(const named_file& file) {
  const auto facts = storage::read_archive(
    file.path, [](const auto& /*head*/, const auto& /*runs*/) { return true; });
  const auto name = fs::path{file.path}.filename().string();
  auto row = facts ? archive_json(name, *facts) : json{{"file", name}, {"frames", 0}, {"bytes", 0}};
  row["fault"] = nullptr;
  if (!facts)
    row["fault"] = facts.error().detail.starts_with(file.path + ": ")
                     ? facts.error().detail.substr(file.path.size() + 2)
                     : facts.error().detail;
  else if (!file.expected.is_null())
    for (const auto* what : {"sha256", "bytes", "frames", "seq_first", "seq_last", "stream_id"})
      if (row.at(what) != file.expected.value(what, json(nullptr)))
        row["fault"] = fmt::format("{} differs from the manifest", what);
  return row;
}

} // namespace furrow::cli
