#include "tools/furrowd/gateway/session.hpp"

#include "proto/text.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace furrow::daemon {

namespace asio = boost::asio;
using actors::memory_lease;
using proto::reject_code;

/// The handle of the session that the equipment actor holds: calls become posts to the io thread.
class gateway_session::port final : public actors::session_port {
public:
  port(std::weak_ptr<gateway_session> session, asio::any_io_executor executor)
    : session_{std::move(session)}, executor_{std::move(executor)} {}

  void welcome(std::int64_t epoch, std::uint64_t resume_from) override {
    post([=](gateway_session& session) {
      proto::welcome welcome;
      welcome.version = session.version_;
      welcome.epoch = epoch;
      welcome.resume_from = resume_from;
      welcome.nodes = session.context_->nodes;
      welcome.keepalive_ms = static_cast<std::uint32_t>(
        std::chrono::milliseconds{session.context_->limits.keepalive}.count());
      session.send(welcome);
    });
  }
  void ack(std::uint64_t durable_seq) override {
    post([=](gateway_session& session) { session.send_ack(durable_seq); });
  }
  void rewind(std::uint64_t from_seq) override {
    post([=](gateway_session& session) { session.send(proto::rewind{from_seq}); });
  }
  void reject(proto::reject reason) override {
    post([reason = std::move(reason)](gateway_session& session) { session.refuse(reason); });
  }
  void drop() override {
    post([](gateway_session& session) { session.close(); });
  }

private:
  template <class Call>
  void post(Call call) {
    asio::post(executor_, [session = session_, call = std::move(call)] {
      if (const auto alive = session.lock())
        call(*alive);
    });
  }
  std::weak_ptr<gateway_session> session_;
  asio::any_io_executor executor_;
};

gateway_session::gateway_session(std::shared_ptr<const session_context> context,
                                 std::unique_ptr<byte_stream> stream,
                                 asio::any_io_executor executor,
                                 std::string peer)
  : context_{std::move(context)}, stream_{std::move(stream)}, executor_{std::move(executor)},
    peer_{std::move(peer)}, own_budget_{actors::memory_budget::make(context_->limits.bytes_max)} {}

void gateway_session::start(std::function<void()> ended) {
  ended_ = std::move(ended);
  deadline_ = clock::now() + context_->limits.hello;
  asio::co_spawn(
    executor_, [self = shared_from_this()] { return self->run(); }, asio::detached);
}

asio::awaitable<void> gateway_session::run() {
  try {
    co_await stream_->handshake();
    co_await greet();
    for (bool more = link_ != nullptr; more;)
      more = co_await read_batch();
  } catch (const boost::system::system_error& e) {
    spdlog::debug("gateway {} {}: {}", peer_, equipment_, e.code().message());
    if (!draining_)
      close();
  }
  if (closing_ && !draining_)
    co_await let_it_read();
  reading_ = false;
  // A session that drains, or that still has messages to write, ends later.
  if (!draining_ && !(closing_ && writing_))
    close();
}

asio::awaitable<void> gateway_session::let_it_read() {
  std::array<std::uint8_t, 4'096> unread{};
  try {
    for (std::size_t left = proto::message_bytes_max; left > 0 && !closed_; left -= unread.size())
      co_await stream_->read(unread);
  } catch (const boost::system::system_error& e) {
    spdlog::debug("gateway {} {}: {}", peer_, equipment_, e.code().message());
  }
}

asio::awaitable<void> gateway_session::greet() {
  std::array<std::uint8_t, proto::length_bytes> prefix{};
  co_await stream_->read(prefix);
  const auto length = proto::decode_length(prefix, proto::hello_bytes_max);
  if (!length) {
    refuse(reject_code::limit, length.error().detail);
    co_return;
  }
  std::vector<std::uint8_t> body(*length);
  co_await stream_->read(body);
  auto message = proto::decode(body);
  if (!message) {
    refuse(reject_code::malformed, message.error().detail);
    co_return;
  }
  auto* hello = std::get_if<proto::hello>(&*message);
  if (hello == nullptr) {
    refuse(reject_code::malformed, "the first message must be Hello");
    co_return;
  }
  auto greeting = check(std::move(*hello));
  if (!greeting)
    co_return;
  deadline_ = clock::now() + context_->limits.idle;
  link_ = context_->node.attach(std::move(*greeting),
                                std::make_shared<port>(weak_from_this(), executor_));
}

