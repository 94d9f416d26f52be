#include "tools/furrowd/front/connection_table.hpp"

namespace furrow::http {

/// The connection works until its turn begins.
void connection_table::take(connection& one, bool ordinary) {
  one.ordinary = ordinary;
  ++(ordinary ? ordinary_ : reserved_).open;
  if (ordinary)
    ++by_address_[one.address].open;
}

void connection_table::give(const connection& one) {
  --(one.ordinary ? ordinary_ : reserved_).open;
  if (!one.ordinary)
    return;
  const auto from = by_address_.find(one.address);
  if (--from->second.open == 0)
    by_address_.erase(from);
}

void connection_table::begin_turn(std::uint64_t id, connection& one) {
  one.turn = next_turn_++;
  (one.ordinary ? ordinary_ : reserved_).waiting.emplace(one.turn, id);
  if (one.ordinary)
    by_address_[one.address].waiting.emplace(one.turn, id);
}

void connection_table::end_turn(connection& one) {
  (one.ordinary ? ordinary_ : reserved_).waiting.erase(one.turn);
  if (one.ordinary)
    by_address_[one.address].waiting.erase(one.turn);
  one.turn = 0;
}

std::optional<std::uint64_t> connection_table::oldest(const kind& of) {
  if (of.waiting.empty())
    return std::nullopt;
  const auto id = of.waiting.begin()->second;
  leave(id);
  return id;
}

std::size_t connection_table::open_of(const std::string& address) const {
  const auto from = by_address_.find(address);
  return from == by_address_.end() ? 0 : from->second.open;
}

/// Room for one more ordinary connection of the address.
bool connection_table::make_room(entrance& made, const std::string& address) {
  if (open_of(address) >= limits_.address_max) {
    made.gives_way = oldest(by_address_[address]);
    made.address_full = open_of(address) >= limits_.address_max;
  }
  if (made.address_full)
    return false;
  if (ordinary_.open >= limits_.open_max && !made.gives_way)
    made.gives_way = oldest(ordinary_);
  return ordinary_.open < limits_.open_max;
}

connection_table::entrance connection_table::enter(std::uint64_t id, const std::string& address) {
  entrance made;
  const bool ordinary = make_room(made, address);
  if (!ordinary && reserved_.open >= limits_.reserved_max) {
    if (!made.gives_way)
      made.gives_way = oldest(reserved_);
    if (reserved_.open >= limits_.reserved_max)
      return made;
  }
  made.got = ordinary ? place::ordinary : place::reserved;
  auto& one = known_[id];
  one.address = address;
  take(one, ordinary);
  begin_turn(id, one);
  return made;
}

connection_table::entrance connection_table::work(std::uint64_t id) {
  entrance made;
  const auto found = known_.find(id);
  if (found == known_.end())
    return made;
  auto& one = found->second;
  end_turn(one);
  if (!one.ordinary && make_room(made, one.address)) {
    give(one);
    take(one, true);
  }
  made.got = one.ordinary ? place::ordinary : place::reserved;
  return made;
}

void connection_table::wait(std::uint64_t id) {
  const auto found = known_.find(id);
  if (found != known_.end() && found->second.turn == 0)
    begin_turn(id, found->second);
}

std::vector<std::uint64_t> connection_table::limit(std::size_t open_max, std::size_t address_max) {
  limits_.open_max = open_max;
  limits_.address_max = address_max;
  std::vector<std::uint64_t> out;
  const auto close = [&](const kind& of, std::size_t open, std::size_t most) {
    for (; open > most; --open)
      if (const auto idle = oldest(of))
        out.push_back(*idle);
  };
  for (const auto& [address, from] : by_address_)
    close(from, from.open, address_max); // one stays, and so does the entry
  close(ordinary_, ordinary_.open, open_max);
  return out;
}

void connection_table::leave(std::uint64_t id) {
  const auto found = known_.find(id);
  if (found == known_.end())
    return;
  end_turn(found->second);
  give(found->second);
  known_.erase(found);
}

} // namespace furrow::http
