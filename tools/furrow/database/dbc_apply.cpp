#include "can/live/stream_digest.hpp"
#include "storage/dbc/dbc_files.hpp"
#include "storage/dbc/signal_rows.hpp"
#include "storage/digest_store.hpp"
#include "storage/frames.hpp"
#include "tools/furrow/commands.hpp"
#include "tools/furrow/database/database_option.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/furrow/output.hpp"
#include "tools/furrow/progress.hpp"
#include "tools/furrow/time_option.hpp"
#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr std::int64_t slice_us =
  6 * 3'600'000'000LL; // whose rollups are exchanged in one transaction
constexpr std::int64_t lead_us =
  60'000'000;                   // before a slice: messages of several frames that end in it
constexpr int attempts_max = 5; // of a slice, while the digest goes on meanwhile
constexpr std::chrono::minutes apply_timeout{10};

struct apply_options {
  std::string url;
  std::string farm;
  std::string equipment;
  std::string from;
  std::string to;
};

/// What people's own files define for the machine.
struct own_plan {
  std::shared_ptr<const can::decode_plan> plan;
  std::vector<storage::digest_signal> signals; // by their numbers in the plan
  std::size_t files = 0;
};

result<own_plan> own_plan_of(const storage::active_dbc& active,
                             const std::string& farm,
                             const std::string& equipment) {
  std::vector<can::dbc_file> files; // the closest first
  for (const auto& stored : active.files) {
    if (!storage::applies_to(stored, farm, equipment))
      continue;
    auto file = storage::parse_stored(stored);
    if (!file)
      return failure{errc::failed, fmt::format("{} ({}): {}", printable(stored.name), stored.id,
                                               file.error().detail)};
    files.push_back(std::move(*file));
  }
  if (files.empty())
    return failure{errc::not_found,
                   fmt::format("no active DBC file is for {}/{}; `furrow dbc list` shows the files",
                               printable(farm), printable(equipment))};
  std::vector<const can::dbc_file*> pointers;
  for (const auto& one : files)
    pointers.push_back(&one);
  auto plan = can::decode_plan::compile(pointers);
  if (!plan)
    return failure{errc::failed, plan.error().detail};
  auto signals = storage::digest_signals_of(pointers, *plan);
  return own_plan{std::make_shared<const can::decode_plan>(std::move(*plan)), std::move(signals),
                  files.size()};
}

/// One time: all of it is read and decoded, then its rollups are exchanged.
class rollup_maker {
public:
  rollup_maker(storage::store& store, const apply_options& options, own_plan own)
    : store_{store}, options_{options}, own_{std::move(own)} {}

  result<done> begin() {
    auto ids = ask<std::vector<std::int32_t>>(
      [&](auto done) { store_.digest()->signal_ids(own_.signals, std::move(done)); });
    if (!ids)
      return ids.error();
    ids_ = std::move(*ids);
    return done{};
  }

  /// False: the digest goes on faster than this.
  result<bool> make(std::int64_t from_us, std::int64_t to_us) {
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
      auto places = ask<storage::machine_places>([&](auto done) {
        store_.digest()->places(options_.farm, options_.equipment, std::move(done));
      });
      if (!places)
        return places.error();
      storage::rollups_again made{places->equipment, {}, ids_, {}, {}};
      if (const auto read = read_slice(*places, from_us, to_us, made); !read)
        return read.error();
      const auto count = made.rows.size();
      made.places = std::move(places->streams);
      const auto all = std::make_shared<const storage::rollups_again>(std::move(made));
      const auto kept =
        ask<bool>([&](auto done) { store_.digest()->replace(all, std::move(done)); });
      if (!kept)
        return kept.error();
      if (*kept) {
        rows_ += count;
        return true;
      }
    }
    return false;
  }

  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  [[nodiscard]] std::uint64_t rows() const { return rows_; }

private:
  template <class T, class Start>
  result<T> ask(Start start) const {
    return wait_for<T>(start, options_.url, apply_timeout);
  }

  /// The digest's own way with the frames of one stream, and nothing but people's own signals.
  struct stream_work {
    explicit stream_work(const own_plan& own) : sums{own.plan} { digest.add(sums); }
    can::stream_digest digest{std::make_shared<const can::decode_plan>(), {}};
    can::own_rollups sums;
  };

  /// The minutes from `from_us` to `to_us`, and their rollups.
  result<done> read_slice(const storage::machine_places& places,
                          std::int64_t from_us,
                          std::int64_t to_us,
                          storage::rollups_again& out) {
    const auto wanted = [&](std::int64_t minute) { return minute >= from_us && minute < to_us; };
    std::set<std::int64_t> minutes;
    std::optional<can::stream_id> stream;
    std::unique_ptr<stream_work> work;
    const auto take = [&] {
      if (!work)
        return;
      (void)work->digest.take();
      for (auto row : work->sums.rows())
        if (wanted(row.minute_us)) {
          row.signal = static_cast<std::uint32_t>(ids_[row.signal]);
          out.rows.push_back(row);
        }
    };
    for (std::optional<storage::frames_cursor> cursor{std::in_place}; cursor;) {
      auto page = ask<storage::frames_page>([&](auto done) {
        store_.frames()->read_frames(
          {options_.farm, options_.equipment, from_us - lead_us, to_us - 1}, *cursor,
          std::move(done));
      });
      if (!page)
        return page.error();
      if (!page->runs.empty() && stream != page->stream_id) {
        take();
        work = std::make_unique<stream_work>(own_);
        stream = page->stream_id;
      }
      const auto last = digested(places, page->stream_id);
      for (const auto& run : page->runs) {
        work->digest.take_frames(run.seq_first, run.block, last);
        for (std::size_t i = 0; i < run.block.size() && run.seq_first + i <= last; ++i)
          if (const auto minute = can::minute_of(run.block.time_us(i)); wanted(minute))
            minutes.insert(minute);
        frames_ += run.block.size();
      }
      take();
      progress_.at(
        [&] { return fmt::format("{} frames, at {}", frames_, json_rows::format_time(from_us)); });
      cursor = page->next;
    }
    out.minutes_us.assign(minutes.begin(), minutes.end());
    can::merge(out.rows); // streams may share a minute
    return done{};
  }

  static std::uint64_t digested(const storage::machine_places& places,
                                const can::stream_id& stream) {
    const auto found = std::find_if(places.streams.begin(), places.streams.end(),
                                    [&](const auto& place) { return place.stream_id == stream; });
    return found == places.streams.end() ? 0 : found->seq;
  }

  storage::store& store_;
  const apply_options& options_;
  const own_plan own_;
  std::vector<std::int32_t> ids_; // the database's numbers of the plan's signals
  std::uint64_t frames_ = 0;
  std::uint64_t rows_ = 0;
  work_progress progress_{"apply"};
};

