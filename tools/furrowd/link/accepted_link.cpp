#include "tools/furrowd/link/accepted_link.hpp"

#include <spdlog/spdlog.h>

#include <utility>
#include <variant>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

namespace furrow::daemon {

namespace asio = boost::asio;

namespace {

/// The dialing side closes an idle link; this side does when the other one forgot.
constexpr std::chrono::seconds idle_grace{10};

bool knows(const actors::peer_directory& directory, const proto::link::hello& hello) {
  const auto known = directory.find(hello.node);
  return known && (known->incarnation.empty() || known->incarnation == hello.incarnation);
}

} // namespace

accepted_link::accepted_link(socket_type socket,
                             const link_limits& limits,
                             std::shared_ptr<const context> shared,
                             farewell on_end)
  : link_channel{std::move(socket), limits}, context_{std::move(shared)}, ended_{
                                                                            std::move(on_end)} {}

void accepted_link::start() {
  start_watch();
  asio::co_spawn(
    socket().get_executor(), [me = shared_from_this(), this] { return run(); }, asio::detached);
}

void accepted_link::ended(const std::optional<link_fault>& why) {
  if (ended_)
    std::exchange(ended_, nullptr)(peer_, why);
}

asio::awaitable<void> accepted_link::run() {
  const auto me = shared_from_this();
  try {
    if (co_await greet())
      for (;;) {
        auto what = co_await read(proto::message_bytes_max);
        if (auto* asked = std::get_if<proto::link::ask>(&what)) {
          answer(*asked);
        } else if (const auto* ping = std::get_if<proto::ping>(&what)) {
          send(proto::pong{ping->nonce});
        } else if (!std::holds_alternative<proto::pong>(what)) {
          refuse(link_refusal::malformed, "the dialing side may send only Ask, Ping and Pong");
          co_return;
        }
      }
  } catch (const boost::system::system_error& e) {
    spdlog::debug("link from {}: {}", peer_, e.code().message());
    close();
  }
}

asio::awaitable<bool> accepted_link::greet() {
  if (!co_await speaks_tls()) {
    close(link_refusal::not_tls, "it does not speak TLS");
    co_return false;
  }
  co_await shake_hands(context_->tls.accepting, tls_socket::side::accepting);
  const auto what = co_await read(proto::link::hello_bytes_max);
  const auto* hello = std::get_if<proto::link::hello>(&what);
  if (hello == nullptr) {
    refuse(link_refusal::malformed, "the first message must be LinkHello");
    co_return false;
  }
  if (const auto fault = hello_fault(*hello)) {
    refuse(fault->first, fault->second);
    co_return false;
  }
  peer_ = hello->node;
  opened();
  const auto& own = context_->own;
  send(proto::link::welcome{proto::link::version_max, own.node, own.incarnation, own.build});
  co_return true;
}

std::optional<link_fault> accepted_link::hello_fault(const proto::link::hello& hello) {
  const auto& own = context_->own;
  if (hello.lowest_version > proto::link::version_max
      || hello.highest_version < proto::link::version_min)
    return link_fault{link_refusal::version, "no common version of the link"};
  if (auto fault = certificate_fault(hello.node))
    return fault;
  if (hello.whom != own.node
      || (!hello.whom_incarnation.empty() && hello.whom_incarnation != own.incarnation))
    return link_fault{link_refusal::wrong_address,
                      "this is node " + own.node + ", incarnation " + own.incarnation};
  if (!knows(*context_->directory, hello))
    return link_fault{link_refusal::unknown_node, "no living node of the cluster is " + hello.node
                                                    + ", incarnation " + hello.incarnation};
  return std::nullopt;
}

void accepted_link::answer(const proto::link::ask& asked) {
  last_ask_ = clock::now();
  if (in_work_ >= limits().asks_max) {
    send(proto::link::answer{asked.id, proto::link::failed_answer{"too many asks at once"}});
    return;
  }
  ++in_work_;
  context_->view->answer(asked.wish,
                         [me = weak_from_this(), id = asked.id,
                          executor = socket().get_executor()](proto::link::reply said) mutable {
                           asio::post(executor, [me, id, said = std::move(said)]() mutable {
                             if (const auto alive = me.lock())
                               alive->deliver(id, std::move(said));
                           });
                         });
}

void accepted_link::deliver(std::uint64_t id, proto::link::reply said) {
  --in_work_;
  proto::link::answer made{id, std::move(said)};
  std::string tried;
  if (const auto fits = proto::link::encode(made, tried); !fits)
    made.reply = proto::link::failed_answer{"the answer cannot be sent: " + fits.error().detail};
  send(made);
}

void accepted_link::tick(clock::time_point now) {
  if (!is_stranger() && now - last_ask_ >= limits().idle + idle_grace)
    close();
}

} // namespace furrow::daemon
