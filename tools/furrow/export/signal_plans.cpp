#include "tools/furrow/export/signal_plans.hpp"

#include "can/dbc/catalogue.hpp"
#include "can/dbc/file.hpp"
#include "can/isobus/ddi.hpp"
#include "storage/dbc/dbc_files.hpp"
#include "storage/history.hpp"
#include "tools/furrow/database/direct.hpp"
#include "tools/words/nearest.hpp"

#include <fmt/format.h>

#include <fnmatch.h>

#include <algorithm>
#include <utility>

namespace furrow::cli {

namespace {

bool is_pattern(const std::string& name) {
  return name.find_first_of("*?") != std::string::npos;
}

/// `Message.Signal` by the whole name; without a point by the name of the signal alone.
bool signal_matches(const std::string& pattern, const std::string& name) {
  const auto point = name.find('.');
  const bool whole = pattern.find('.') != std::string::npos || pattern == "*";
  const auto* text = whole || point == std::string::npos ? name.c_str() : name.c_str() + point + 1;
  return ::fnmatch(pattern.c_str(), text, 0) == 0;
}

bool applies(const storage::stored_dbc& file, const export_source& source) {
  return (file.farm.empty() || file.farm == source.farm)
         && (file.equipment.empty() || file.equipment == source.equipment);
}

/// The active files for this machine, the closest first.
result<std::vector<can::dbc_file>> own_files(const export_source& source) {
  std::vector<can::dbc_file> out;
  if (source.store.dbc() == nullptr)
    return out;
  auto active = wait_for<std::optional<storage::active_dbc>>(
    [&](auto done) { source.store.dbc()->read_active("", std::move(done)); }, source.url,
    source.timeout);
  if (!active)
    return active.error();
  if (!*active)
    return out;
  for (const auto& stored : (*active)->files) {
    if (!applies(stored, source))
      continue;
    auto file = storage::parse_stored(stored);
    if (file)
      out.push_back(std::move(*file));
    else
      fmt::print(stderr, "furrow: DBC file {} ({}) is left out: {}\n", stored.name, stored.id,
                 file.error().detail);
  }
  return out;
}

result<can::decode_plan> compiled(const std::vector<can::dbc_file>& files) {
  std::vector<const can::dbc_file*> pointers;
  pointers.reserve(files.size());
  for (const auto& one : files)
    pointers.push_back(&one);
  auto plan = can::decode_plan::compile(pointers);
  if (!plan)
    return failure{errc::failed, "the DBC files of the machine: " + plan.error().detail};
  return std::move(*plan);
}

} // namespace

result<signal_plans> signal_plans::load(const export_source& source, const signal_wish& wish) {
  signal_plans out;
  out.patterns_ = wish.names;
  const auto own = own_files(source);
  if (!own)
    return own.error();
  auto catalogue = can::parse_dbc(can::catalogue_dbc(), "catalogue", can::dbc_mode::strict);
  if (!catalogue)
    return failure{errc::failed, "the catalogue: " + catalogue.error().detail};
  std::vector<can::dbc_file> shipped;
  shipped.push_back(std::move(*catalogue));
  for (const auto* files : {&*own, &std::as_const(shipped)}) {
    if (files->empty())
      continue;
    auto plan = compiled(*files);
    if (!plan)
      return plan.error();
    out.add(std::move(*plan));
  }
  const auto known = out.check_names();
  if (!known)
    return known.error();
  return out;
}

void signal_plans::add(can::decode_plan plan) {
  part made{std::move(plan), {}, {}};
  const auto& messages = made.plan.messages();
  made.messages.resize(messages.size());
  const auto earlier = by_name_.size();
  std::unordered_map<std::string, std::uint32_t> here;
  for (const auto& signal : made.plan.signals()) {
    const auto name = messages[signal.message].name + "." + signal.name;
    const auto replaced = earlier != 0 && by_name_.contains(name);
    if (replaced || messages[signal.message].pgn == can::pgn_process_data) {
      made.slots.push_back(unwanted);
      continue;
    }
    const auto number = static_cast<std::uint32_t>(slots_.size());
    const auto [at, fresh] = here.try_emplace(name, number);
    if (fresh)
      slots_.push_back({name, signal.unit, {}});
    const bool wanted = wants(name);
    made.slots.push_back(wanted ? at->second : unwanted);
    if (wanted)
      made.messages[signal.message] = true;
  }
  for (std::size_t i = 0; i < messages.size(); ++i) // each element and DDI is a signal of its own
    if (messages[i].pgn == can::pgn_process_data)
      made.messages[i] = true;
  by_name_.merge(here);
  parts_.push_back(std::move(made));
}

bool signal_plans::wants(const std::string& name) const {
  return patterns_.empty()
         || std::any_of(patterns_.begin(), patterns_.end(),
                        [&](const auto& pattern) { return signal_matches(pattern, name); });
}

result<done> signal_plans::check_names() const {
  for (const auto& pattern : patterns_) {
    if (pattern.starts_with("PD."))
      continue;
    const auto matching = [&](const auto& slot) { return signal_matches(pattern, slot.name); };
    if (std::any_of(slots_.begin(), slots_.end(), matching))
      continue;
    std::vector<std::string> known;
    const bool whole = pattern.find('.') != std::string::npos;
    for (const auto& slot : slots_)
      known.push_back(whole ? slot.name : slot.name.substr(slot.name.find('.') + 1));
    return failure{errc::not_found,
                   "no signal \"" + pattern + "\" in the definitions of this machine"
                     + (is_pattern(pattern) ? std::string{} : words::did_you_mean(pattern, known))
                     + " (`furrow signals` lists those that it has sent)"};
  }
  return done{};
}

std::uint32_t signal_plans::slot_of(can::process_key key) {
  const auto number = std::uint32_t{key.element} << 16U | key.ddi;
  const auto [at, fresh] = process_.try_emplace(number, unwanted);
  if (!fresh)
    return at->second;
  auto name = can::signal_name(key);
  if (!wants(name))
    return unwanted;
  const auto ddi = can::find_ddi(key.ddi);
  at->second = static_cast<std::uint32_t>(slots_.size());
  slots_.push_back({std::move(name), ddi ? std::string{ddi->unit} : std::string{}, {}});
  return at->second;
}

result<std::vector<std::uint32_t>> signal_plans::make_columns(const export_source& source) {
  const auto sent = wait_for<std::vector<storage::known_signal>>(
    [&](auto done) {
      source.store.history()->list_signals(source.farm, source.equipment, std::move(done));
    },
    source.url, source.timeout);
  if (!sent)
    return sent.error();
  std::vector<std::string> names;
  for (const auto& one : *sent)
    names.push_back(one.name);
  for (const auto& pattern : patterns_)
    if (!is_pattern(pattern))
      for (const auto& slot : slots_)
        if (signal_matches(pattern, slot.name))
          names.push_back(slot.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<std::uint32_t> out;
  for (const auto& name : names) {
    if (!wants(name))
      continue;
    auto number = unwanted;
    if (const auto process = can::parse_process_signal(name))
      number = slot_of(*process);
    else if (const auto known = by_name_.find(name); known != by_name_.end())
      number = known->second;
    if (number == unwanted)
      continue; // of a DBC file that is not used any more
    slots_[number].column = out.size();
    out.push_back(number);
  }
  if (out.empty())
    return failure{errc::not_found,
                   source.equipment
                     + ": none of these signals was sent, so that there are no columns; name "
                       "signals in full with --signals, or use --long"};
  return out;
}

} // namespace furrow::cli
