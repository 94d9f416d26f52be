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
#include <map>
#include <memory>
#include <set>
#include <vector>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr std::int64_t slice_us = 6 * 3'600'000'000LL; // that are read at once
constexpr std::int64_t lead_us =
  60'000'000; // before a slice: messages of several frames that end in it
constexpr std::size_t portion_max = 20'000; // rollups of one transaction
constexpr int attempts_max =
  3; // of a slice, while the digest goes on meanwhile; then of its halves
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
  pointers.reserve(files.size());
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

  /// Whole minutes. False: the digest goes on faster than this.
  result<bool> make(std::int64_t from_us, std::int64_t to_us) {
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
      auto places = ask<storage::machine_places>([&](auto done) {
        store_.digest()->places(options_.farm, options_.equipment, std::move(done));
      });
      if (!places)
        return places.error();
      storage::rollups_again made{places->equipment, std::move(places->streams), ids_, {}, {}};
      if (const auto read = read_slice(from_us, to_us, made); !read)
        return read.error();
      auto kept = replace(made);
      if (!kept || *kept)
        return kept;
    }
    const auto minutes = (to_us - from_us) / can::rollup_minute_us;
    if (minutes < 2)
      return false;
    const auto middle = from_us + minutes / 2 * can::rollup_minute_us;
    const auto first = make(from_us, middle);
    return first && *first ? make(middle, to_us) : first;
  }

  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  [[nodiscard]] std::uint64_t rows() const { return rows_; }

private:
  template <class T, class Start>
  result<T> ask(Start start) const {
    return wait_for<T>(start, options_.url, apply_timeout);
  }

  /// In portions, each a transaction. False: the digest has gone on.
  result<bool> replace(const storage::rollups_again& made) {
    std::map<std::int64_t, std::vector<can::rollup_row>> by_minute;
    for (const auto minute : made.minutes_us)
      by_minute[minute];
    for (const auto& row : made.rows)
      by_minute[row.minute_us].push_back(row);
    const auto minutes_max =
      std::max<std::size_t>(1, portion_max / std::max<std::size_t>(1, ids_.size()));
    for (auto at = by_minute.begin(); at != by_minute.end();) {
      auto portion = std::make_shared<storage::rollups_again>(
        storage::rollups_again{made.equipment, made.places, made.signals, {}, {}});
      for (; at != by_minute.end() && portion->minutes_us.size() < minutes_max; ++at) {
        portion->minutes_us.push_back(at->first);
        portion->rows.insert(portion->rows.end(), at->second.begin(), at->second.end());
      }
      const auto count = portion->rows.size();
      auto kept = ask<bool>([&](auto done) { store_.digest()->replace(portion, std::move(done)); });
      if (!kept || !*kept)
        return kept;
      rows_ += count;
    }
    return true;
  }

  /// The digest's own way with the frames of one stream, and nothing but people's own signals. It begins with what the
  /// digest has learnt of the bus: which maker a sender is of is said once, at power-on.
  struct stream_work {
    stream_work(const own_plan& own, const storage::digest_place& place) : sums{own.plan} {
      digest.add(sums);
      if (!place.state.empty())
        (void)digest.resume(0, place.state); // of another version: without
    }
    can::stream_digest digest{std::make_shared<const can::decode_plan>(), {}};
    can::own_rollups sums;
  };

  /// Whether the stream has frames before a time. Those that have expired leave a part of their last minute.
  result<bool> has_before(const storage::digest_place& place, std::int64_t time_us) const {
    const auto page = ask<storage::frames_page>([&](auto done) {
      store_.frames()->read_frames({options_.farm, options_.equipment, std::nullopt, time_us - 1},
                                   {place.stream, 0}, std::move(done));
    });
    if (!page)
      return page.error();
    return !page->runs.empty() && page->stream_id == place.stream_id;
  }

  /// The minutes from `from_us` to `to_us` that have frames, and their rollups.
  result<done> read_slice(std::int64_t from_us, std::int64_t to_us, storage::rollups_again& out) {
    const auto wanted = [&](std::int64_t minute) { return minute >= from_us && minute < to_us; };
    std::set<std::int64_t> minutes;
    std::set<std::int64_t> partial; // their first frames have expired
    const storage::digest_place* place = nullptr;
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
      cursor = page->next;
      const auto* const of = place_of(out.places, page->stream_id);
      if (of == nullptr || page->runs.empty()) // a stream that came later has nothing digested
        continue;
      if (place != of) {
        take();
        work = std::make_unique<stream_work>(own_, *of);
        place = of;
        const auto& first = page->runs.front();
        const auto minute = can::minute_of(first.block.time_us(0));
        if (first.seq_first > 1 && wanted(minute)) {
          const auto whole = has_before(*of, minute);
          if (!whole)
            return whole.error();
          if (!*whole)
            partial.insert(minute);
        }
      }
      for (const auto& run : page->runs) {
        work->digest.take_frames(run.seq_first, run.block, place->seq);
        for (std::size_t i = 0; i < run.block.size() && run.seq_first + i <= place->seq; ++i)
          if (const auto minute = can::minute_of(run.block.time_us(i)); wanted(minute))
            minutes.insert(minute);
        frames_ += run.block.size();
      }
      take();
      progress_.at(
        [&] { return fmt::format("{} frames, at {}", frames_, json_rows::format_time(from_us)); });
    }
    for (const auto minute : partial)
      minutes.erase(minute);
    std::erase_if(out.rows, [&](const auto& row) { return !minutes.contains(row.minute_us); });
    out.minutes_us.assign(minutes.begin(), minutes.end());
    can::merge(out.rows); // streams may share a minute
    return done{};
  }

  static const storage::digest_place* place_of(const std::vector<storage::digest_place>& places,
                                               const can::stream_id& stream) {
    const auto found = std::find_if(places.begin(), places.end(),
                                    [&](const auto& one) { return one.stream_id == stream; });
    return found == places.end() ? nullptr : &*found;
  }

  storage::store& store_;
  const apply_options& options_;
  const own_plan own_;
  std::vector<std::int32_t> ids_; // the database's numbers of the plan's signals
  std::uint64_t frames_ = 0;
  std::uint64_t rows_ = 0;
  work_progress progress_{"apply", false};
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
  const auto end =
    can::minute_of(std::min(*to, now + can::rollup_minute_us)) + can::rollup_minute_us;
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
    "at a time. It may be interrupted, and run again.\n"
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
