#include "tools/furrowd/stream/live_stream.hpp"

#include "can/text/json.hpp"
#include "can/text/put.hpp"
#include "tools/furrowd/access/authority.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr std::size_t notes_max = 32;
constexpr std::size_t woken_at_once = 16; // clients, before others have their turn
constexpr int empty_pieces_max = 16;      // made for one call of `next`

constexpr std::uint16_t code_going_away = 1001;

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

} // namespace

live_stream::live_stream(boost::asio::io_context& io, settings given, const sources& from)
  : settings_{std::move(given)}, from_{from}, strand_{boost::asio::make_strand(io)},
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
  append_time(hello, daemon::wall_clock_us());
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
      if (auto text = seat.view_->next(seat.at_, farm->second.fleet, daemon::wall_clock_us()))
        return give(std::move(text));
  if (auto text = seat.frames_.pop())
    return give(std::move(text));
  if (now - seat.sent_ >= settings_.limits.heartbeat) {
    std::string tick = R"({"type":"tick","time":)";
    append_time(tick, daemon::wall_clock_us());
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

/// Puts a client among those with the same filters.
void live_stream::see(farm_state& farm, stream_seat& seat, subscription wanted) {
  const auto resume = std::exchange(wanted.resume, {});
  auto& one = farm.views[view_key(wanted, seat.form_)];
  if (one.view == nullptr)
    one.view = std::make_shared<stream_view>(
      std::move(wanted), seat.form_, epoch_, cursor_,
      [board = &from_.dbc, of_farm = seat.holder_.who.farm](const std::string& machine) {
        return bus_names{board, of_farm, machine};
      });
  if (one.seats.empty())
    one.view->publish(farm.fleet, cursor_);
  if (one.seats.empty())
    farm.interest_due = {}; // with the next look
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
