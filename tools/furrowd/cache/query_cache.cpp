#include "tools/furrowd/cache/query_cache.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace furrow::http {

std::size_t query_cache::bytes_of(const entry& of) {
  constexpr std::size_t around = 256; // overhead of the list node and the map node
  return of.answer->bytes + 2 * (of.key.farm.size() + of.key.question.size()) + around;
}

std::chrono::milliseconds query_cache::kept_for(const cache_key& key) const {
  return key.question == question_equipment ? limits_.ttl + limits_.aged : limits_.ttl;
}

void query_cache::drop(std::map<cache_key, entries::iterator>::iterator at) {
  bytes_ -= bytes_of(*at->second);
  entries_.erase(at->second);
  by_key_.erase(at);
}

query_cache::value
query_cache::find(const cache_key& key, std::uint64_t mark, clock::time_point now) {
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    auto& known = *found->second;
    known.outdated = known.outdated || known.mark != mark;
    if (!known.outdated && now - known.made < limits_.ttl) {
      ++counters_.hits;
      return known.answer;
    }
    const auto longest = kept_for(key);
    if (longest == limits_.ttl || now - known.made >= longest)
      drop(found);
  }
  ++counters_.misses;
  return nullptr;
}

query_cache::aged_value query_cache::find_aged(const cache_key& key, clock::time_point now) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end())
    return {};
  const auto& known = *found->second;
  if (now - known.made >= kept_for(key))
    return {};
  ++counters_.hits;
  return {known.answer, now - known.made};
}

query_cache::value query_cache::find_meanwhile(const cache_key& key,
                                               std::uint64_t mark,
                                               clock::time_point began) const {
  const auto found = by_key_.find(key);
  if (found == by_key_.end())
    return nullptr;
  const auto& known = *found->second;
  const bool late = began - known.made >= limits_.ttl + std::min(limits_.ttl, late_max);
  return known.outdated || known.mark != mark || late ? nullptr : known.answer;
}

bool query_cache::holds(const cache_key& key, const value& answer) const {
  const auto found = by_key_.find(key);
  return found != by_key_.end() && found->second->answer == answer && !found->second->outdated;
}

bool query_cache::is_asked(const cache_key& key) const {
  return std::any_of(asked_.begin(), asked_.end(), [&key](const auto& one) {
    return one.second.key.farm == key.farm && one.second.key.question == key.question;
  });
}

std::uint64_t query_cache::ask(const cache_key& key, std::uint64_t mark, clock::time_point now) {
  const auto ticket = next_ticket_++;
  asked_.emplace(ticket, entry{key, mark, nullptr, now});
  return ticket;
}

bool query_cache::put(std::uint64_t ticket, value answer, clock::time_point now) {
  auto asked = asked_.extract(ticket);
  if (asked.empty() || now - asked.mapped().made >= kept_for(asked.mapped().key))
    return false;
  auto& made = asked.mapped();
  made.answer = std::move(answer);
  const bool outdated = made.outdated;
  return keep(std::move(made)) && !outdated;
}

bool query_cache::let_go(std::uint64_t ticket) {
  const auto asked = asked_.extract(ticket);
  return !asked.empty() && !asked.mapped().outdated;
}

bool query_cache::adopt(const cache_key& key,
                        std::uint64_t mark,
                        value answer,
                        clock::time_point made,
                        clock::time_point now) {
  if (now - made >= limits_.ttl || made > now)
    return false;
  return keep({key, mark, std::move(answer), made});
}

bool query_cache::keep(entry made) {
  const auto bytes = bytes_of(made);
  if (bytes > limits_.bytes_max / 4 || limits_.entries_max == 0)
    return false;
  const auto known = by_key_.find(made.key);
  if (known != by_key_.end()) {
    if (known->second->made > made.made)
      return false; // a newer answer is kept already
    drop(known);
  }
  while (!entries_.empty()
         && (entries_.size() >= limits_.entries_max || bytes_ + bytes > limits_.bytes_max)) {
    drop(by_key_.find(entries_.front().key));
    ++counters_.evicted;
  }
  // Answers arrive almost in the order in which they were asked for.
  auto place = entries_.end();
  while (place != entries_.begin() && std::prev(place)->made > made.made)
    --place;
  bytes_ += bytes;
  const auto at = entries_.insert(place, std::move(made));
  by_key_.emplace(at->key, at);
  return true;
}

void query_cache::forget(const std::string& farm) {
  for (auto at = by_key_.lower_bound({farm, {}}); at != by_key_.end() && at->first.farm == farm;) {
    const auto gone = at++;
    drop(gone);
    ++counters_.forgotten;
  }
  std::erase_if(asked_, [&farm](const auto& one) { return one.second.key.farm == farm; });
}

void query_cache::outdate(const std::string& farm) {
  for (auto at = by_key_.lower_bound({farm, {}}); at != by_key_.end() && at->first.farm == farm;
       ++at)
    at->second->outdated = true;
  for (auto& [ticket, asked] : asked_)
    asked.outdated = asked.outdated || asked.key.farm == farm;
}

void query_cache::limit(std::chrono::milliseconds ttl) {
  limits_.ttl = ttl;
  if (ttl.count() > 0)
    return;
  by_key_.clear();
  entries_.clear();
  asked_.clear();
  bytes_ = 0;
}

cache_counters query_cache::counters() const {
  auto out = counters_;
  out.entries = entries_.size();
  out.bytes = bytes_;
  return out;
}

} // namespace furrow::http
