#include "can/logs/candump.hpp"
#include "storage/archive/file.hpp"
#include "storage/frames.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/archive_files.hpp"
#include "tools/furrow/database/archive_folder.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/time_option.hpp"
#include "tools/json/rfc3339.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t file_frames_max = 8'000'000; // about 40 MB
constexpr std::size_t text_bytes = 256U << 10U;

failure archive_failure(const storage::failure& why) {
  return {errc::failed, why.detail};
}

struct export_options {
  std::string url;
  std::string farm;
  std::string equipment;
  std::string from;
  std::string to;
  std::string folder;
};

/// Writes a temporary file and renames it when it is whole.
result<done> write_manifest(const fs::path& folder, const json& manifest) {
  const auto part = folder / (std::string{manifest_name} + ".part");
  {
    std::ofstream out{part, std::ios::trunc};
    out << manifest.dump(1) << '\n';
    if (!out.flush())
      return failure{errc::failed, part.string() + ": cannot be written"};
  }
  std::error_code failed;
  fs::rename(part, folder / manifest_name, failed);
  if (failed)
    return failure{errc::failed, part.string() + ": " + failed.message()};
  return done{};
}

/// Sorts the files by stream (in the database's order) and first number: added files follow the earlier ones of their
/// stream.
void in_order(json& files) {
  std::map<std::string, std::size_t> places;
  for (const auto& file : files)
    places.try_emplace(file.at("stream_id").get<std::string>(), places.size());
  const auto place = [&](const json& file) {
    return std::pair{places.at(file.at("stream_id").get<std::string>()),
                     file.at("seq_first").get<std::uint64_t>()};
  };
  std::stable_sort(files.begin(), files.end(),
                   [&](const json& a, const json& b) { return place(a) < place(b); });
}

/// Writes the frames of a machine into files.
class exporter {
public:
  /// `held`: the numbers in the files of the manifest, by stream.
  exporter(fs::path folder, json manifest, std::map<std::string, number_set> held)
    // Braces would make an array with one manifest.
    : folder_{std::move(folder)}, manifest_(std::move(manifest)), held_{std::move(held)} {
    for (const auto& file : manifest_.at("files"))
      frames_ += file.at("frames").get<std::uint64_t>();
    manifest_["complete"] = false; // on disk, too, from the first added file on
  }

  result<done> take(storage::frames_page page, const storage::frames_query& query) {
    if (page.runs.empty())
      return done{};
    if (page.stream_id != head_.stream_id || !begun_) {
      const auto ended = end_file();
      if (!ended)
        return ended.error();
      begun_ = true;
    }
    head_ = {query.farm, query.equipment, page.stream_id, std::move(page.buses)};
    const auto& held = held_[can::to_string(head_.stream_id)];
    for (const auto& run : page.runs)
      add_run(run, query, held);
    while (pending_frames_ >= storage::chunk_frames_max) {
      const auto written = write_chunk();
      if (!written)
        return written.error();
    }
    return done{};
  }

  result<done> finish() {
    const auto ended = end_file();
    if (!ended)
      return ended.error();
    manifest_["complete"] = true;
    manifest_["frames"] = frames_;
    return write_manifest(folder_, manifest_);
  }
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  [[nodiscard]] std::uint64_t added() const { return added_; }
  [[nodiscard]] const json& manifest() const { return manifest_; }

private:
  /// Adds the requested frames that no file has yet, in runs without a hole.
  void add_run(const storage::frame_run& run,
               const storage::frames_query& query,
               const number_set& held) {
    const auto from = query.from_us.value_or(std::numeric_limits<std::int64_t>::min());
    const auto to = query.to_us.value_or(std::numeric_limits<std::int64_t>::max());
    const auto wanted = [&](std::size_t i) {
      const auto time_us = run.block.time_us(i);
      return time_us >= from && time_us <= to && !held.has(run.seq_first + i);
    };
    for (std::size_t first = 0; first < run.block.size();) {
      auto last = first;
      while (last < run.block.size() && wanted(last))
        ++last;
      if (last > first) {
        storage::frame_run part;
        part.seq_first = run.seq_first + first;
        if (part.block.append(run.block, first, last - first)) {
          pending_frames_ += last - first;
          pending_.push_back(std::move(part));
        }
      }
      first = last + 1;
    }
  }

