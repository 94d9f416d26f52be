#include "tools/furrowd/gateway/listener.hpp"

#include "actors/log/log.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace furrow::daemon {

namespace asio = boost::asio;
using asio::ip::tcp;

static constexpr std::size_t slice_min = 200;

/// The resolver takes the low 16 bits of any number, and an empty text for port 0.
static bool is_port(const std::string& text) {
  unsigned port = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  return error == std::errc{} && stop == end && port <= 65'535;
}

result<done> check_address(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0)
    return failure{errc::address,
                   "'" + text
                     + "' is not a valid address: expected HOST:PORT, such as 127.0.0.1:7400"};
  if (!is_port(text.substr(colon + 1)))
    return failure{errc::address,
                   "'" + text + "' is not a valid address: expected a port from 0 to 65535"};
  return done{};
}

result<tcp::endpoint> listen_address(const std::string& text) {
  const auto sound = check_address(text);
  if (!sound)
    return sound.error();
  const auto colon = text.rfind(':');
  auto host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  asio::io_context io;
  boost::system::error_code error;
  const auto found =
    tcp::resolver{io}.resolve(host, text.substr(colon + 1), tcp::resolver::passive, error);
  if (error || found.empty())
    return failure{errc::address,
                   "'" + text + "' is not a valid address to listen on: " + error.message()};
  return found.begin()->endpoint();
}

std::string to_text(const tcp::endpoint& endpoint) {
  const auto host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":"
         + std::to_string(endpoint.port());
}

gateway_listener::gateway_listener(asio::io_context& io,
                                   gateway_config config,
                                   session_context context)
  : io_{io}, config_{std::move(config)}, context_{std::make_shared<const session_context>(
                                           std::move(context))},
    acceptor_{io}, timer_{io}, leaving_{io} {}

gateway_listener::~gateway_listener() {
  stop();
}

result<done> gateway_listener::open() {
  const auto address = listen_address(config_.listen);
  if (!address)
    return address.error();
  boost::system::error_code error;
  acceptor_.open(address->protocol(), error);
  if (!error)
    acceptor_.set_option(tcp::acceptor::reuse_address{true}, error);
  if (!error)
    acceptor_.bind(*address, error);
  return error ? result<done>{cannot_listen(error)} : result<done>{done{}};
}

failure gateway_listener::cannot_listen(const boost::system::error_code& why) const {
  return {errc::address, "cannot listen on " + config_.listen + ": " + why.message()};
}