std::optional<actors::greeting> gateway_session::check(proto::hello hello) {
  if (hello.lowest_version > proto::version_max || hello.highest_version < proto::version_min) {
    refuse(reject_code::version, "this node supports protocol versions "
                                   + std::to_string(proto::version_min) + " to "
                                   + std::to_string(proto::version_max) + ", the gateway supports "
                                   + std::to_string(hello.lowest_version) + " to "
                                   + std::to_string(hello.highest_version));
    return std::nullopt;
  }
  // A line break in the name would forge lines of the log and of other output.
  if (!proto::is_name(hello.equipment)) {
    refuse(reject_code::malformed,
           "the equipment name is empty, or contains a control character or a slash");
    return std::nullopt;
  }
  version_ = std::min(proto::version_max, hello.highest_version);
  actors::greeting greeting;
  greeting.farm = "default";
  if (context_->tokens) {
    const auto credential = context_->tokens->find(hello.token);
    if (!credential || !credential->may(permission::send)) {
      refuse(reject_code::credentials, hello.token.empty()
                                         ? "this node needs a token; `furrow token new` makes one"
                                         : "this token may not send; `furrow token new` makes one");
      return std::nullopt;
    }
    if (!credential->covers(hello.equipment)) {
      refuse(reject_code::credentials, "this token is not for equipment " + hello.equipment);
      return std::nullopt;
    }
    greeting.farm = credential->farm;
  }
  farm_ = greeting.farm;
  equipment_ = hello.equipment;
  hello.token.clear();
  greeting.peer = peer_;
  greeting.hello = std::move(hello);
  return greeting;
}

asio::awaitable<std::vector<memory_lease>> gateway_session::room(std::size_t bytes) {
  const auto acquire = [this, bytes](std::shared_ptr<actors::memory_budget> budget) {
    return asio::async_initiate<const asio::use_awaitable_t<>, void(memory_lease)>(
      [this, bytes, budget = std::move(budget)](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        budget->acquire(farm_, bytes, [shared, executor = executor_](memory_lease lease) {
          asio::post(executor,
                     [shared, lease = std::move(lease)]() mutable { (*shared)(std::move(lease)); });
        });
      },
      asio::use_awaitable);
  };
  // Usually there is room at once.
  auto own = own_budget_->try_acquire(bytes);
  if (!own)
    own = co_await acquire(own_budget_);
  auto shared = context_->budget->try_acquire(bytes);
  if (!shared)
    shared = co_await acquire(context_->budget);
  std::vector<memory_lease> leases;
  leases.reserve(2);
  leases.push_back(std::move(*own));
  leases.push_back(std::move(*shared));
  co_return leases;
}

asio::awaitable<bool> gateway_session::read_batch() {
  std::array<std::uint8_t, proto::length_bytes> prefix{};
  deadline_ = clock::now() + context_->limits.idle;
  co_await stream_->read(prefix);
  const auto length = proto::decode_length(prefix, proto::message_bytes_max);
  if (!length) {
    refuse(reject_code::limit, length.error().detail);
    co_return false;
  }
  deadline_.reset(); // while there is no room, the node is slow and not the gateway
  auto leases = co_await room(*length * session_limits::growth);
  deadline_ = clock::now() + context_->limits.message;
  std::vector<std::uint8_t> body(*length);
  co_await stream_->read(body);
  auto message = proto::decode(body);
  if (!message) {
    refuse(reject_code::malformed, message.error().detail);
    co_return false;
  }
  co_return handle(std::move(*message), std::move(leases));
}

