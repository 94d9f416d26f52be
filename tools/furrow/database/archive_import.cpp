#include "storage/archive/frame_import.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/archive_files.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/progress.hpp"

#include <unistd.h>

#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr std::chrono::milliseconds between_attempts{200};

struct archive_import_options {
  std::string url;
  std::string farm;
  std::vector<std::string> paths;
};

/// Reads every file to its end before anything is stored: damage stops the whole import.
result<std::vector<std::pair<std::string, json>>>
sound_files(const archive_import_options& options) {
  std::vector<std::pair<std::string, json>> out;
  for (const auto& path : options.paths) {
    const auto files = files_of(path);
    if (!files)
      return files.error();
    for (const auto& file : files->files) {
      auto row = checked(file);
      if (!row.at("fault").is_null())
        return failure{errc::failed, fmt::format("{}: {}; nothing was stored", file.path,
                                                 row.at("fault").get<std::string>())};
      const auto farm = row.at("farm").get<std::string>();
      if (!farm.empty() && !options.farm.empty() && farm != options.farm)
        return failure{
          errc::usage,
          fmt::format("{}: belongs to farm {}, and --farm is only for files that name none; "
                      "nothing was stored",
                      file.path, farm)};
      out.emplace_back(file.path, std::move(row));
    }
  }
  return out;
}

class importer {
public:
  importer(storage::frame_return& to,
           const archive_import_options& options,
           std::chrono::milliseconds patience,
           progress& shown)
    : to_{to}, options_{options}, patience_{patience}, shown_{shown} {}

  result<json> take(const std::string& path, const json& facts) {
    sum_ = {};
    owner_ = {};
    std::optional<failure> why;
    const auto read = storage::read_archive(path, [&](const auto& head, const auto& runs) {
      why = put(head, runs);
      return !why;
    });
    if (why)
      return failure{why->code, fmt::format("{}: {}", path, why->detail)};
    if (!read)
      return failure{errc::failed, read.error().detail};
    if (facts.at("sha256") != read->sha256)
      return failure{errc::failed, path + ": the file changed while it was read"};
    json row = facts;
    row["farm"] = owner_.farm;
    row["stored"] = sum_.stored;
    row["known"] = sum_.known;
    row["noted"] = sum_.noted;
    row.erase("fault");
    return row;
  }

private:
  std::optional<failure> put(const storage::archive_head& head,
                             const std::vector<storage::frame_run>& runs) {
    if (owner_.equipment.empty()) {
      owner_ = {head.farm, head.equipment, head.stream_id, head.buses};
      if (auto nameless = name_farm())
        return nameless;
    }
    // Retries while retention, a sealer or a restarting server is in the way.
    const auto begun = std::chrono::steady_clock::now();
    auto stored = to_.put(owner_, runs);
    while (!stored && stored.code() == storage::errc::retry_later
           && std::chrono::steady_clock::now() - begun < patience_) {
      std::this_thread::sleep_for(between_attempts);
      stored = to_.put(owner_, runs);
    }
    if (!stored)
      return stopped_halfway(stored.error(), options_.url);
    sum_.stored += stored->stored;
    sum_.known += stored->known;
    sum_.noted += stored->noted;
    done_ += stored->stored + stored->known;
    shown_.at(done_);
    return std::nullopt;
  }

  /// A file of the first version names a farm only if it was exported with --farm.
  std::optional<failure> name_farm() {
    if (owner_.farm.empty())
      owner_.farm = options_.farm;
    if (!owner_.farm.empty())
      return std::nullopt;
    const auto known = to_.farm_of(owner_.equipment, owner_.stream_id);
    if (!known)
      return to_failure(known.error(), options_.url);
    if (known->empty())
      return failure{
        errc::usage,
        "the file names no farm, and the database does not know its stream: give --farm"};
    owner_.farm = *known;
    return std::nullopt;
  }

  storage::frame_return& to_;
  const archive_import_options& options_;
  const std::chrono::milliseconds patience_;
  progress& shown_;
  storage::frames_owner owner_;
  storage::return_outcome sum_;
  std::uint64_t done_ = 0;
};

result<int> import_archives(const globals& globals, const archive_import_options& options) {
  const auto files = sound_files(options);
  if (!files)
    return files.error();
  storage::store_options store;
  store.url = options.url;
  store.application_name = "furrow/cli";
  const auto to = storage::frame_return::open(store);
  if (!to)
    return to_failure(to.error(), options.url);
  std::uint64_t total = 0;
  for (const auto& [path, facts] : *files)
    total += facts.at("frames").get<std::uint64_t>();
  progress shown{total, ::isatty(STDERR_FILENO) != 0};
  importer work{**to, options, globals.timeout(), shown};
  json rows = json::array();
  table printed{{"FILE", "EQUIPMENT", "FRAMES", "STORED", "KNOWN BEFORE", "NOTED"}, {}};
  for (const auto& [path, facts] : *files) {
    auto row = work.take(path, facts);
    if (!row)
      return row.error();
    printed.rows.push_back({value_cell(row->at("file")), value_cell(row->at("equipment")),
                            number_cell(row->at("frames")), number_cell(row->at("stored")),
                            number_cell(row->at("known")), number_cell(row->at("noted"))});
    rows.push_back(std::move(*row));
  }
  if (shown.seconds() >= 1)
    shown.at(total, true);
  const auto output = print(rows, printed, globals.format());
  if (!output)
    return output.error();
  return 0;
}

} // namespace

void add_archive_import(CLI::App& archive, const globals& globals, int& exit_code) {
  auto* command =
    archive.add_subcommand("import", "import archived frames under their old numbers");
  auto options = std::make_shared<archive_import_options>();
  const auto* database = add_database_option(*command)->required();
  command->add_option("--farm", options->farm, "farm for files that name none");
  command->add_option("PATH", options->paths, "files, or folders of exports")->required();
  command->footer(
    "All files are checked first, as `furrow archive check` does. The existing files of an "
    "unfinished export are imported, and one line reports this. Stored frames are compared and not "
    "changed. Numbers that retention removed are stored again, and `expired` in the ledger goes "
    "down. A frame that differs from the stored frame of its number is rejected. Frames that a "
    "retention rule would remove again are rejected: change the rule first. After an interruption, "
    "run the same command again.\n"
    "A database without the stream gets it. Numbers that no file has count as expired.\n"
    "Examples:\n"
    "  furrow archive import t1-2025 --database postgresql://furrow@localhost/furrow\n"
    "  furrow archive import t1-2025 t1-2026 --database sqlite:old-seasons.db");
  command->callback([&globals, &exit_code, options, database] {
    options->url = url_of(database);
    exit_code = code_of(import_archives(globals, *options));
  });
}

} // namespace furrow::cli
