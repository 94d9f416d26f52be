#include "tools/furrowd/front/connection_table.hpp"

namespace furrow::http {

void connection_table::add(std::uint64_t id, kind& of) {
  ++of.open;
  known_[id] = {&of, 0};
  wait(id);
}

std::optional<std::uint64_t> connection_table::oldest(kind& of) {
  if (of.waiting.empty())
    return std::nullopt;
  const auto id = of.waiting.begin()->second;
  leave(id);
  return id;
}

/// Room for one more ordinary connection.
bool connection_table::make_room(entrance& made) {
  if (ordinary_.open >= limits_.open_max)
    made.gives_way = oldest(ordinary_);
  return ordinary_.open < limits_.open_max;
}

connection_table::entrance connection_table::enter(std::uint64_t id) {
  entrance made;
  if (make_room(made)) {
    made.got = place::ordinary;
    add(id, ordinary_);
    return made;
  }
  if (reserved_.open >= limits_.reserved_max && !made.gives_way)
    made.gives_way = oldest(reserved_);
  if (reserved_.open >= limits_.reserved_max)
    return made;
  made.got = place::reserved;
  add(id, reserved_);
  return made;
}

connection_table::entrance connection_table::work(std::uint64_t id) {
  entrance made;
  const auto found = known_.find(id);
  if (found == known_.end())
    return made;
  auto& one = found->second;
  one.of->waiting.erase(one.turn);
  one.turn = 0;
  made.got = one.of == &ordinary_ ? place::ordinary : place::reserved;
  if (made.got == place::reserved && make_room(made)) {
    --reserved_.open;
    ++ordinary_.open;
    one.of = &ordinary_;
    made.got = place::ordinary;
  }
  return made;
}

void connection_table::wait(std::uint64_t id) {
  const auto found = known_.find(id);
  if (found == known_.end() || found->second.turn != 0)
    return;
  found->second.turn = next_turn_++;
  found->second.of->waiting.emplace(found->second.turn, id);
}

std::vector<std::uint64_t> connection_table::limit(std::size_t open_max) {
  limits_.open_max = open_max;
  std::vector<std::uint64_t> out;
  while (ordinary_.open > open_max) {
    const auto idle = oldest(ordinary_);
    if (!idle)
      break;
    out.push_back(*idle);
  }
  return out;
}

void connection_table::leave(std::uint64_t id) {
  const auto found = known_.find(id);
  if (found == known_.end())
    return;
  found->second.of->waiting.erase(found->second.turn);
  --found->second.of->open;
  known_.erase(found);
}

} // namespace furrow::http
