#include "tools/furrowd/stream/live_stream.hpp"

#include "actors/cluster/peer_nodes.hpp"
#include "actors/cluster/peer_rows.hpp"
#include "can/text/json.hpp"
#include "can/text/put.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr std::chrono::milliseconds tick_min{2};
constexpr std::chrono::milliseconds tick_max{20};
constexpr std::chrono::milliseconds places_every{50};
constexpr std::chrono::milliseconds details_every{500};
constexpr std::chrono::milliseconds peers_every{1'000};
constexpr std::chrono::milliseconds sweep_every{1'000};
constexpr std::chrono::milliseconds frames_every{100};
constexpr std::size_t notes_max = 32;
constexpr std::size_t seat_frames_min = 16U << 10U;
constexpr std::size_t woken_at_once = 16; // clients, before others have their turn
constexpr int empty_pieces_max = 16;      // made for one call of `next`

constexpr std::uint16_t code_going_away = 1001;
constexpr std::uint16_t code_policy = 1008;

std::int64_t stream_now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
           std::chrono::system_clock::now().time_since_epoch())
    .count();
}

std::string make_epoch() {
  std::random_device random;
  return fmt::format("{:08x}", static_cast<std::uint32_t>(random()));
}

std::string view_key(const subscription& wanted, stream_form form) {
  return (form == stream_form::events ? "e" : "w") + wanted.key();
}

problem too_many_clients(std::string_view of, std::size_t limit) {
  return {429, "too_many_stream_clients",
          fmt::format("{} has {} clients of the live stream, which is the limit", of, limit),
          "close one of them, or try again"};
}

