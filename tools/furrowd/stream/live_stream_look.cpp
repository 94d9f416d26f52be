#include "actors/cluster/peer_nodes.hpp"
#include "actors/cluster/peer_rows.hpp"
#include "actors/live/live_machines.hpp"
#include "tools/furrowd/access/authority.hpp"
#include "tools/furrowd/stream/live_stream.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <boost/asio/post.hpp>

namespace furrow::http {

namespace {

constexpr std::chrono::milliseconds tick_min{2};
constexpr std::chrono::milliseconds tick_max{20};
constexpr std::chrono::milliseconds places_every{50};
constexpr std::chrono::milliseconds details_every{500};
constexpr std::chrono::milliseconds peers_every{1'000};
constexpr std::chrono::milliseconds sweep_every{1'000};
constexpr std::chrono::milliseconds frames_every{100};
constexpr std::size_t seat_frames_min = 16U << 10U;

std::chrono::milliseconds interval_of(const subscription& wanted) {
  return std::chrono::milliseconds{static_cast<std::int64_t>(std::lround(1'000 / wanted.max_hz))};
}

} // namespace

/// Waits for the next look. On the strand.
void live_stream::arm() {
  std::chrono::milliseconds wait{};
  {
    const std::scoped_lock lock{mutex_};
    wait = pace();
  }
  timer_.expires_after(wait);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error)
      self->tick();
  });
}

void live_stream::tick() {
  {
    const std::scoped_lock lock{mutex_};
    if (stopped_ || farms_.empty()) {
      armed_ = false;
      return;
    }
    const auto now = clock::now();
    look(now);
    for (auto& [name, farm] : farms_) {
      if (now >= std::max(farm.interest_due, farm.interest_earliest))
        show_interest(farm, now);
      publish(farm, now);
    }
    if (now >= sweep_due_)
      sweep(now);
  }
  arm();
}

/// Fast enough for the fastest client; a large fleet is looked at less often.
std::chrono::milliseconds live_stream::pace() const {
  auto wait = tick_max;
  std::size_t places = 0;
  for (const auto& [name, farm] : farms_) {
    places += farm.places.size();
    for (const auto& [key, one] : farm.views)
      wait = std::min(wait, interval_of(one.view->wanted()) / 4);
  }
  return std::max({wait, tick_min, std::chrono::milliseconds{places / 1'000}});
}

/// Brings all fleets up to date with the board.
void live_stream::look(clock::time_point now) {
  if (now >= places_due_) {
    find_places();
    std::size_t places = 0;
    for (const auto& [name, farm] : farms_)
      places += farm.places.size();
    places_due_ = now + std::max(places_every, std::chrono::milliseconds{places / 10});
  }
  const bool details = now >= details_due_;
  if (details)
    details_due_ = now + details_every;
  bool changed = false;
  for (auto& [name, farm] : farms_) {
    look_at(farm, details);
    changed = changed || farm.fleet.changed_at() > cursor_;
  }
  if (changed)
    ++cursor_;
}

/// Which machines are on the board. The newest actor of a machine stands last there.
void live_stream::find_places() {
  std::map<std::string, std::map<std::string, std::shared_ptr<actors::live_place>>> found;
  for (auto& place : from_.machines.places())
    if (farms_.contains(place->farm()))
      found[place->farm()][place->equipment()] = std::move(place);
  for (auto& [name, farm] : farms_) {
    auto& here = found[name];
    auto& fleet = farm.fleet;
    farm.fleet.begin(cursor_ + 1, daemon::wall_clock_us());
    std::erase_if(farm.places, [&](const auto& known) {
      if (here.contains(known.first))
        return false;
      if (const auto old = known.second.place.lock())
        old->frames().open(false);
      fleet.remove(known.first, settings_.node_name);
      return true;
    });
    for (auto& [machine, place] : here) {
      auto& known = farm.places[machine];
      if (known.place.lock() == place)
        continue;
      if (const auto old = known.place.lock())
        old->frames().open(false);
      known = {};
      known.place = place;
      known.node = settings_.node_name;
      place->want_detail(actors::live_place::wish_faults);
      farm.interest_due = {};
    }
    set_taps(farm);
  }
}

void live_stream::look_at(farm_state& farm, bool details) {
  farm.fleet.begin(cursor_ + 1, daemon::wall_clock_us());
  std::uint8_t wishes = actors::live_place::wish_faults;
  for (const auto& [key, one] : farm.views)
    if (one.view->wanted().wants_own_signals())
      wishes |= actors::live_place::wish_own_signals;
  for (auto& [machine, watched] : farm.places) {
    const auto place = watched.place.lock();
    if (place == nullptr)
      continue; // it is removed with the next look for places
    if (details && farm.seats > 0)
      place->want_detail(wishes);
    if (watched.tapped)
      take_frames(farm, *place);
    const auto version = place->version();
    if (version == watched.seen)
      continue;
    watched.seen = version;
    if (const auto latest = place->latest())
      farm.fleet.take(latest, watched.node);
    auto detail = place->detail();
    if (detail != nullptr && detail != watched.detail)
      farm.fleet.take(machine, *detail);
    watched.detail = std::move(detail);
  }
}

void live_stream::take_frames(farm_state& farm, actors::live_place& place) {
  auto taken = place.frames().take();
  if (taken.batches.empty() && taken.dropped == 0)
    return;
  for (auto& [key, one] : farm.views) {
    if (!one.taps.contains(place.equipment()))
      continue;
    one.view->note_dropped(taken.dropped);
    for (const auto& batch : taken.batches)
      one.view->add_frames(place.equipment(), batch);
  }
}

void live_stream::set_taps(farm_state& farm) {
  std::set<std::string> wanted;
  for (auto& [key, one] : farm.views) {
    one.taps.clear();
    if (!one.view->wanted().frames)
      continue;
    for (const auto& [machine, watched] : farm.places) {
      if (one.taps.size() >= settings_.limits.taps_max)
        break;
      if (one.view->wants_frames_of(machine))
        one.taps.insert(machine);
    }
    wanted.insert(one.taps.begin(), one.taps.end());
  }
  for (auto& [machine, watched] : farm.places) {
    const bool now = wanted.contains(machine);
    if (std::exchange(watched.tapped, now) == now)
      continue;
    if (const auto place = watched.place.lock()) {
      (void)place->frames().take(); // of an earlier watcher
      place->frames().open(now);
    }
  }
}

void live_stream::publish(farm_state& farm, clock::time_point now) {
  std::size_t frame_seats = 0;
  for (const auto& [key, one] : farm.views)
    frame_seats += one.view->wanted().frames ? one.seats.size() : 0;
  const auto& limits = settings_.limits;
  const auto frames_max = std::min(
    limits.client_frames_bytes_max,
    std::max(seat_frames_min, limits.frames_bytes_max / std::max<std::size_t>(1, frame_seats)));
  for (auto& [key, one] : farm.views) {
    bool news = false;
    if (farm.fleet.changed_at() > one.view->cursor() && now >= one.due) {
      one.view->publish(farm.fleet, cursor_);
      one.due = now + interval_of(one.view->wanted());
      news = true;
    }
    if (one.view->wanted().frames && now >= one.frames_due) {
      one.frames_due = now + std::max(frames_every, interval_of(one.view->wanted()));
      const auto made = one.view->take_frames();
      for (auto* seat : one.seats) {
        seat->frames_.note_dropped(made.dropped);
        for (const auto& text : made.texts)
          seat->frames_.push(text.text, text.frames, frames_max);
      }
      news = news || !made.texts.empty() || made.dropped > 0;
    }
    if (news)
      for (auto* seat : one.seats)
        wake(*seat);
  }
}

/// Once a second: rights that have ended, heartbeats, other nodes, farms that nobody watches any more.
void live_stream::sweep(clock::time_point now) {
  sweep_due_ = now + sweep_every;
  for (const auto& seat : seats_) {
    if (settings_.still_valid && !settings_.still_valid(seat->holder_.who))
      end(*seat, code_policy, "the token of this connection is no longer valid");
    if (now - seat->sent_ >= settings_.limits.heartbeat)
      wake(*seat);
  }
  std::erase_if(farms_, [&](auto& one) {
    return one.second.seats == 0 && now - one.second.empty_since >= settings_.limits.kept;
  });
  for (auto& [name, farm] : farms_)
    if (farm.seats > 0)
      ask_peers(name, farm, now);
}

void live_stream::ask_peers(const std::string& name, farm_state& farm, clock::time_point now) {
  auto* const others = from_.peers;
  if (others == nullptr || farm.asking || now < farm.peers_due)
    return;
  farm.asking = true;
  farm.peers_due = now + peers_every;
  proto::link::wish wish{{name, {}, false, false},
                         proto::link::machines_wish{{}, watched_elsewhere(farm), true}};
  // The answer may come at once, on this thread, which has the mutex: it is taken later.
  others->ask_peers(std::move(wish),
                    [weak = weak_from_this(), name, strand = strand_](actors::peers_said said) {
                      boost::asio::post(strand, [weak, name, said = std::move(said)] {
                        if (const auto self = weak.lock())
                          self->take_peers(name, said);
                      });
                    });
}

void live_stream::take_peers(const std::string& name, const actors::peers_said& said) {
  const std::scoped_lock lock{mutex_};
  const auto found = farms_.find(name);
  if (stopped_ || found == farms_.end())
    return;
  auto& farm = found->second;
  farm.asking = false;
  farm.fleet.begin(cursor_ + 1, daemon::wall_clock_us());
  std::set<std::string> answered{settings_.node_name};
  answered.insert(said.incomplete.begin(), said.incomplete.end()); // they may come back
  for (const auto& [node, reply] : said.answers) {
    const auto* page = std::get_if<proto::link::machines_page_answer>(reply.get());
    answered.insert(node);
    if (page == nullptr)
      continue;
    std::set<std::string> names;
    for (const auto& row : page->rows) {
      names.insert(row.equipment);
      farm.fleet.take(actors::from_wire(row, name), node);
      if (row.faults)
        farm.fleet.take(row.equipment, node, actors::from_wire(*row.faults));
    }
    farm.fleet.keep_only(node, names);
  }
  std::set<std::string> lost;
  for (const auto& [machine, known] : farm.fleet.machines())
    if (!known.gone() && !answered.contains(known.node))
      lost.insert(known.node);
  for (const auto& node : lost)
    farm.fleet.keep_only(node, {});
  if (farm.fleet.changed_at() > cursor_)
    ++cursor_;
}

} // namespace furrow::http
