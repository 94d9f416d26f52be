#include "actors/cluster/local_answers.hpp"

#include "actors/cluster/peer_rows.hpp"
#include "actors/cluster/scope.hpp"
#include "actors/live/census.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

namespace furrow::actors {

namespace link = proto::link;

namespace {

std::size_t weight_of(const link::machine_row& row) {
  constexpr std::size_t fixed = 128;
  constexpr std::size_t a_value = 32; // or a fault
  const auto faults = row.faults ? row.faults->size() : 0;
  return fixed + row.equipment.size() + row.peer.size() + (row.values.size() + faults) * a_value;
}

/// A machine here, with its faults when they were asked for and are known.
struct shown_machine {
  live_snapshot latest;
  std::shared_ptr<const live_detail> detail;
};

/// Of several actors of a machine what the newest shows; nothing when none has published. Faults are as the actor knew
/// them at the ask before; it is asked for them now for the next one.
shown_machine newest_of(const live_board::machine_places& places, bool faults) {
  shown_machine newest;
  for (const auto& place : places) {
    auto one = place->latest();
    if (one == nullptr)
      continue;
    if (faults)
      place->want_detail(live_place::wish_faults);
    if (newest.latest == nullptr || is_newer(*one, *newest.latest))
      newest = {std::move(one), faults ? place->detail() : nullptr};
  }
  return newest;
}

link::machine_row to_wire(const shown_machine& shown) {
  auto row = actors::to_wire(*shown.latest);
  if (shown.detail != nullptr)
    row.faults = actors::to_wire(shown.detail->faults);
  return row;
}

std::size_t weight_of(const link::actor_row& row) {
  constexpr std::size_t fixed = 64;
  return fixed + row.name.size() + row.kind.size() + row.state.size() + row.detail.size();
}

/// The first rows of a list, as many as an answer holds.
template <class Page, class Rows>
Page first_page(const Rows& rows, std::size_t rows_max) {
  Page page;
  std::size_t bytes = 0;
  for (const auto& one : rows) {
    if (page.rows.size() == rows_max || bytes >= local_answers::page_bytes_max) {
      page.more = true;
      break;
    }
    page.rows.push_back(to_wire(*one));
    bytes += weight_of(page.rows.back());
  }
  return page;
}

} // namespace

local_answers::local_answers(std::shared_ptr<census> people,
                             report_asker look,
                             report_text text,
                             lease_age lease)
  : people_{std::move(people)}, look_{std::move(look)}, text_{std::move(text)}, lease_{std::move(
                                                                                  lease)} {}

void local_answers::answer(const link::wish& what, link_port::handler done) const {
  if (const auto* wanted = std::get_if<link::actors_wish>(&what.what))
    done(actors(what.who, *wanted));
  else if (const auto* asked = std::get_if<link::machines_wish>(&what.what))
    done(machines(what.who, *asked));
  else if (const auto* ended = std::get_if<link::end_wish>(&what.what))
    done(end(what.who, *ended));
  else if (std::holds_alternative<link::lease_wish>(what.what))
    done(link::lease_age_answer{lease_()});
  else
    report(what.who, std::get<link::report_wish>(what.what), std::move(done));
}

link::reply local_answers::actors(const link::scope& who, const link::actors_wish& wish) const {
  auto rows = people_->rows(); // by id
  std::erase_if(rows, [&wish](const auto& row) { return row.id <= wish.after; });
  narrow(rows, who);
  std::vector<const actors::actor_row*> list;
  list.reserve(rows.size());
  for (const auto& row : rows)
    list.push_back(&row);
  return first_page<link::actors_page_answer>(list, link::actors_page);
}

/// Machines here that people watch at the asking node.
void local_answers::note_watched(const link::scope& who, const link::machines_wish& wish) const {
  const auto now = machine_interest::clock::now();
  for (const auto& one : wish.watched)
    if (who.covers(one.equipment))
      if (const auto interest = people_->board.interest_of(who.farm, one.equipment))
        interest->want(std::chrono::milliseconds{one.interval_ms}, now);
}

link::reply local_answers::machines(const link::scope& who, const link::machines_wish& wish) const {
  note_watched(who, wish);
  constexpr std::size_t enough = link::machines_page + 1; // one more tells that there are more
  std::vector<shown_machine> rows;
  const auto add = [&rows, &wish](const live_board::machine_places& places) {
    auto row = newest_of(places, wish.faults);
    if (row.latest != nullptr)
      rows.push_back(std::move(row));
  };
  const auto& board = people_->board;
  if (who.equipment.empty()) {
    auto after = wish.after;
    while (rows.size() < enough) {
      const auto found = board.places_from(who.farm, after, enough - rows.size());
      if (found.empty())
        break;
      for (const auto& places : found)
        add(places);
      after = found.back().back()->equipment();
    }
  } else {
    const std::set<std::string> names{who.equipment.begin(), who.equipment.end()};
    for (auto name = names.upper_bound(wish.after); name != names.end() && rows.size() < enough;
         ++name)
      add(board.places_of(who.farm, *name));
  }
  std::vector<const shown_machine*> list;
  list.reserve(rows.size());
  for (const auto& row : rows)
    list.push_back(&row);
  return first_page<link::machines_page_answer>(list, link::machines_page);
}

link::reply local_answers::end(const link::scope& who, const link::end_wish& wish) const {
  using kind = link::ended_answer::kind;
  const auto row = people_->row(wish.actor);
  if (!row || !may_see(*row, who))
    return link::ended_answer{kind::no_such_actor, {}};
  // To end what all farms share would cut off every farm.
  if (is_shared(*row) && !who.govern)
    return link::ended_answer{kind::not_permitted, link::fit(row->name)};
  const bool ended = wish.restart ? people_->restart(wish.actor) : people_->kill(wish.actor);
  return link::ended_answer{ended ? kind::done : kind::no_such_actor, link::fit(row->name)};
}

void local_answers::report(const link::scope& who,
                           const link::report_wish& wish,
                           link_port::handler done) const {
  if (!who.covers(wish.equipment)) {
    done(link::report_answer{});
    return;
  }
  look_(who.farm, wish.equipment,
        [done = std::move(done), text = text_](const std::optional<can::machine_report>& seen) {
          if (seen)
            done(link::report_answer{true, text(*seen)});
          else
            done(link::report_answer{});
        });
}

} // namespace furrow::actors
