#include "tools/furrowd/link/link_hub.hpp"

#include "actors/log/log.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace furrow::daemon {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

std::string host_of(const tcp::socket& socket) {
  boost::system::error_code error;
  const auto peer = socket.remote_endpoint(error);
  return error ? std::string{"a closed connection"} : peer.address().to_string();
}

} // namespace

link_hub::link_hub(asio::io_context& io, settings given)
  : io_{io}, config_{std::move(given)}, acceptor_{io},
    context_{std::make_shared<accepted_link::context>(
      accepted_link::context{config_.own, config_.tls, config_.directory, nullptr})} {}

result<tcp::endpoint> link_hub::open() {
  boost::system::error_code error;
  acceptor_.open(config_.address.protocol(), error);
  if (!error)
    acceptor_.set_option(tcp::acceptor::reuse_address{true}, error);
  if (!error)
    acceptor_.bind(config_.address, error);
  if (!error)
    acceptor_.listen(64, error);
  if (error)
    return failure{errc::address,
                   "cannot listen for other nodes on " + config_.address.address().to_string() + ":"
                     + std::to_string(config_.address.port()) + ": " + error.message()};
  return acceptor_.local_endpoint();
}

void link_hub::start(actors::peer_nodes& view) {
  context_->view = &view;
  asio::co_spawn(
    io_, [me = shared_from_this(), this] { return accept(); }, asio::detached);
}

asio::awaitable<void> link_hub::accept() {
  const auto me = shared_from_this();
  while (acceptor_.is_open()) {
    boost::system::error_code error;
    auto socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (!error) {
      admit(std::move(socket));
      continue;
    }
    if (!acceptor_.is_open())
      co_return;
    log::warn(log::link, "accept_failed", {.error = error.message()}, "cannot accept a link: {}",
              error.message());
    asio::steady_timer pause{io_,
                             std::chrono::milliseconds{200}}; // no busy loop without descriptors
    co_await pause.async_wait(asio::use_awaitable);
  }
}

void link_hub::admit(tcp::socket socket) {
  const auto host = host_of(socket);
  const auto strangers = std::count_if(accepted_.begin(), accepted_.end(),
                                       [](const auto& one) { return one.second->is_stranger(); });
  if (accepted_.size() >= config_.limits.links_max
      || static_cast<std::size_t>(strangers) >= config_.limits.strangers_max) {
    tell(host, {link_refusal::full, "this node has as many links as it may"});
    return; // the socket closes here
  }
  boost::system::error_code ignored; // it would only be slower
  socket.set_option(tcp::no_delay{true}, ignored);
  const auto id = ++last_;
  auto made = std::make_shared<accepted_link>(
    std::move(socket), config_.limits, context_,
    [this, id, host](const std::string& node, const std::optional<link_fault>& why) {
      if (why)
        tell(node.empty() ? host : node + " at " + host, *why);
      asio::post(io_, [me = shared_from_this(), id] { me->accepted_.erase(id); });
    });
  accepted_[id] = made;
  config_.book->accepted();
  made->start();
}

void link_hub::tell_of_dialed(const actors::peer_info& whom, const link_fault& why) {
  const auto [known, is_new] = told_.try_emplace(whom.name, why.first);
  if (!is_new && known->second == why.first) {
    config_.book->refused(why.first);
    return;
  }
  known->second = why.first;
  tell(whom.name + " at " + whom.link, why);
}

void link_hub::tell(const std::string& who, const link_fault& why) {
  config_.book->refused(why.first);
  log::warn(log::link, "link_refused", {.peer = who, .error = why.second}, "link with {}: {}: {}",
            who, to_string(why.first), why.second);
}

void link_hub::ask(const actors::peer_info& whom, proto::link::wish what, handler done) {
  {
    const std::lock_guard lock{mutex_};
    if (!stopped_) {
      asio::post(io_, [me = shared_from_this(), whom, what = std::move(what),
                       done = std::move(done)]() mutable {
        me->ask_here(whom, std::move(what), std::move(done));
      });
      return;
    }
  }
  done(proto::link::failed_answer{"this node ends"});
}

void link_hub::ask_here(const actors::peer_info& whom, proto::link::wish what, handler done) {
  if (!acceptor_.is_open()) {
    done(proto::link::failed_answer{"this node ends"});
    return;
  }
  link_to(whom)->ask(std::move(what), std::move(done));
}

std::shared_ptr<dialed_link> link_hub::link_to(const actors::peer_info& whom) {
  auto& link = dialed_[whom.name];
  if (link && link->peer() == whom && !link->is_closed())
    return link;
  auto old = std::exchange(link, nullptr); // to an earlier incarnation
  auto made = std::make_shared<dialed_link>(
    tcp::socket{io_}, config_.limits, context_, whom,
    [this, name = whom.name] {
      config_.book->dialed();
      told_.erase(name);
    },
    [this, whom](const std::optional<link_fault>& why) {
      if (why)
        tell_of_dialed(whom, *why);
      // Only this link: another one to the node may stand there already.
      if (const auto mine = dialed_.find(whom.name);
          mine != dialed_.end() && mine->second && mine->second->peer() == whom)
        asio::post(io_, [me = shared_from_this(), dead = mine->second, name = whom.name] {
          if (const auto still = me->dialed_.find(name);
              still != me->dialed_.end() && still->second == dead)
            me->dialed_.erase(still);
        });
    });
  dialed_[whom.name] = made;
  if (old)
    old->close();
  made->start();
  return made;
}

void link_hub::use(link_tls tls) {
  asio::post(io_, [me = shared_from_this(), tls = std::move(tls)]() mutable {
    me->context_->tls = std::move(tls);
  });
}

void link_hub::stop() {
  {
    const std::lock_guard lock{mutex_};
    if (std::exchange(stopped_, true))
      return;
  }
  asio::post(io_, [me = shared_from_this()] { me->close_all(); });
}

void link_hub::close_all() {
  boost::system::error_code ignored; // closing
  acceptor_.close(ignored);
  const auto accepted = accepted_; // copies: a link that ends leaves the map
  for (const auto& [id, one] : accepted)
    one->close();
  const auto dialed = dialed_;
  for (const auto& [name, one] : dialed)
    if (one)
      one->close();
}

} // namespace furrow::daemon