result<std::string> gateway_listener::start() {
  boost::system::error_code error;
  acceptor_.listen(1'024, error);
  if (error)
    return cannot_listen(error);
  asio::co_spawn(io_, accept(), asio::detached);
  asio::co_spawn(io_, tick(), asio::detached);
  return to_text(acceptor_.local_endpoint());
}

asio::awaitable<void> gateway_listener::accept() {
  while (acceptor_.is_open()) {
    boost::system::error_code error;
    auto socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (!error) {
      admit(std::move(socket));
      continue;
    }
    if (!acceptor_.is_open())
      co_return;
    // Most likely the process has no free file descriptor. The pause prevents a busy loop.
    log::warn(log::gateway, "accept_failed", {.error = error.message()},
              "cannot accept a gateway: {}", error.message());
    asio::steady_timer pause{io_, std::chrono::milliseconds{200}};
    co_await pause.async_wait(asio::use_awaitable);
  }
}

void gateway_listener::admit(tcp::socket socket) {
  boost::system::error_code error;
  const auto peer = socket.remote_endpoint(error);
  if (error)
    return; // disconnected already
  if (sessions_.size() >= config_.sessions_max) {
    turn_away(to_text(peer));
    return; // the socket closes here
  }
  socket.set_option(tcp::no_delay{true}, error);
  const auto id = ++last_;
  auto session = std::make_shared<gateway_session>(
    context_, make_byte_stream(std::move(socket), config_.tls.newest()),
    asio::any_io_executor{io_.get_executor()}, to_text(peer));
  sessions_[id] = session;
  session->start([this, id] { ended(id); });
}

void gateway_listener::turn_away(const std::string& peer) {
  const auto why =
    "this node has " + std::to_string(config_.sessions_max) + " sessions, as many as it may";
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  context_->book->refused(peer, {}, {}, refusal::full, why,
                          std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  log::warn(log::gateway, "gateway_rejected", {.peer = peer, .error = why},
            "gateway {}: rejected ({}): {}", peer, to_string(refusal::full), why);
}

asio::awaitable<void> gateway_listener::tick() {
  // After `stop` it goes on until the last session has ended: a gateway that does not read must not hold the process.
  while (!stopped_ || !sessions_.empty()) {
    timer_.expires_after(std::chrono::seconds{1});
    boost::system::error_code ignored; // cancelled: stopped_ is set then
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    std::vector<std::shared_ptr<gateway_session>> sessions; // a copy: a tick may end sessions
    sessions.reserve(sessions_.size());
    for (const auto& [id, session] : sessions_)
      sessions.push_back(session);
    const auto now = gateway_session::clock::now();
    for (const auto& session : sessions)
      session->tick(now);
  }
}

void gateway_listener::follow(const actors::cluster_view& view) {
  if (stopped_ || !acceptor_.is_open())
    return;
  send_away(view);
  std::size_t own = 0;
  for (const auto& [id, session] : sessions_)
    own += session->serves() ? 1 : 0;
  for (const auto& move : balance_.look(view, own, gateway_session::clock::now()))
    send_some(view, move);
}

void gateway_listener::send_away(const actors::cluster_view& view) {
  if (!actors::is_draining(view) && !view.cut_off() && (!view.pins || view.pins->empty()))
    return;
  // A few at a time: the nodes that take them claim each one's stream. Here nothing is stored: none has to wait.
  auto left =
    view.cut_off() ? sessions_.size() : std::max<std::size_t>(slice_min, sessions_.size() / 10);
  const auto sessions = sessions_; // a copy: a session that ends leaves the map
  for (const auto& [id, session] : sessions) {
    if (left == 0)
      return;
    if (!session->serves())
      continue;
    const auto place =
      actors::other_place(view, session->farm(), session->equipment(), session->unreachable());
    if (!place)
      continue;
    session->move_to(*place);
    --left;
  }
}

void gateway_listener::send_some(const actors::cluster_view& view,
                                 const actors::balance::move& move) {
  std::vector<std::shared_ptr<gateway_session>>
    belong; // by rendezvous: their next Hello goes there, too
  std::vector<std::shared_ptr<gateway_session>> others;
  for (const auto& [id, session] : sessions_) {
    const auto pinned = view.pins && view.pins->contains({session->farm(), session->equipment()});
    const auto& lost = session->unreachable();
    if (!session->serves() || pinned
        || std::find(lost.begin(), lost.end(), move.address) != lost.end())
      continue;
    const auto* home = actors::home_of(view, session->equipment());
    (home != nullptr && home->who.name == move.node ? belong : others).push_back(session);
  }
  belong.insert(belong.end(), others.begin(), others.end());
  belong.resize(std::min(belong.size(), move.machines));
  for (const auto& session : belong)
    session->move_to(move.address);
  log::info(log::gateway, "gateways_moved", {.peer = move.node, .count = belong.size()},
            "cluster: this node has more machines than its share: {} go to {}", belong.size(),
            move.node);
}

void gateway_listener::ended(std::uint64_t session) {
  sessions_.erase(session);
  if (left_ && sessions_.empty())
    leaving_.cancel(); // nobody is left to wait for
}

void gateway_listener::goaway(std::chrono::milliseconds patience, std::function<void()> left) {
  boost::system::error_code ignored; // closing
  acceptor_.close(ignored);
  left_ = std::move(left);
  leaving_.expires_after(patience);
  const auto sessions = sessions_; // a copy: a session that ends leaves the map
  for (const auto& [id, session] : sessions)
    session->goaway();
  if (sessions_.empty())
    leaving_.expires_after(std::chrono::milliseconds{0});
  leaving_.async_wait([this](boost::system::error_code) { all_left(); });
}

void gateway_listener::all_left() {
  const auto sessions = sessions_;
  for (const auto& [id, session] : sessions)
    session->stop_reading();
  if (left_)
    std::exchange(left_, nullptr)();
}

void gateway_listener::stop() {
  stopped_ = true;
  left_ = nullptr;
  boost::system::error_code ignored; // closing
  acceptor_.close(ignored);
  timer_.cancel();
  const auto sessions = sessions_; // a copy: a session that ends leaves the map
  for (const auto& [id, session] : sessions)
    session->finish();
}

} // namespace furrow::daemon
