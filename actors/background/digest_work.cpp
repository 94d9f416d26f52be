#include "actors/background/digest_work.hpp"

#include "can/dbc/catalogue.hpp"
#include "storage/dbc/signal_rows.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace furrow::actors {

namespace {

/// How rollups of process data are made: by element and DDI, with the factor of the DDI.
constexpr std::string_view process_definition = "process data 1";

/// Marks of one hour share a row.
std::int64_t hour_of(std::int64_t time_us) {
  constexpr std::int64_t hour_us = 3'600'000'000;
  return time_us - time_us % hour_us;
}

} // namespace

digest_catalogue read_catalogue() {
  const auto file = can::parse_dbc(can::catalogue_dbc(), "catalogue", can::dbc_mode::strict);
  if (!file)
    throw std::runtime_error{"the catalogue: " + file.error().detail};
  const can::dbc_file* files[] = {&*file};
  auto plan = can::decode_plan::compile(files);
  if (!plan)
    throw std::runtime_error{"the catalogue: " + plan.error().detail};
  auto signals = storage::digest_signals_of(*file, *plan);
  return {std::make_shared<const can::decode_plan>(std::move(*plan)), std::move(signals)};
}

bool digest_work::knows(const std::shared_ptr<const own_definitions>& own) const {
  return !own || own->signals.empty() || own_.contains(own);
}

void digest_work::know(const std::shared_ptr<const own_definitions>& own,
                       std::vector<std::int32_t> signal_ids) {
  if (own_.size() >= own_max)
    own_.clear();
  known_own known{std::move(signal_ids), std::vector<bool>(catalogue_.signals.size())};
  std::set<std::string_view> names;
  for (const auto& signal : own->signals)
    names.insert(signal.name);
  for (std::size_t i = 0; i < catalogue_.signals.size(); ++i)
    known.hides[i] = names.contains(catalogue_.signals[i].name);
  own_[own] = std::move(known);
}

digest_work::run digest_work::take(const storage::digest_stream& stream,
                                   const storage::digest_page& page,
                                   const std::shared_ptr<const own_definitions>& own) {
  run out;
  can::stream_digest digest{catalogue_.plan, settings_};
  std::optional<can::own_rollups> own_sums;
  if (own && !own->signals.empty()) {
    own_sums.emplace(own->plan);
    digest.add(*own_sums);
  }
  digest.mark_after(hour_of(wall_us_()) + clock_wrong_us);
  digest.pass(stream.digested);
  if (!stream.state.empty())
    out.understood = digest.resume(stream.digested, stream.state);
  bool whole = true;
  for (const auto& one : page.runs) {
    if (digest.size() + (own_sums ? own_sums->size() : 0) > rows_max) {
      whole = false;
      break;
    }
    const auto before = std::max(digest.seq(), one.seq_first - 1);
    digest.take_frames(one.seq_first, one.block, page.to);
    out.frames += digest.seq() - std::min(before, digest.seq());
  }
  if (whole)
    digest.pass(page.to);
  auto rows = digest.take();
  const auto known = own_sums ? own_.find(own) : own_.end();
  if (known != own_.end()) // what people define replaces what the catalogue calls the same
    std::erase_if(rows.rollups, [&hides = known->second.hides](const can::rollup_row& row) {
      return row.signal < hides.size() && hides[row.signal];
    });
  for (auto& row : rows.rollups)
    if (!can::process_key_of(row.signal))
      row.signal = static_cast<std::uint32_t>(ids_[row.signal]);
  if (known != own_.end())
    for (auto row : own_sums->rows()) {
      row.signal = static_cast<std::uint32_t>(known->second.ids[row.signal]);
      rows.rollups.push_back(row);
    }
  out.commit = {stream.stream, stream.equipment, stream.digested,
                digest.seq(),  digest.save(),    std::move(rows)};
  return out;
}

std::vector<storage::digest_signal> digest_work::unknown(const storage::digest_batch& commits) {
  std::vector<std::uint32_t> used;
  for (const auto& commit : commits)
    for (const auto& row : commit.rows.rollups)
      if (can::process_key_of(row.signal))
        used.push_back(row.signal);
  std::sort(used.begin(), used.end());
  used.erase(std::unique(used.begin(), used.end()), used.end());
  if (process_ids_.size() + used.size() > process_signals_max)
    process_ids_.clear();
  asked_.clear();
  std::vector<storage::digest_signal> out;
  for (const auto signal : used) {
    if (process_ids_.contains(signal))
      continue;
    asked_.push_back(signal);
    out.push_back(
      {can::signal_name(*can::process_key_of(signal)), std::string{process_definition}});
  }
  return out;
}

void digest_work::know_process(const std::vector<std::int32_t>& signal_ids) {
  for (std::size_t i = 0; i < std::min(asked_.size(), signal_ids.size()); ++i)
    process_ids_[asked_[i]] = signal_ids[i];
}

void digest_work::number(storage::digest_batch& commits) const {
  for (auto& commit : commits) {
    for (auto& row : commit.rows.rollups)
      if (can::process_key_of(row.signal))
        row.signal = static_cast<std::uint32_t>(process_ids_.at(row.signal));
    can::merge(commit.rows.rollups); // a name may stand for signals of several files
  }
}

} // namespace furrow::actors
