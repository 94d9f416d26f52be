#include "actors/live/dbc_board.hpp"

#include "storage/dbc/signal_rows.hpp"

#include <utility>

namespace furrow::actors {

std::vector<std::string> dbc_board::set(storage::active_dbc active) {
  std::vector<std::string> faults;
  std::vector<read_file> read;
  for (auto& stored : active.files) {
    auto file = storage::parse_stored(stored);
    if (!file) {
      faults.push_back(stored.name + " (" + std::to_string(stored.id)
                       + "): " + file.error().detail);
      continue;
    }
    stored.content.clear();
    read.push_back({std::move(stored), std::make_shared<const can::dbc_file>(std::move(*file))});
  }
  const std::lock_guard lock{mutex_};
  stamp_ = std::move(active.stamp);
  files_ = std::move(read);
  compiled_.clear();
  ++generation_;
  return faults;
}

std::string dbc_board::stamp() const {
  const std::lock_guard lock{mutex_};
  return stamp_;
}

std::shared_ptr<const own_definitions> dbc_board::of(const std::string& farm,
                                                     const std::string& equipment) const {
  const std::lock_guard lock{mutex_};
  std::vector<const read_file*> files;
  std::string key;
  for (const auto& one : files_) {
    if (!storage::applies_to(one.stored, farm, equipment))
      continue;
    files.push_back(&one);
    key += std::to_string(one.stored.id) + ' ';
  }
  if (files.empty())
    return nullptr;
  auto& made = compiled_[key];
  if (!made)
    made = compiled(files);
  return made;
}

std::shared_ptr<const own_definitions>
dbc_board::compiled(const std::vector<const read_file*>& files) const {
  std::vector<const can::dbc_file*> pointers;
  pointers.reserve(files.size());
  for (const auto* one : files)
    pointers.push_back(one->file.get());
  auto plan = can::decode_plan::compile(pointers);
  auto out = std::make_shared<own_definitions>();
  if (plan) {
    out->signals = storage::digest_signals_of(pointers, *plan);
    out->by_spn = can::signals_by_spn(*plan);
    out->plan = std::make_shared<const can::decode_plan>(std::move(*plan));
  } else { // more signals than a plan holds
    out->plan = std::make_shared<const can::decode_plan>();
  }
  return out;
}

} // namespace furrow::actors
