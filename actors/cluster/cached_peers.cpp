#include "actors/cluster/cached_peers.hpp"

#include <optional>
#include <variant>

namespace furrow::actors {

namespace {

namespace link = proto::link;

/// The list that a wish is for; nothing for other wishes. Names hold no zero byte. A wish that names watched machines, or
/// is for faults, must reach the nodes.
std::optional<std::string> list_key(const link::wish& what) {
  std::string key;
  if (const auto* actors = std::get_if<link::actors_wish>(&what.what); actors && actors->after == 0)
    key = "actors";
  else if (const auto* machines = std::get_if<link::machines_wish>(&what.what);
           machines && machines->after.empty() && machines->watched.empty() && !machines->faults)
    key = "machines";
  else
    return std::nullopt;
  key += what.who.watch ? "w" : "";
  key += what.who.govern ? "g" : "";
  key += '\0' + what.who.farm;
  for (const auto& one : what.who.equipment)
    key += '\0' + one;
  return key;
}

/// Whether the lists may be others afterwards. A wish that a later version adds is taken to change something.
bool changes(const link::wish& what) {
  return !std::holds_alternative<link::actors_wish>(what.what)
         && !std::holds_alternative<link::machines_wish>(what.what)
         && !std::holds_alternative<link::report_wish>(what.what)
         && !std::holds_alternative<link::lease_wish>(what.what);
}

} // namespace

void cached_peers::ask_peers(link::wish what, heard done) {
  const auto key = list_key(what);
  if (!key)
    return of_->ask_peers(std::move(what), std::move(done));
  const auto now = now_();
  std::shared_ptr<entry> made;
  {
    std::unique_lock lock{lists_->mutex};
    auto& all = lists_->by_key;
    const auto found = all.find(*key);
    if (found != all.end() && !found->second->known) {
      found->second->waiting.push_back(std::move(done));
      return;
    }
    if (found != all.end() && now - found->second->asked_at < kept) {
      auto said = found->second->said;
      lock.unlock();
      done(std::move(said));
      return;
    }
    if (now - lists_->swept_at >= kept) {
      std::erase_if(all, [now](const auto& one) {
        return one.second->known && now - one.second->asked_at >= kept;
      });
      lists_->swept_at = now;
    }
    if (all.size() >= entries_max)
      all.clear();
    made = all[*key] = std::make_shared<entry>();
    made->asked_at = now;
    made->waiting.push_back(std::move(done));
  }
  of_->ask_peers(std::move(what), [held = lists_, made](const peers_said& said) {
    std::vector<heard> waiting;
    {
      const std::lock_guard lock{held->mutex};
      made->known = true;
      made->said = said;
      waiting = std::exchange(made->waiting, {});
    }
    for (const auto& one : waiting)
      one(said);
  });
}

void cached_peers::ask_peer(const std::string& node, link::wish what, heard done) {
  if (changes(what)) {
    const std::lock_guard lock{lists_->mutex};
    lists_->by_key.clear();
  }
  of_->ask_peer(node, std::move(what), std::move(done));
}

} // namespace furrow::actors