result<std::int64_t> moment_of(const char* option, const std::string& text) {
  const auto moment = json_rows::parse_time(text);
  constexpr std::int64_t year_10000_us = 253'402'300'800'000'000;
  if (!moment || *moment < 0 || *moment >= year_10000_us)
    return failure{errc::usage,
                   fmt::format("{} {}: give a time from 1970 to 9999, in which the machine has "
                               "frames",
                               option, text)};
  return *moment;
}

result<int> apply_dbc(const globals& globals, apply_options options) {
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
                     std::chrono::system_clock::now().time_since_epoch())
                     .count();
  const auto from = moment_of("--from", options.from);
  const auto to = options.to.empty() ? result<std::int64_t>{now} : moment_of("--to", options.to);
  if (!from || !to)
    return from ? to.error() : from.error();
  const auto first = can::minute_of(*from);
  const auto end = can::minute_of(*to) + can::rollup_minute_us;
  if (first >= end)
    return failure{errc::usage, "--from is after --to"};
  const auto store = open_directly(options.url);
  if (!store)
    return store.error();
  const auto farm =
    farm_with(**store, options.farm, options.equipment, options.url, globals.timeout());
  if (!farm)
    return farm.error();
  options.farm = *farm;
  const auto active = wait_for<std::optional<storage::active_dbc>>(
    [&](auto done) { (*store)->dbc()->read_active({}, std::move(done)); }, options.url,
    globals.timeout());
  if (!active)
    return active.error();
  auto own = own_plan_of(active->value_or(storage::active_dbc{}), options.farm, options.equipment);
  if (!own)
    return own.error();
  const auto files = own->files;
  const auto signals = own->signals.size();
  rollup_maker maker{**store, options, std::move(*own)};
  if (const auto begun = maker.begin(); !begun)
    return begun.error();
  for (auto at = first; at < end; at += slice_us) {
    const auto made = maker.make(at, std::min(at + slice_us, end));
    if (!made)
      return made.error();
    if (!*made)
      return failure{errc::failed,
                     fmt::format("the digest of {} goes on faster than this; all before {} is made "
                                 "anew: try again from there",
                                 printable(options.equipment), json_rows::format_time(at))};
  }
  const json answer{{"farm", options.farm},
                    {"equipment", options.equipment},
                    {"from", json_rows::format_time(first)},
                    {"to", json_rows::format_time(end)},
                    {"files", files},
                    {"signals", signals},
                    {"frames", maker.frames()},
                    {"rollups", maker.rows()}};
  const table shown{{"EQUIPMENT", "FILES", "SIGNALS", "FRAMES READ", "ROLLUPS"},
                    {{value_cell(answer.at("equipment")), number_cell(answer.at("files")),
                      number_cell(answer.at("signals")), number_cell(answer.at("frames")),
                      number_cell(answer.at("rollups"))}}};
  const auto printed = print(answer, shown, globals.format());
  return printed ? result<int>{0} : printed.error();
}

} // namespace

void add_dbc_apply(CLI::App& dbc, const globals& globals, int& exit_code) {
  auto* command = dbc.add_subcommand(
    "apply", "make the rollups of a machine's history anew, with the DBC files that are active");
  auto options = std::make_shared<apply_options>();
  command->add_option("EQUIPMENT", options->equipment, "name of the machine")->required();
  command->add_option("--farm", options->farm,
                      "farm of the machine, if several have one of the name");
  add_time_option(*command, "--from", options->from, first_time_help)->required();
  add_time_option(*command, "--to", options->to, "last time, included; default: now");
  const auto* url = add_database_option(*command)->required();
  command->footer(
    "Nodes use a file for the frames that come after it was loaded. This command reads the stored "
    "frames again. It changes the minutes of the signals of the files, and nothing else; six hours "
    "at a time, each in one transaction. It may be interrupted, and run again.\n"
    "Examples:\n"
    "  furrow dbc apply T1 --from 2026-05-01 --database sqlite:furrow.db\n"
    "  furrow dbc apply T1 --from 2026-05-01 --to 2026-05-31 --database "
    "postgresql://furrow@localhost/furrow");
  command->callback([&globals, &exit_code, options, url] {
    options->url = url_of(url);
    exit_code = code_of(apply_dbc(globals, *options));
  });
}

} // namespace furrow::cli