  result<done> write_chunk() {
    if (writer_ == nullptr) {
      name_ = fmt::format("{}-{:012}.furrow", can::to_string(head_.stream_id),
                          pending_.front().seq_first);
      auto created = storage::archive_writer::create((folder_ / name_).string(), head_);
      if (!created)
        return archive_failure(created.error());
      writer_ = std::move(*created);
    }
    const auto count = storage::chunk_runs(pending_);
    const auto chunk = storage::seal(std::span{pending_}.first(count));
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(count));
    pending_frames_ -= chunk.frames;
    frames_ += chunk.frames;
    added_ += chunk.frames;
    const auto added = writer_->add(chunk);
    if (!added)
      return archive_failure(added.error());
    if (::isatty(STDERR_FILENO) != 0)
      fmt::print(stderr, "\r{} frames", frames_);
    return writer_->totals().frames >= file_frames_max ? close_file() : result<done>{done{}};
  }

  result<done> close_file() {
    if (writer_ == nullptr)
      return done{};
    const auto facts = writer_->finish();
    writer_.reset();
    if (!facts)
      return archive_failure(facts.error());
    manifest_["files"].push_back(archive_json(name_, *facts));
    in_order(manifest_["files"]);
    return write_manifest(folder_, manifest_);
  }

  result<done> end_file() {
    while (!pending_.empty()) {
      const auto written = write_chunk();
      if (!written)
        return written.error();
    }
    return close_file();
  }

  const fs::path folder_;
  json manifest_;
  std::map<std::string, number_set> held_; // by stream
  storage::archive_head head_;
  bool begun_ = false;
  std::vector<storage::frame_run> pending_;
  std::size_t pending_frames_ = 0;
  std::unique_ptr<storage::archive_writer> writer_;
  std::string name_;
  std::uint64_t frames_ = 0;
  std::uint64_t added_ = 0; // frames added by this run
};

result<storage::frames_query> to_query(const export_options& options) {
  storage::frames_query query;
  query.farm = options.farm;
  query.equipment = options.equipment;
  for (const auto& [text, time] :
       {std::pair{&options.from, &query.from_us}, std::pair{&options.to, &query.to_us}}) {
    if (text->empty())
      continue;
    *time = json_rows::parse_time(*text);
    if (!*time)
      return failure{errc::usage, *text + ": invalid time (write times as 2026-05-01T06:30:00Z)"};
  }
  if (query.from_us && query.to_us && *query.from_us > *query.to_us)
    return failure{errc::usage, "--from " + options.from + " is after --to " + options.to};
  return query;
}

/// Returns a new manifest, or the manifest of an earlier export with the same selection.
result<json> open_manifest(const export_options& options, const fs::path& folder) {
  const json selection{{"farm", options.farm},
                       {"equipment", options.equipment},
                       {"from", options.from},
                       {"to", options.to}};
  auto manifest = read_manifest(folder);
  if (!manifest)
    return manifest.error();
  if (manifest->is_null())
    return json{{"format", 1},
                {"furrow", FURROW_VERSION},
                {"selection", selection},
                {"complete", false},
                {"files", json::array()}};
  const auto there = manifest->value("selection", json::object());
  for (const auto& [name, value] : selection.items()) // in any order
    if (!there.is_object() || there.value(name, json()) != value)
      return failure{errc::failed,
                     folder.string()
                       + ": holds an archive of another selection; name another folder"};
  return manifest;
}

