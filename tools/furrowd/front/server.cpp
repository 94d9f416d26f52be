#include "tools/furrowd/front/server.hpp"

#include "actors/log/log.hpp"
#include "storage/identity/identities.hpp"
#include "tools/furrowd/front/cache_change.hpp"
#include "tools/furrowd/front/front.hpp"
#include "tools/furrowd/http/ask.hpp"
#include "tools/furrowd/stream/routes.hpp"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

namespace furrow::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t held_body_min = 64U << 10U;

/// A token of the node, or of several farms, names the farm that it asks about; the others have one.
std::optional<problem> choose_farm(call& made) {
  if (!made.farm || *made.farm == made.who.farm)
    return std::nullopt;
  if (!made.who.reaches(*made.farm))
    return problem{403, "not_permitted", "this token is for another farm",
                   "leave out the parameter farm"};
  if (made.farm->empty()) // would mean every farm to a store
    return problem{400, "bad_parameter", "invalid value: farm=\"\"", "write farm=NAME"};
  made.who.farm = *made.farm;
  return std::nullopt;
}

/// Whether the answer is about one farm that a token for several did not name: the header says which farm was asked.
bool assumes_farm(const route_match& match) {
  const auto needs = match.found->needs;
  if (!needs || !match.found->of_one_farm || match.made.farm
      || match.made.who.kind == daemon::credential_kind::local)
    return false;
  switch (*needs) {
  case daemon::permission::send:
  case daemon::permission::read:
  case daemon::permission::operate:
  case daemon::permission::administer:
    return match.made.who.every_farm || !match.made.who.farms.empty();
  case daemon::permission::be_known:
  case daemon::permission::manage:
  case daemon::permission::watch:
  case daemon::permission::oversee:
  case daemon::permission::govern:
    break;
  }
  return false;
}

/// What a call is about to change, for the audit log.
storage::audit_row note_of(const route_match& match) {
  using enum daemon::permission;
  const auto& made = match.made;
  const bool of_node = match.found->needs == govern || match.found->needs == watch;
  storage::audit_row row;
  row.who = made.who.name;
  row.origin = made.from;
  row.action = match.found->noted_as;
  row.farm = of_node ? "" : made.who.farm;
  row.object = row.farm;
  for (const auto& [name, value] : made.path)
    row.object += (row.object.empty() ? "" : "/") + value;
  if (match.found->noted_before)
    row.before = match.found->noted_before();
  if (nlohmann::json::accept(made.body))
    row.after = made.body;
  return row;
}

} // namespace

front::front(asio::io_context& io, http_config config, const actors::shown_parts& node)
  : io_{io}, store_{node.store}, config_{std::move(config)}, metrics_{config_.version},
    cache_{std::make_shared<summary_cache>(io_, config_.cache, config_.redis)},
    stream_{std::make_shared<live_stream>(
      io_,
      live_stream::settings{
        config_.node_name, config_.version, config_.stream,
        [this](const daemon::credential& who) { return guard_.still_valid(who); }},
      live_stream::sources{node.machines, node.dbc, node.peers, node.store})},
    api_{{config_.node_name, config_.version, config_.streams_max, config_.stream_wait,
          [this] {
            const std::scoped_lock lock{mutex_};
            return table_.open();
          },
          config_.connections.open_max, config_.gateways, config_.links, config_.access,
          config_.refresh_access, config_.sessions, stream_, config_.map, config_.settings},
         node,
         metrics_,
         *cache_},
    router_{api_.routes()}, guard_{config_.access}, body_bytes_max_{router_.body_bytes_max(
                                                      config_.body_bytes_max)},
    turns_{std::make_shared<places>(config_.turns_max)}, quick_turns_{std::make_shared<places>(
                                                           config_.quick_turns_max)},
    body_rooms_{std::make_shared<places>(config_.large_bodies_max)}, table_{config_.connections},
    progress_{std::make_shared<token_requests>(config_.token_requests_max)} {}