std::chrono::milliseconds interval_of(const subscription& wanted) {
  return std::chrono::milliseconds{static_cast<std::int64_t>(std::lround(1'000 / wanted.max_hz))};
}

} // namespace

live_stream::live_stream(boost::asio::io_context& io, settings given, actors::node& node)
  : settings_{std::move(given)}, node_{node}, strand_{boost::asio::make_strand(io)},
    timer_{strand_}, epoch_{make_epoch()} {}

std::variant<std::shared_ptr<stream_seat>, problem>
live_stream::join(subscription wanted, stream_holder holder, std::string peer, stream_form form) {
  const auto& limits = settings_.limits;
  const std::scoped_lock lock{mutex_};
  if (stopped_ || draining_)
    return problem{503, "draining", "this node is about to stop", "use another node"};
  const auto of_token = std::count_if(seats_.begin(), seats_.end(), [&](const auto& one) {
    return one->holder_.token == holder.token;
  });
  const auto of_address = std::count_if(seats_.begin(), seats_.end(),
                                        [&](const auto& one) { return one->peer_ == peer; });
  if (seats_.size() >= limits.clients_max)
    return too_many_clients("this node", limits.clients_max);
  if (static_cast<std::size_t>(of_token) >= limits.token_clients_max)
    return too_many_clients("this token", limits.token_clients_max);
  if (static_cast<std::size_t>(of_address) >= limits.address_clients_max)
    return too_many_clients("this address", limits.address_clients_max);

  const auto now = clock::now();
  auto seat = std::make_shared<stream_seat>(std::move(holder), std::move(peer), form);
  seat->sent_ = now;
  auto& farm = farms_[wanted.farm];
  ++farm.seats;
  seats_.insert(seat);
  if (farm.seats == 1 || !armed_) { // what is on the board now belongs into the snapshot
    places_due_ = now;
    look(now);
  }
  std::string hello = R"({"type":"hello","time":)";
  append_time(hello, stream_now_us());
  hello += R"(,"node":)";
  can::text::append_json_text(hello, settings_.node_name);
  hello += R"(,"version":)";
  can::text::append_json_text(hello, settings_.version);
  hello += R"(,"farm":)";
  can::text::append_json_text(hello, wanted.farm);
  hello += R"(,"heartbeat_ms":)";
  can::text::append_decimal(hello, static_cast<std::uint64_t>(limits.heartbeat.count()));
  hello += '}';
  note(*seat, "hello", std::move(hello));
  see(farm, *seat, std::move(wanted));
  if (!std::exchange(armed_, true))
    boost::asio::post(strand_, [self = shared_from_this()] { self->arm(); });
  return seat;
}

void live_stream::on_news(stream_seat& seat,
                          std::function<void()> wake,
                          std::function<void()> cut) {
  const std::scoped_lock lock{mutex_};
  seat.wake_ = std::move(wake);
  seat.cut_ = std::move(cut);
}

void live_stream::subscribe(stream_seat& seat, subscription wanted, const std::string& id) {
  const std::scoped_lock lock{mutex_};
  const auto farm = farms_.find(seat.holder_.who.farm);
  if (stopped_ || seat.ended_ || farm == farms_.end())
    return;
  note(seat, "subscribed", R"({"type":"subscribed","id":)" + id + "}");
  unsee(farm->second, seat);
  see(farm->second, seat, std::move(wanted));
  wake(seat);
}

void live_stream::refuse(stream_seat& seat, const client_mistake& mistake) {
  std::string out = R"({"type":"error","id":)" + mistake.id;
  for (const auto& [key, text] :
       {std::pair{"code", &mistake.why.code}, std::pair{"message", &mistake.why.message},
        std::pair{"hint", &mistake.why.hint}})
    out += fmt::format(
      R"(,"{}":{})", key,
      nlohmann::json(*text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  out += '}';
  const std::scoped_lock lock{mutex_};
  note(seat, "error", std::move(out));
  wake(seat);
}

stream_message live_stream::next(stream_seat& seat) {
  const std::scoped_lock lock{mutex_};
  const auto now = clock::now();
  const auto give = [&](shared_text text) {
    seat.sent_ = now;
    return stream_message{std::move(text), false, {}, 1000};
  };
  const auto text_of = [&](const char* type, std::string json) {
    return give(
      std::make_shared<const std::string>(stream_text(seat.form_, type, {}, std::move(json))));
  };
  if (!seat.notes_.empty()) {
    auto text = std::move(seat.notes_.front());
    seat.notes_.pop_front();
    return give(std::move(text));
  }
  if (seat.ended_)
    return {nullptr, true, seat.end_reason_, seat.end_code_};
  if (const auto dropped = seat.frames_.take_dropped(); dropped > 0)
    return text_of("dropped", fmt::format(R"({{"type":"dropped","frames":{}}})", dropped));
  if (const auto farm = farms_.find(seat.holder_.who.farm);
      farm != farms_.end() && seat.view_ != nullptr)
    for (int made = 0; made < empty_pieces_max && seat.view_->has_news(seat.at_); ++made)
      if (auto text = seat.view_->next(seat.at_, farm->second.fleet, stream_now_us()))
        return give(std::move(text));
  if (auto text = seat.frames_.pop())
    return give(std::move(text));
  if (now - seat.sent_ >= settings_.limits.heartbeat) {
    std::string tick = R"({"type":"tick","time":)";
    append_time(tick, stream_now_us());
    tick += '}';
    return text_of("tick", std::move(tick));
  }
  seat.waiting_ = true;
  if (seat.view_ != nullptr && seat.view_->has_news(seat.at_))
    wake(seat); // it goes on after others had their turn
  return {};
}

void live_stream::kick(stream_seat& seat, std::uint16_t code, const std::string& reason) {
  const std::scoped_lock lock{mutex_};
  end(seat, code, reason);
}

void live_stream::leave(const std::shared_ptr<stream_seat>& seat) {
  const std::scoped_lock lock{mutex_};
  if (seats_.erase(seat) == 0)
    return;
  seat->wake_ = seat->cut_ = {};
  const auto farm = farms_.find(seat->holder_.who.farm);
  if (farm == farms_.end())
    return;
  unsee(farm->second, *seat);
  if (--farm->second.seats == 0)
    farm->second.empty_since = clock::now();
}

std::optional<std::string> live_stream::issue_ticket(stream_holder holder) {
  const std::scoped_lock lock{mutex_};
  return tickets_.issue(std::move(holder), clock::now());
}

std::optional<stream_holder> live_stream::redeem_ticket(std::string_view ticket) {
  const std::scoped_lock lock{mutex_};
  return tickets_.redeem(ticket, clock::now());
}

std::size_t live_stream::clients() {
  const std::scoped_lock lock{mutex_};
  return seats_.size();
}

void live_stream::drain() {
  const std::scoped_lock lock{mutex_};
  draining_ = true;
  for (const auto& seat : seats_)
    end(*seat, code_going_away, "this node is about to stop");
}

void live_stream::stop() {
  drain();
  const std::scoped_lock lock{mutex_};
  if (std::exchange(stopped_, true))
    return;
  for (const auto& seat : seats_)
    if (seat->cut_)
      seat->cut_();
  for (auto& [name, farm] : farms_)
    for (auto& [machine, watched] : farm.places)
      if (const auto place = watched.place.lock())
        place->frames().open(false);
}

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
    for (auto& [name, farm] : farms_)
      publish(farm, now);
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
  for (auto& place : node_.live_places())
    if (farms_.contains(place->farm()))
      found[place->farm()][place->equipment()] = std::move(place);
  for (auto& [name, farm] : farms_) {
    auto& here = found[name];
    farm.fleet.begin(cursor_ + 1, stream_now_us());
    std::erase_if(farm.places, [&](const auto& known) {
      if (here.contains(known.first))
        return false;
      if (const auto old = known.second.place.lock())
        old->frames().open(false);
      farm.fleet.remove(known.first, settings_.node_name);
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
    }
    set_taps(farm);
  }
}

void live_stream::look_at(farm_state& farm, bool details) {
  farm.fleet.begin(cursor_ + 1, stream_now_us());
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
    if (settings_.still_valid && !settings_.still_valid(seat->holder_.who, seat->holder_.token))
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
  auto* const others = node_.peers();
  if (others == nullptr || farm.asking || now < farm.peers_due)
    return;
  farm.asking = true;
  farm.peers_due = now + peers_every;
  proto::link::wish wish{{name, {}, false, false}, proto::link::machines_wish{}};
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
  farm.fleet.begin(cursor_ + 1, stream_now_us());
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

/// Puts a client among those with the same filters.
void live_stream::see(farm_state& farm, stream_seat& seat, subscription wanted) {
  const auto resume = std::exchange(wanted.resume, {});
  auto& one = farm.views[view_key(wanted, seat.form_)];
  if (one.view == nullptr)
    one.view = std::make_shared<stream_view>(std::move(wanted), seat.form_, epoch_, cursor_);
  if (one.seats.empty())
    one.view->publish(farm.fleet, cursor_);
  one.seats.insert(&seat);
  seat.view_ = one.view;
  seat.at_ = one.view->begin(resume, farm.fleet);
  seat.frames_.clear();
  set_taps(farm);
}

void live_stream::unsee(farm_state& farm, stream_seat& seat) {
  if (seat.view_ == nullptr)
    return;
  const auto found = farm.views.find(view_key(seat.view_->wanted(), seat.form_));
  seat.view_ = nullptr;
  if (found == farm.views.end())
    return;
  found->second.seats.erase(&seat);
  if (found->second.seats.empty())
    farm.views.erase(found);
  set_taps(farm);
}

void live_stream::note(stream_seat& seat, const char* type, std::string json) {
  if (seat.notes_.size() >= notes_max)
    return end(seat, code_policy, "too many messages without reading the answers");
  seat.notes_.push_back(
    std::make_shared<const std::string>(stream_text(seat.form_, type, {}, std::move(json))));
}

void live_stream::wake(stream_seat& seat) {
  if (!seat.wake_ || !std::exchange(seat.waiting_, false))
    return;
  woken_.push_back(seat.shared_from_this());
  if (!std::exchange(waking_, true))
    boost::asio::post(strand_, [self = shared_from_this()] { self->wake_some(); });
}

/// A thousand clients at once would be a queue before every other request on this thread.
void live_stream::wake_some() {
  const std::scoped_lock lock{mutex_};
  for (std::size_t i = 0; i < woken_at_once && !woken_.empty(); ++i) {
    const auto seat = std::move(woken_.front());
    woken_.pop_front();
    if (seat->wake_)
      seat->wake_();
  }
  waking_ = !woken_.empty();
  if (waking_)
    boost::asio::post(strand_, [self = shared_from_this()] { self->wake_some(); });
}

void live_stream::end(stream_seat& seat, std::uint16_t code, std::string reason) {
  if (std::exchange(seat.ended_, true))
    return;
  seat.end_code_ = code;
  seat.end_reason_ = std::move(reason);
  wake(seat);
}

} // namespace furrow::http
