#include "tools/furrow/export/export_run.hpp"

#include "can/records/kind.hpp"
#include "can/text/time.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/export/part_file.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/progress.hpp"
#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <utility>

namespace furrow::cli {

namespace {

namespace fs = std::filesystem;

std::atomic<bool> export_stopped{false};

void stop_export(int) {
  export_stopped = true;
}

/// The first signal ends the export in good order, the second one at once.
void listen_to_signals() {
  struct sigaction action {};
  action.sa_handler = stop_export;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

result<export_format> format_of(const export_request& options) {
  const auto& said = options.format.empty() ? options.file : options.format;
  if (const auto known = export_format_named(said))
    return *known;
  if (options.file == "-")
    return failure{errc::usage, "standard output has no name: add --format csv, jsonl or parquet"};
  return failure{errc::usage, options.file
                                + ": the end of the name does not say a format: .csv, .jsonl or "
                                  ".parquet (or add --format)"};
}

result<std::optional<std::int64_t>> moment_of(const std::string& text) {
  if (text.empty())
    return std::optional<std::int64_t>{};
  const auto moment = json_rows::parse_time(text);
  if (!moment)
    return failure{errc::usage, text + ": invalid time (write times as 2026-05-01T06:30:00Z)"};
  return moment;
}

/// What makes two exports the same.
json selection_of(const export_request& options, export_format format) {
  return {{"furrow", FURROW_VERSION},       {"database", storage::redacted(options.url)},
          {"kind", options.kind},           {"farm", options.farm},
          {"equipment", options.equipment}, {"from", options.typed_from},
          {"to", options.typed_to},         {"signals", options.signals.names},
          {"wide", options.signals.wide},   {"format", to_string(format)}};
}

result<std::unique_ptr<row_reader>> make_reader(const export_source& source,
                                                const export_request& options) {
  if (options.kind == "signals")
    return signal_reader(source, options.signals);
  if (options.kind == "telemetry")
    return telemetry_reader(source);
  if (options.kind == "frames")
    return frame_reader(source);
  if (options.kind == "faults")
    return bus_fault_reader(source);
  return record_reader(source, can::find_record_kind(options.kind)->number);
}

/// Where the bytes go: a file that grows, or standard output.
class export_output {
public:
  explicit export_output(std::optional<part_file> file) : file_{std::move(file)} {}

  /// False: nobody reads standard output any more.
  result<bool> write(std::string_view bytes) {
    if (file_) {
      const auto wrote = file_->write(bytes);
      return wrote ? result<bool>{true} : wrote.error();
    }
    const bool all = write_out(bytes);
    bytes_ += bytes.size();
    const auto outcome = written();
    return outcome ? result<bool>{all} : outcome.error();
  }
  [[nodiscard]] std::uint64_t bytes() const { return file_ ? file_->bytes() : bytes_; }
  [[nodiscard]] part_file* file() { return file_ ? &*file_ : nullptr; }

private:
  std::optional<part_file> file_;
  std::uint64_t bytes_ = 0;
};

/// Copies rows from a reader to the output until nothing is left.
class export_work {
public:
  export_work(const export_request& options,
              export_format format,
              row_reader& reader,
              export_output output,
              json kept)
    : options_{options}, reader_{reader}, writer_{make_row_writer(format, reader.columns())},
      output_{std::move(output)}, kept_(std::move(kept)),
      resumable_{format != export_format::parquet}, progress_{"export", options.file == "-"} {}

  /// `rows`: in the file already; nothing is before them then.
  result<int> run(std::optional<std::uint64_t> rows) {
    rows_ = rows.value_or(0);
    parquet::rows batch{reader_.columns(), writer_->rows_max()};
    std::string bytes;
    if (!rows)
      writer_->begin(bytes);
    for (bool more = true; more;) {
      batch.clear();
      const auto read = reader_.read(batch);
      if (!read)
        return with_next_step(read.error());
      more = *read;
      writer_->add(bytes, batch);
      if (!more)
        writer_->end(bytes);
      const auto wrote = output_.write(bytes);
      if (!wrote) {
        keep();
        return wrote.error();
      }
      if (!*wrote)
        return 0;
      bytes.clear();
      note(batch);
      if (more && export_stopped)
        return stopped();
      if (std::chrono::steady_clock::now() - kept_at_ > std::chrono::seconds{1})
        keep();
    }
    return finish();
  }

private:
  /// The batch is written.
  void note(const parquet::rows& batch) {
    rows_ += batch.size();
    if (batch.size() != 0)
      last_us_ = batch[0].integers().back(); // the first column is a time
    if (output_.file() != nullptr && resumable_) {
      kept_["rows"] = rows_;
      kept_["bytes"] = output_.bytes();
      kept_["position"] = reader_.position();
    }
    progress_.at([&] {
      return fmt::format("{} rows, {:.1f} MB, up to {}", rows_,
                         static_cast<double>(output_.bytes()) / 1e6,
                         can::text::format_time(last_us_, 1));
    });
  }

  /// Saves where the export goes on.
  void keep() {
    if (kept_.contains("position") && !kept_.at("position").is_null())
      output_.file()->keep(kept_);
    kept_at_ = std::chrono::steady_clock::now();
  }

  [[nodiscard]] std::string next_step() {
    if (output_.file() == nullptr)
      return {};
    return fmt::format(
      "; {} has {} rows: the same command with --resume {}", output_.file()->name(), rows_,
      resumable_ && !reader_.position().is_null() ? "goes on after them" : "begins again");
  }

  result<int> with_next_step(failure why) {
    progress_.end();
    keep();
    why.detail += next_step();
    return why;
  }

  result<int> stopped() { return with_next_step({errc::failed, "stopped before the end"}); }

  result<int> finish() {
    progress_.end();
    if (output_.file() != nullptr) {
      const auto whole = output_.file()->finish();
      if (!whole)
        return whole.error();
      fmt::print(stderr, "furrow: {}: {} rows, {} bytes\n", options_.file, rows_, output_.bytes());
    }
    if (const auto remark = reader_.remark(); !remark.empty())
      fmt::print(stderr, "furrow: {}\n", remark);
    return 0;
  }

  const export_request& options_;
  row_reader& reader_;
  std::unique_ptr<row_writer> writer_;
  export_output output_;
  json kept_; // with the selection
  bool resumable_;
  work_progress progress_;
  std::uint64_t rows_ = 0;
  std::int64_t last_us_ = 0;
  std::chrono::steady_clock::time_point kept_at_ = std::chrono::steady_clock::now();
};

/// The position of an unfinished export of the same selection; null: it begins at the start.
result<json> kept_of(const export_request& options, const json& selection) {
  if (!options.resume)
    return json();
  auto kept = part_file::kept(options.file);
  if (kept.is_null()) {
    fmt::print(stderr,
               "furrow: {}.part: there is nothing to go on with; the export begins at the "
               "start\n",
               options.file);
    return kept;
  }
  if (kept.value("selection", json()) != selection)
    return failure{errc::failed,
                   options.file
                     + ".part: holds another selection; repeat its command, or begin again with "
                       "--force"};
  return kept;
}

/// Whether the file may be written; nothing is changed yet.
result<done> check_file(const export_request& options, export_format format) {
  if (options.file == "-")
    return options.resume ? result<done>{failure{errc::usage, "--resume needs a file"}}
                          : result<done>{done{}};
  std::error_code none;
  if (fs::is_directory(options.file, none))
    return failure{errc::failed, options.file + ": is a folder; name a file"};
  if (!options.force && fs::exists(options.file, none))
    return failure{errc::failed, options.file + ": is there already; --force replaces it"};
  if (options.resume && (format == export_format::parquet || options.kind == "faults"))
    fmt::print(stderr, "furrow: {}.part: {}; the export begins at the start\n", options.file,
               format == export_format::parquet ? "a Parquet file is readable only with its end"
                                                : "faults change");
  return done{};
}

result<export_output> open_output(const export_request& options, const json& kept) {
  if (options.file == "-")
    return export_output{std::nullopt};
  auto file = kept.is_null()
                ? part_file::create(options.file, options.force || options.resume)
                : part_file::reopen(options.file, kept.at("bytes").get<std::uint64_t>());
  if (!file)
    return file.error();
  return export_output{std::move(*file)};
}

} // namespace

result<int> run_export(const export_request& options, std::chrono::milliseconds timeout) {
  const auto format = format_of(options);
  if (!format)
    return format.error();
  const auto allowed = check_file(options, *format);
  if (!allowed)
    return allowed.error();
  const auto selection = selection_of(options, *format);
  const bool from_start = *format == export_format::parquet || options.kind == "faults";
  const auto kept = from_start ? result<json>{json()} : kept_of(options, selection);
  if (!kept)
    return kept.error();
  // Words such as -1h mean what they meant when the export began.
  const auto said = [&](const char* name, const std::string& now) {
    return kept->is_null() ? now : kept->value(name, now);
  };
  const auto from = said("from", options.from);
  const auto to = said("to", options.to);
  const auto from_us = moment_of(from);
  const auto to_us = moment_of(to);
  if (!from_us || !to_us)
    return !from_us ? from_us.error() : to_us.error();
  if (*from_us && *to_us && **from_us > **to_us)
    return failure{errc::usage, "--from " + from + " is after --to " + to};
  const auto store = open_directly(options.url, "furrow/export");
  if (!store)
    return store.error();
  const auto farm = farm_with(**store, options.farm, options.equipment, options.url, timeout);
  if (!farm)
    return farm.error();
  const export_source source{**store,           options.url, timeout, *farm,
                             options.equipment, *from_us,    *to_us};
  const auto reader = make_reader(source, options);
  if (!reader)
    return reader.error();
  std::optional<std::uint64_t> rows;
  if (!kept->is_null()) {
    if (!(*reader)->go_on(kept->at("position")))
      return failure{errc::failed,
                     options.file + ".part: its position is not understood; use --force"};
    rows = kept->at("rows").get<std::uint64_t>();
  }
  auto output = open_output(options, *kept);
  if (!output)
    return output.error();
  listen_to_signals();
  return export_work{options, *format, **reader, std::move(*output),
                     json{{"selection", selection}, {"from", from}, {"to", to}}}
    .run(rows);
}

} // namespace furrow::cli
