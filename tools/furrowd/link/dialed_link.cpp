#include "tools/furrowd/link/dialed_link.hpp"

#include <spdlog/spdlog.h>

#include <utility>
#include <variant>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace furrow::daemon {

namespace asio = boost::asio;

dialed_link::dialed_link(socket_type socket,
                         const link_limits& limits,
                         std::shared_ptr<const accepted_link::context> context,
                         actors::peer_info peer,
                         std::function<void()> on_open,
                         farewell on_end)
  : link_channel{std::move(socket), limits}, context_{std::move(context)}, peer_{std::move(peer)},
    opened_{std::move(on_open)}, ended_{std::move(on_end)}, resolver_{
                                                              this->socket().get_executor()} {}

void dialed_link::start() {
  start_watch();
  asio::co_spawn(
    socket().get_executor(), [me = shared_from_this(), this] { return run(); }, asio::detached);
}

void dialed_link::ask(proto::link::wish what, handler done) {
  last_ask_ = clock::now();
  if (is_closed() || asked_.size() >= limits().asks_max) {
    done(proto::link::failed_answer{is_closed() ? "the link is closed" : "too many asks at once"});
    return;
  }
  const auto id = ++last_;
  asked_.emplace(id, waiting{std::move(done), last_ask_ + limits().ask});
  proto::link::ask made{id, std::move(what)};
  if (is_open_)
    send(made);
  else
    early_.push_back(std::move(made));
}

void dialed_link::fail(std::uint64_t id, const std::string& why) {
  const auto found = asked_.find(id);
  if (found == asked_.end())
    return;
  auto done = std::move(found->second.done);
  asked_.erase(found);
  done(proto::link::failed_answer{why});
}

void dialed_link::ended(const std::optional<link_fault>& why) {
  resolver_.cancel();
  const std::string text = why ? why->second : cause_.empty() ? "the link has ended" : cause_;
  while (!asked_.empty())
    fail(asked_.begin()->first, text);
  if (ended_)
    std::exchange(ended_, nullptr)(why);
}

void dialed_link::tick(clock::time_point now) {
  while (!asked_.empty() && now >= asked_.begin()->second.until) // by age
    fail(asked_.begin()->first, "no answer within " + std::to_string(limits().ask.count()) + " ms");
  if (is_open_ && asked_.empty() && now - last_ask_ >= limits().idle)
    close();
}

asio::awaitable<void> dialed_link::connect() {
  const auto colon = peer_.link.rfind(':');
  auto host = peer_.link.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  const auto port = colon == std::string::npos ? std::string{} : peer_.link.substr(colon + 1);
  const auto found = co_await resolver_.async_resolve(host, port, asio::use_awaitable);
  co_await asio::async_connect(socket(), found, asio::use_awaitable);
  boost::system::error_code ignored; // it would only be slower
  socket().set_option(asio::ip::tcp::no_delay{true}, ignored);
}

asio::awaitable<bool> dialed_link::greet() {
  co_await shake_hands(context_->tls.dialing, tls_socket::side::dialing);
  if (const auto fault = certificate_fault(peer_.name)) {
    close(fault->first, fault->second);
    co_return false;
  }
  const auto& own = context_->own;
  proto::link::hello hello;
  hello.node = own.node;
  hello.incarnation = own.incarnation;
  hello.whom = peer_.name;
  hello.whom_incarnation = peer_.incarnation;
  hello.build = own.build;
  send(hello);
  const auto what = co_await read(proto::link::hello_bytes_max);
  if (const auto* no = std::get_if<proto::link::refuse>(&what)) {
    close(link_refusal::not_trusted, "it refuses this node: " + no->reason);
    co_return false;
  }
  const auto* welcome = std::get_if<proto::link::welcome>(&what);
  if (welcome == nullptr || welcome->node != peer_.name
      || (!peer_.incarnation.empty() && welcome->incarnation != peer_.incarnation)) {
    close(link_refusal::wrong_address, "another node or incarnation answers");
    co_return false;
  }
  opened();
  is_open_ = true;
  opened_();
  for (const auto& one : std::exchange(early_, {}))
    if (asked_.contains(one.id))
      send(one);
  co_return true;
}

asio::awaitable<void> dialed_link::run() {
  const auto me = shared_from_this();
  try {
    co_await connect();
    if (co_await greet())
      for (;;) {
        auto what = co_await read(proto::message_bytes_max);
        if (auto* said = std::get_if<proto::link::answer>(&what)) {
          take(std::move(*said));
        } else if (const auto* ping = std::get_if<proto::ping>(&what)) {
          send(proto::pong{ping->nonce});
        } else if (!std::holds_alternative<proto::pong>(what)) {
          close(link_refusal::malformed, "the accepting side may send only Answer, Ping and Pong");
          co_return;
        }
      }
  } catch (const boost::system::system_error& e) {
    spdlog::debug("link to {}: {}", peer_.name, e.code().message());
    cause_ = e.code().message();
    if (!is_open_ && e.code().category() == asio::error::get_ssl_category()) {
      auto [why, text] = fault_of(e.code());
      close(why, std::move(text));
    }
    close();
  }
}

void dialed_link::take(proto::link::answer said) {
  const auto found = asked_.find(said.id);
  if (found == asked_.end())
    return; // it came too late
  auto done = std::move(found->second.done);
  asked_.erase(found);
  done(std::move(said.reply));
}

} // namespace furrow::daemon