/// Checks that this is the database of the files, or a copy that has all their frames. Only then may its other frames
/// be added.
result<done> check_same_database(storage::store& store,
                                 const storage::frames_query& query,
                                 const std::map<std::string, number_set>& held,
                                 const export_options& options,
                                 std::chrono::milliseconds timeout) {
  if (held.empty())
    return done{};
  const auto streams = wait_for<std::vector<storage::ledger_row>>(
    [&](auto done) { store.read_ledger(query.farm, query.equipment, std::move(done)); },
    options.url, timeout);
  if (!streams && streams.code() != errc::not_found)
    return streams.error();
  for (const auto& each : held) {
    const auto has = [&](const storage::ledger_row& row) {
      return can::to_string(row.stream_id) == each.first && row.durable >= each.second.highest();
    };
    if (!streams || std::none_of(streams->begin(), streams->end(), has))
      return failure{errc::failed,
                     options.folder
                       + ": holds frames of another database, or of a later state of this one; "
                         "name another folder"};
  }
  return done{};
}

/// Reads all requested frames and writes those that the files do not have; then the manifest is complete. Returns how
/// many frames it wrote.
result<std::uint64_t>
add_frames(const globals& globals, const export_options& options, json& manifest) {
  auto query = to_query(options);
  if (!query)
    return query.error();
  auto held = exported_numbers(options.folder, manifest);
  if (!held)
    return held.error();
  const auto store = open_directly(options.url);
  if (!store)
    return store.error();
  const auto farm =
    farm_with(**store, options.farm, options.equipment, options.url, globals.timeout());
  if (!farm)
    return farm.error();
  query->farm = *farm;
  const auto same = check_same_database(**store, *query, *held, options, globals.timeout());
  if (!same)
    return same.error();
  exporter work{options.folder, std::move(manifest), std::move(*held)};
  std::optional<storage::frames_cursor> cursor{std::in_place};
  while (cursor) {
    auto page = wait_for<storage::frames_page>(
      [&](auto done) { (*store)->frames()->read_frames(*query, *cursor, std::move(done)); },
      options.url, globals.timeout());
    if (!page)
      return page.error();
    cursor = page->next;
    const auto taken = work.take(std::move(*page), *query);
    if (!taken)
      return taken.error();
  }
  const auto finished = work.finish();
  if (!finished)
    return finished.error();
  if (::isatty(STDERR_FILENO) != 0)
    fmt::print(stderr, "\r{} frames in {} files\n", work.frames(),
               work.manifest().at("files").size());
  manifest = work.manifest();
  return work.added();
}

result<int> export_frames(const globals& globals, const export_options& options) {
  const auto query = to_query(options);
  if (!query)
    return query.error();
  const fs::path folder{options.folder};
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed)
    return failure{errc::failed, folder.string() + ": " + failed.message()};
  const auto lock = folder_lock::take(folder);
  if (!lock)
    return lock.error();
  auto manifest = open_manifest(options, folder);
  if (!manifest)
    return manifest.error();
  const auto added = add_frames(globals, options, *manifest);
  if (!added)
    return added.error();
  table shown{{"FILE", "FRAMES", "BYTES", "FROM", "TO"}, {}};
  for (const auto& file : manifest->at("files"))
    shown.rows.push_back({value_cell(file.at("file")), number_cell(file.at("frames")),
                          number_cell(file.at("bytes")), value_cell(file.at("time_first")),
                          value_cell(file.at("time_last"))});
  auto answer = *manifest;
  answer["added"] = *added;
  const auto printed = print(answer, shown, globals.format());
  if (!printed)
    return printed.error();
  if (globals.for_people())
    fmt::print(stderr, "furrow: {} frames added, {} in total\n", *added,
               manifest->at("frames").get<std::uint64_t>());
  return 0;
}