bool gateway_session::handle(proto::message message, std::vector<memory_lease> leases) {
  if (closed_ || closing_ || draining_)
    return false;
  if (auto* batch = std::get_if<proto::batch>(&message)) {
    link_->deliver({std::move(*batch), std::move(leases), clock::now()});
    return true;
  }
  if (const auto* ping = std::get_if<proto::ping>(&message)) {
    send(proto::pong{ping->nonce});
    return true;
  }
  if (std::holds_alternative<proto::pong>(message))
    return true;
  refuse(reject_code::malformed, "after its Hello a gateway may send only Batch, Ping and Pong");
  return false;
}

void gateway_session::tick(clock::time_point now) {
  if (closed_)
    return;
  if (deadline_ && now > *deadline_) {
    spdlog::info("gateway {} {}: silent for too long", peer_, equipment_);
    close();
    return;
  }
  if (link_ != nullptr && !closing_ && now - last_sent_ >= context_->limits.keepalive)
    send(proto::ping{0});
}

void gateway_session::send(const proto::message& message) {
  if (closed_ || closing_)
    return;
  std::string bytes;
  if (const auto encoded = proto::encode(message, bytes); !encoded) {
    spdlog::error("gateway {} {}: cannot encode the message: {}", peer_, equipment_,
                  encoded.error().detail);
    close();
    return;
  }
  if (outbox_.size() >= session_limits::outbox_max) {
    spdlog::info("gateway {} {}: closing: {} messages unread by the gateway", peer_, equipment_,
                 session_limits::outbox_max);
    close();
    return;
  }
  outbox_.push_back(std::move(bytes));
  write_on();
}

void gateway_session::send_ack(std::uint64_t durable_seq) {
  if (closed_ || closing_)
    return;
  ack_due_ = std::max(ack_due_.value_or(0), durable_seq);
  write_on();
}

void gateway_session::refuse(reject_code code, std::string reason) {
  refuse(proto::reject{code, std::move(reason), 0, 0});
}

void gateway_session::refuse(proto::reject why) {
  if (why.reason.size() > proto::text_bytes_max)
    why.reason.resize(proto::text_bytes_max);
  spdlog::info("gateway {} {}: rejected ({}): {}", peer_, equipment_, proto::to_string(why.code),
               why.reason);
  send(std::move(why));
  finish();
}

void gateway_session::write_on() {
  if (std::exchange(writing_, true))
    return;
  asio::co_spawn(
    executor_, [self = shared_from_this()] { return self->write_all(); }, asio::detached);
}

asio::awaitable<void> gateway_session::write_all() {
  try {
    while (!closed_ && (!outbox_.empty() || ack_due_)) {
      if (outbox_.empty()) {
        std::string bytes;
        (void)proto::encode(proto::ack{*std::exchange(ack_due_, std::nullopt)},
                            bytes); // a number cannot fail
        outbox_.push_back(std::move(bytes));
      }
      const auto bytes = std::move(outbox_.front());
      outbox_.pop_front();
      last_sent_ = clock::now();
      co_await stream_->write(bytes);
    }
  } catch (const boost::system::system_error& e) {
    spdlog::debug("gateway {} {}: {}", peer_, equipment_, e.code().message());
    close();
  }
  writing_ = false;
  if (closing_ && reading_)
    stream_->end_writing();
  else if (closing_)
    close();
}

void gateway_session::goaway() {
  send(proto::goaway{});
  draining_ = true;
  deadline_.reset();
  stream_->cancel_read();
}

void gateway_session::finish() {
  closing_ = true;
  deadline_ = clock::now() + context_->limits.goodbye;
  if (!writing_)
    close();
}

void gateway_session::close() {
  if (std::exchange(closed_, true))
    return;
  stream_->close();
  link_.reset();
  if (ended_)
    std::exchange(ended_, nullptr)();
}

} // namespace furrow::daemon
