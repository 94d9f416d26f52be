#include "tools/furrowd/front/server.hpp"

#include "actors/log/log.hpp"
#include "tools/furrowd/front/front.hpp"

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

namespace furrow::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t held_body_min = 64U << 10U;

/// A token of the node names the farm that it asks about; the others have one.
std::optional<problem> choose_farm(call& made) {
  if (!made.farm || *made.farm == made.who.farm)
    return std::nullopt;
  if (!made.who.every_farm)
    return problem{403, "not_permitted", "this token is for another farm",
                   "leave out the parameter farm"};
  if (made.farm->empty()) // would mean every farm to a store
    return problem{400, "bad_parameter", "invalid value: farm=\"\"", "write farm=NAME"};
  made.who.farm = *made.farm;
  return std::nullopt;
}

/// Whether the answer is about one farm that a token of the node did not name: the header says which farm was asked.
bool assumes_farm(const route_match& match) {
  const auto needs = match.found->needs;
  return needs && *needs != daemon::permission::watch && *needs != daemon::permission::govern
         && match.made.who.every_farm && !match.made.farm;
}

} // namespace

front::front(asio::io_context& io, http_config config, actors::node& node)
  : io_{io}, config_{std::move(config)}, metrics_{config_.version}, cache_{io_, config_.cache,
                                                                           config_.redis},
    api_{{config_.node_name, config_.version, config_.streams_max, config_.stream_wait,
          [this] {
            const std::scoped_lock lock{mutex_};
            return table_.open();
          },
          config_.connections.open_max, config_.gateways, config_.links},
         node,
         metrics_,
         cache_},
    router_{api_.routes()}, guard_{config_.tokens},
    turns_{std::make_shared<places>(config_.turns_max)}, table_{config_.connections} {}

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
      if (const auto idle = table_.give_way())
        close(*idle);
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
  std::uint64_t id = 0;
  {
    const std::scoped_lock lock{mutex_};
    if (stopping_)
      return;
    const auto entered = table_.enter(next_id_);
    if (entered.gives_way)
      close(*entered.gives_way);
    if (entered.got != connection_table::place::none) {
      id = next_id_++;
      open_.emplace(id, connection);
      metrics_.connections(table_.open());
    }
  }
  if (id == 0) {
    metrics_.refused();
    turn_away(std::move(socket), config_.tls != nullptr);
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
  metrics_.gave_way();
  asio::post(found->second->strand, [connection = found->second] {
    connection->cut.emit(asio::cancellation_type::terminal);
  });
}

void front::waits(std::uint64_t id) {
  const std::scoped_lock lock{mutex_};
  table_.wait(id);
}

connection_table::place front::works(std::uint64_t id) {
  const std::scoped_lock lock{mutex_};
  const auto made = table_.work(id);
  if (made.gives_way)
    close(*made.gives_way);
  return made.got;
}

std::chrono::milliseconds front::wrong_token(const std::string& peer) {
  metrics_.wrong_token();
  const auto now = wrong_tokens::clock::now();
  std::chrono::milliseconds wait{0};
  {
    const std::scoped_lock lock{mutex_};
    wait = wrong_tokens_.note(peer, now);
  }
  log::warn(log::http, "wrong_token", {.peer = peer},
            "HTTP: wrong token from {}; repeated ones are answered slowly", peer);
  return wait;
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
  cache_.stop();
  for (const auto& [id, connection] : open_)
    asio::post(connection->strand, [connection = connection] {
      connection->cut.emit(asio::cancellation_type::terminal);
    });
}

std::variant<route_match, problem> front::admit(const request& request) const {
  auto match = router_.find(request);
  const auto* found = std::get_if<route_match>(&match);
  // That a path does not exist is no secret. Still, with a token file only clients with a token may ask.
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
    if (auto wrong = choose_farm(made))
      return std::move(*wrong);
  }
  return match;
}

asio::awaitable<response> front::answer(route_match match) {
  std::string what;
  try {
    const bool changes = match.found->method != "GET";
    const auto farm = match.made.who.farm;
    const bool assumed = config_.tokens.has_value() && assumes_farm(match);
    place turn;
    if (match.found->takes_turn) {
      turn = co_await take_place(turns_, farm, config_.turn_wait);
      if (!turn)
        co_return to_response(
          {503, "busy", "too many requests wait for the database", "try again"});
    }
    auto said = co_await match.found->run(std::move(match.made));
    if (assumed)
      said.headers.emplace_back("Furrow-Assumed-Farm", farm);
    if (said.body.size() > held_body_min)
      said.turn = std::move(turn); // large bodies that wait for slow clients must not pile up
    if (changes)
      cache_.forget(farm); // also after a failure: the change may have been made
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

http_server::http_server(asio::io_context& io, http_config config, actors::node& node)
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
front_figures http_server::figures() {
  return front_->figures();
}
void http_server::stop(std::function<void()> stopped) {
  front_->stop(std::move(stopped));
}

} // namespace furrow::http