result<int> check(const globals& globals, const std::string& path) {
  const auto files = files_of(path);
  if (!files)
    return files.error();
  json rows = json::array();
  table shown{{"FILE", "FRAMES", "BYTES", "FAULT"}, {}};
  bool sound = files->finished;
  for (const auto& file : files->files) {
    auto row = checked(file);
    sound = sound && row["fault"].is_null();
    shown.rows.push_back({value_cell(row["file"]), number_cell(row["frames"]),
                          number_cell(row["bytes"]), value_cell(row["fault"])});
    rows.push_back(std::move(row));
  }
  const auto printed = print(rows, shown, globals.format());
  if (!printed)
    return printed.error();
  return sound ? 0 : static_cast<int>(errc::failed);
}

result<int> print_candump(const std::string& path) {
  const auto files = files_of(path);
  if (!files)
    return files.error();
  std::string text;
  for (const auto& file : files->files) {
    const auto read = storage::read_archive(file.path, [&](const auto& head, const auto& runs) {
      std::map<std::uint8_t, std::string> names;
      for (const auto& bus : head.buses)
        names[bus.bus] = bus.name;
      for (const auto& run : runs)
        for (std::size_t i = 0; i < run.block.size(); ++i) {
          const auto frame = run.block[i];
          const auto bus = frame.header.bus();
          const auto name = names.try_emplace(bus, fmt::format("can{}", bus)).first;
          can::append_candump(text, frame, name->second);
          if (text.size() < text_bytes)
            continue;
          if (!write_out(text))
            return false;
          text.clear();
        }
      return true;
    });
    if (!read)
      return archive_failure(read.error());
  }
  (void)write_out(text);
  const auto output = written();
  if (!output)
    return output.error();
  return 0;
}

} // namespace

void add_archive(CLI::App& app, const globals& globals, int& exit_code) {
  auto* group =
    app.add_subcommand("archive", "keep frames in compressed files, independent of the database");
  group->require_subcommand(1);
  auto* exporting = group->add_subcommand("export", "export a machine's frames to a folder");
  auto options = std::make_shared<export_options>();
  const auto* database = add_database_option(*exporting)->required();
  exporting->add_option("--farm", options->farm,
                        "farm; needed if several farms have a machine of this name");
  exporting->add_option("--equipment", options->equipment, "name of the machine")->required();
  add_time_option(*exporting, "--from", options->from, first_time_help);
  add_time_option(*exporting, "--to", options->to, last_time_help);
  exporting->add_option("DIR", options->folder, "folder; created if it does not exist")->required();
  exporting->footer(
    "A file gets its name when it is complete. After an interruption, or when there are newer "
    "frames, the same command adds the missing frames and says how many. manifest.json lists the "
    "content "
    "of each file. A folder belongs to one database and one selection. Only one export at a time "
    "writes into it.\n"
    "Example:\n"
    "  furrow archive export --database URL --equipment T1 --to 2026-01-01T00:00:00Z t1-2025");
  exporting->callback([&globals, &exit_code, options, database] {
    options->url = url_of(database);
    exit_code = code_of(export_frames(globals, *options));
  });

  add_archive_import(*group, globals, exit_code);

  auto path = std::make_shared<std::string>();
  auto* checking =
    group->add_subcommand("check", "check that files are whole and match the manifest");
  checking->add_option("PATH", *path, "a file, or the folder of an export")->required();
  checking->footer("Exit code 1 if a file is damaged, or if the export was not finished.\n"
                   "Example:\n  furrow archive check t1-2025");
  checking->callback([&globals, &exit_code, path] { exit_code = code_of(check(globals, *path)); });

  auto* printing = group->add_subcommand("cat", "print the frames as text of candump -L");
  printing->add_option("PATH", *path, "a file, or the folder of an export")->required();
  printing->footer("The text is byte for byte that of `furrow frames`.\n"
                   "Example:\n  furrow archive cat t1-2025 | zstd > t1-2025.log.zst");
  printing->callback([&exit_code, path] { exit_code = code_of(print_candump(*path)); });
}

} // namespace furrow::cli