daemon::result<http_server::endpoint> front::listen() {
  const auto refuse = [this](const error_code& why) {
    return daemon::failure{daemon::errc::address,
                           fmt::format("cannot listen for HTTP on {}:{}: {}", config_.address,
                                       config_.port, why.message())};
  };
  error_code error;
  tcp::resolver resolver{io_};
  const auto found =
    resolver.resolve(config_.address, std::to_string(config_.port), tcp::resolver::passive, error);
  if (error || found.empty())
    return refuse(error ? error : asio::error::host_not_found);
  const auto at = found.begin()->endpoint();
  auto strand = asio::make_strand(io_);
  tcp::acceptor acceptor{strand};
  acceptor.open(at.protocol(), error);
  if (!error)
    acceptor.set_option(tcp::acceptor::reuse_address{true}, error);
  if (!error)
    acceptor.bind(at, error);
  if (!error)
    acceptor.listen(tcp::acceptor::max_listen_connections, error);
  const auto bound = error ? at : acceptor.local_endpoint(error);
  if (error)
    return refuse(error);
  acceptor_ = std::move(acceptor);
  auto connection = std::make_shared<open_connection>();
  connection->strand = strand;
  open_.emplace(0, connection);
  asio::co_spawn(strand, accept(),
                 asio::bind_cancellation_slot(connection->cut.slot(),
                                              [self = shared_from_this(), connection](
                                                const std::exception_ptr&) { self->ended(0); }));
  return bound;
}

asio::awaitable<void> front::accept() {
  while (!stopping()) {
    auto [error, socket] =
      co_await acceptor_->async_accept(asio::make_strand(io_), asio::as_tuple(asio::use_awaitable));
    if (!error) {
      serve(std::move(socket));
      continue;
    }
    if (error == asio::error::operation_aborted)
      break;
    // Most likely the process has no free file descriptor. Open connections go on, and some will end.
    log::warn(log::http, "accept_failed", {.error = error.message()},
              "HTTP: cannot accept a connection: {}; retrying", error.message());
    {
      const std::scoped_lock lock{mutex_};
      if (const auto idle = table_.give_way()) {
        metrics_.gave_way();
        close(*idle);
      }
    }
    asio::steady_timer pause{acceptor_->get_executor(), std::chrono::milliseconds{100}};
    co_await pause.async_wait(asio::use_awaitable);
  }
  error_code ignored;
  acceptor_->close(ignored); // the server stops in any case
}

void front::serve(tcp::socket socket) {
  auto connection = std::make_shared<open_connection>();
  connection->strand = socket.get_executor();
  error_code gone;
  const auto share = share_of(socket.remote_endpoint(gone).address());
  std::uint64_t id = 0;
  bool address_full = false;
  {
    const std::scoped_lock lock{mutex_};
    if (stopping_)
      return;
    const auto entered = table_.enter(next_id_, share);
    address_full = entered.address_full;
    if (entered.gives_way) {
      metrics_.gave_way();
      close(*entered.gives_way);
    }
    if (entered.got != connection_table::place::none) {
      id = next_id_++;
      open_.emplace(id, connection);
      metrics_.connections(table_.open());
    }
  }
  if (id == 0) {
    metrics_.refused(address_full);
    turn_away(std::move(socket), config_.tls.on(), too_many_connections(address_full));
    return;
  }
  asio::co_spawn(
    connection->strand, run_connection(shared_from_this(), std::move(socket), id),
    asio::bind_cancellation_slot(connection->cut.slot(), [self = shared_from_this(), connection,
                                                          id](const std::exception_ptr&) {
      // A connection that ends with an error was closed, by us or by its client.
      self->ended(id);
    }));
}

void front::ended(std::uint64_t id) {
  std::function<void()> call;
  {
    const std::scoped_lock lock{mutex_};
    open_.erase(id);
    table_.leave(id);
    if (open_.empty() && stopping_)
      call = std::exchange(stopped_, {});
    if (id != 0)
      metrics_.connections(table_.open());
  }
  if (call)
    call();
}

void front::close(std::uint64_t id) {
  const auto found = open_.find(id);
  if (found == open_.end())
    return;
  asio::post(found->second->strand, [connection = found->second] {
    connection->cut.emit(asio::cancellation_type::terminal);
  });
}

void front::limit(const front_limits& limits, std::chrono::milliseconds cache_ttl) {
  {
    const std::scoped_lock lock{mutex_};
    for (const auto id : table_.limit(limits.connections_max, limits.of_one_address()))
      close(id);
  }
  progress_->limit(limits.token_requests_max);
  api_.limit(limits.connections_max);
  cache_->limit(cache_ttl);
}

void front::waits(std::uint64_t id) {
  const std::scoped_lock lock{mutex_};
  table_.wait(id);
  if (const auto found = open_.find(id); found != open_.end())
    found->second->works = false;
}

connection_table::entrance front::works(std::uint64_t id) {
  const std::scoped_lock lock{mutex_};
  const auto made = table_.work(id);
  if (made.gives_way) {
    metrics_.gave_way();
    close(*made.gives_way);
  }
  if (const auto found = open_.find(id); found != open_.end())
    found->second->works = made.got != connection_table::place::none;
  return made;
}

std::chrono::milliseconds front::wrong_token(const std::string& peer) {
  metrics_.wrong_token();
  const auto now = daemon::failed_attempts::clock::now();
  daemon::failed_attempts::verdict made;
  {
    const std::scoped_lock lock{mutex_};
    made = wrong_tokens_.note(peer, now);
  }
  if (made.tell)
    log::warn(log::http, "wrong_token", {.peer = peer, .count = *made.tell},
              "HTTP: wrong token from {} ({} wrong since the last such line); repeated ones are "
              "answered slowly",
              peer, *made.tell);
  return made.wait;
}

bool front::stopping() {
  const std::scoped_lock lock{mutex_};
  return stopping_;
}

void front::stop(std::function<void()> stopped) {
  const std::scoped_lock lock{mutex_};
  if (stopped) {
    if (open_.empty())
      asio::post(io_, std::move(stopped));
    else
      stopped_ = std::move(stopped);
  }
  if (std::exchange(stopping_, true))
    return;
  cache_->stop();
  stream_->stop();
  for (const auto& [id, connection] : open_)
    asio::post(connection->strand, [connection = connection] {
      connection->cut.emit(asio::cancellation_type::terminal);
    });
}

asio::awaitable<bool> front::learn() {
  constexpr std::chrono::seconds learn_every{1};
  constexpr std::chrono::seconds learn_limit{2};
  const auto generation = config_.access->generation();
  {
    const std::scoped_lock lock{mutex_};
    const auto now = std::chrono::steady_clock::now();
    if (!config_.refresh_access || now - learnt_ < learn_every)
      co_return false;
    learnt_ = now;
  }
  const auto start = [this](auto done) { config_.refresh_access([done] { done(true); }); };
  (void)co_await ask<bool>(start, learn_limit);
  co_return config_.access->generation() != generation;
}

void front::look_at_access() {
  constexpr std::chrono::seconds last_answer{1}; // of who has just ended the own session
  const auto now_us = daemon::wall_clock_us();
  const auto now = std::chrono::steady_clock::now();
  const std::scoped_lock lock{mutex_};
  for (const auto& [id, connection] : open_) {
    if (!connection->who || config_.access->holds(*connection->who, now_us, connection->works))
      continue;
    if (!connection->ends)
      connection->ends = now;
    if (connection->works && now - *connection->ends < last_answer)
      continue;
    connection->who.reset();
    close(id);
  }
}

void front::remember(std::uint64_t id, std::optional<daemon::credential> who) {
  const std::scoped_lock lock{mutex_};
  if (const auto at = open_.find(id); at != open_.end()) {
    at->second->who = std::move(who);
    at->second->ends.reset();
  }
}

/// A ticket stands for the token that it was made with.
std::variant<route_match, problem> front::admit_ticket(route_match match, std::uint64_t id) {
  auto holder = stream_->redeem_ticket(match.made.query.at(ticket_parameter));
  if (!holder || !guard_.still_valid(holder->who))
    return problem{401, "unknown_ticket", "this ticket is unknown, used, or too old",
                   "get another one from POST /api/v1/stream/tickets of this node"};
  match.made.who = std::move(holder->who);
  match.made.offer.token = std::move(holder->token);
  remember(id, match.made.who);
  if (auto wrong = choose_farm(match.made))
    return std::move(*wrong);
  return match;
}

std::variant<route_match, problem> front::admit(const request& request, std::uint64_t id) {
  auto match = router_.find(request);
  const auto* found = std::get_if<route_match>(&match);
  if (found != nullptr && found->made.query.contains(ticket_parameter))
    return admit_ticket(std::get<route_match>(std::move(match)), id);
  // That a path does not exist is no secret. Still, only clients with a token may ask, unless the node is open.
  const auto needs =
    found != nullptr ? found->found->needs : std::optional{daemon::permission::read};
  auto who = guard_.admit(request, needs);
  if (auto* refused = std::get_if<problem>(&who)) {
    if (found != nullptr || refused->status == 401)
      return std::move(*refused);
    return match;
  }
  if (found != nullptr) {
    auto& made = std::get<route_match>(match).made;
    made.who = std::get<daemon::credential>(std::move(who));
    if (!found->found->lasts && !(made.share = progress_->take(made.who))) {
      metrics_.token_limited();
      return too_many_requests();
    }
    remember(id, needs ? std::optional{made.who} : std::nullopt);
    if (const auto at = request.authorization.find(' '); at != std::string::npos)
      made.offer.token = daemon::hash_of_token(request.authorization.substr(at + 1));
    if (auto wrong = choose_farm(made))
      return std::move(*wrong);
  }
  return match;
}

void front::write_note(storage::audit_row row, const std::string& said) {
  auto* const log = storage::audit_of(store_);
  if (log == nullptr)
    return;
  row.detail = said;
  const auto text = fmt::format("{} {} by {} from {}", row.action, row.object, row.who, row.origin);
  log->note(std::move(row), [text](const storage::result<done>& noted) {
    if (!noted)
      log::error(log::store, "audit_not_written", {.error = noted.error().detail},
                 "audit log: not written: {}: {}", text, noted.error().detail);
  });
}

asio::awaitable<place> front::take_body_room(std::string farm) {
  return take_place(body_rooms_, std::move(farm), config_.turn_wait);
}

asio::awaitable<response> front::answer(route_match match) {
  std::string what;
  try {
    const auto farm = match.made.who.farm;
    const bool assumed = assumes_farm(match);
    const auto share = std::move(match.made.share);
    place turn;
    if (match.found->takes_turn) {
      const bool quick = match.found->at_hand && cache_->on();
      auto queue = quick ? quick_turns_ : turns_;
      turn = co_await take_place(std::move(queue), farm, config_.turn_wait);
      if (!turn)
        co_return to_response(
          {503, "busy", "too many requests wait for the database", "try again"});
    }
    auto note = match.found->noted_as.empty() ? std::optional<storage::audit_row>{}
                                              : std::optional{note_of(match)};
    const cache_change change{*cache_, farm, *match.found};
    auto said = co_await match.found->run(std::move(match.made));
    if (note && said.status < 300)
      write_note(std::move(*note), said.body);
    said.share = share;
    if (assumed)
      said.headers.emplace_back("Furrow-Assumed-Farm", farm);
    if (said.body.size() > held_body_min)
      said.turn = std::move(turn); // large bodies that wait for slow clients must not pile up
    co_return said;
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted)
      throw;
    what = error.what();
  } catch (const std::exception& error) {
    what = error.what();
  }
  log::error(log::http, "request_failed", {.error = what}, "HTTP: {} {} failed: {}",
             match.found->method, match.found->pattern, what);
  co_return to_response(
    {500, "internal", "internal error of this node", "the log of the node gives the reason"});
}

http_server::http_server(asio::io_context& io, http_config config, const actors::shown_parts& node)
  : front_{std::make_shared<front>(io, std::move(config), node)} {}
http_server::~http_server() {
  front_->stop({});
}

daemon::result<http_server::endpoint> http_server::start() {
  return front_->listen();
}
void http_server::drain() {
  front_->drain();
}
void http_server::look_at_access() {
  front_->look_at_access();
}
void http_server::limit(const front_limits& limits, std::chrono::milliseconds cache_ttl) {
  front_->limit(limits, cache_ttl);
}
front_figures http_server::figures() {
  return front_->figures();
}
void http_server::stop(std::function<void()> stopped) {
  front_->stop(std::move(stopped));
}

} // namespace furrow::http
