#include "tools/furrowd/gateway/session.hpp"

#include "actors/cluster/placement.hpp"
#include "actors/log/log.hpp"
#include "proto/text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace furrow::daemon {

namespace asio = boost::asio;
using actors::memory_lease;
using proto::reject_code;

namespace {

/// What an equipment actor rejects.
refusal refusal_of(reject_code code) {
  switch (code) {
  case reject_code::version:
    return refusal::version;
  case reject_code::credentials:
    return refusal::may_not_send;
  case reject_code::malformed:
    return refusal::malformed;
  case reject_code::limit:
    return refusal::limit;
  case reject_code::superseded:
    return refusal::superseded;
  case reject_code::forked:
    return refusal::forked;
  case reject_code::gone:
    return refusal::gone;
  case reject_code::known:
    return refusal::known_file;
  case reject_code::unspecified:
  case reject_code::unavailable:
    return refusal::unavailable;
  }
  return refusal::unavailable;
}

bool is_end(const boost::system::error_code& error) {
  return error == asio::error::eof || error == asio::ssl::error::stream_truncated;
}

/// A TLS record of a handshake, where a length was expected.
bool begins_tls(std::span<const std::uint8_t> bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x16 && bytes[1] == 0x03;
}

} // namespace

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
      if (const auto* cluster = session.context_->cluster)
        welcome.nodes = actors::gateways_for(*cluster->latest(), session.equipment_,
                                             session.context_->nodes, proto::nodes_max);
      welcome.keepalive_ms = static_cast<std::uint32_t>(
        std::chrono::milliseconds{session.context_->limits.keepalive}.count());
      welcome.silence_ms = static_cast<std::uint32_t>(session.context_->limits.silence.count());
      session.send(welcome);
      session.listen_to_interest();
    });
  }
  void ack(std::uint64_t durable_seq) override {
    post([=](gateway_session& session) { session.send_ack(durable_seq); });
  }
  void rewind(std::uint64_t from_seq) override {
    post([=](gateway_session& session) { session.send(proto::rewind{from_seq}); });
  }
  void reject(proto::reject reason) override {
    post([reason = std::move(reason)](gateway_session& session) {
      session.refuse(refusal_of(reason.code), reason);
    });
  }
  void drop() override {
    post([](gateway_session& session) {
      session.ends(farewell::restarted, "the machine's actor ended; the gateway comes again");
      session.close();
    });
  }
  void yield() override {
    post([](gateway_session& session) {
      session.ends(farewell::elsewhere, "another node serves the machine");
      session.close();
    });
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
  bool shaken = false;
  try {
    co_await stream_->handshake();
    shaken = true;
    co_await greet();
    for (bool more = link_ != nullptr; more;)
      more = co_await read_batch();
  } catch (const boost::system::system_error& e) {
    if (shaken || closed_)
      read_failed(e.code());
    else if (is_end(e.code())) // a probe of the port: nothing was said
      log::debug(log::gateway, "gateway_probed", about(),
                 "gateway {}: the connection ended during the TLS handshake", who());
    else if (const auto fault = stream_->handshake_fault(e.code()); !draining_)
      note_refused(fault.why, fault.text);
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
    log::debug(log::gateway, "gateway_unread", about(e.code().message()), "gateway {}: {}", who(),
               e.code().message());
  }
}

asio::awaitable<void> gateway_session::greet() {
  std::array<std::uint8_t, proto::length_bytes> prefix{};
  co_await stream_->read(prefix);
  const auto length = proto::decode_length(prefix, proto::hello_bytes_max);
  if (!length && begins_tls(prefix)) {
    note_refused(refusal::tls_mismatch,
                 "the gateway speaks TLS, and this node does not (--tls-cert, --tls-key)");
    close();
    co_return;
  }
  if (!length) {
    refuse(refusal::limit, reject_code::limit, length.error().detail);
    co_return;
  }
  std::vector<std::uint8_t> body(*length);
  co_await stream_->read(body);
  auto message = proto::decode(body);
  if (!message) {
    refuse(refusal::malformed, reject_code::malformed, message.error().detail);
    co_return;
  }
  auto* hello = std::get_if<proto::hello>(&*message);
  if (hello == nullptr) {
    refuse(refusal::malformed, reject_code::malformed, "the first message must be Hello");
    co_return;
  }
  auto greeting = check(std::move(*hello));
  if (!greeting)
    co_return;
  if (redirected())
    co_return;
  if (stream_->peer_left()) {
    // A node that was stopped finds the greetings of gateways that have left it. A claim for such a one would take its
    // stream from the node that serves it now.
    log::debug(log::gateway, "gateway_left", about(),
               "gateway {}: it has left before it was greeted", who());
    close();
    co_return;
  }
  deadline_ = clock::now() + context_->limits.idle;
  note_connected(*greeting);
  link_ = context_->gate.attach(std::move(*greeting),
                                std::make_shared<port>(weak_from_this(), executor_));
}

std::optional<actors::greeting> gateway_session::check(proto::hello hello) {
  if (hello.lowest_version > proto::version_max || hello.highest_version < proto::version_min) {
    refuse(refusal::version, reject_code::version,
           "this node supports protocol versions " + std::to_string(proto::version_min) + " to "
             + std::to_string(proto::version_max) + ", the gateway supports "
             + std::to_string(hello.lowest_version) + " to "
             + std::to_string(hello.highest_version));
    return std::nullopt;
  }
  // A line break in the name would forge lines of the log and of other output.
  if (!proto::is_name(hello.equipment)) {
    refuse(refusal::malformed, reject_code::malformed,
           "the equipment name is empty, or contains a control character or a slash");
    return std::nullopt;
  }
  equipment_ = hello.equipment;
  unreachable_ = std::move(hello.unreachable);
  version_ = std::min(proto::version_max, hello.highest_version);
  credential_ = admit(hello);
  if (!credential_)
    return std::nullopt;
  actors::greeting greeting;
  greeting.farm = credential_->farm;
  farm_ = greeting.farm;
  hello.token.clear();
  greeting.peer = peer_;
  greeting.relayed = credential_->role == role::relay;
  greeting.hello = std::move(hello);
  return greeting;
}

bool gateway_session::redirected() {
  const auto* cluster = context_->cluster;
  if (cluster == nullptr)
    return false;
  const auto place = actors::other_place(*cluster->latest(), farm_, equipment_, unreachable_);
  if (!place)
    return false;
  if (place->empty())
    send(proto::goaway{});
  else
    send(proto::redirect{*place});
  finish();
  return true;
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
  if (auto* sample = std::get_if<proto::sample>(&message);
      sample != nullptr && version_ >= proto::version_of_sample) {
    take_sample(std::move(*sample), std::move(leases));
    return true;
  }
  refuse(refusal::malformed, reject_code::malformed,
         "after its Hello a gateway may send only Batch, Sample, Ping and Pong");
  return false;
}

void gateway_session::tick(clock::time_point now) {
  if (closed_)
    return;
  if (deadline_ && now > *deadline_) {
    if (!booked_ && !closing_)
      note_refused(refusal::no_hello,
                   "no Hello within " + std::to_string(context_->limits.hello.count()) + " s");
    ends(farewell::silent, "silent for too long");
    close();
    return;
  }
  if (booked_ && now - connected_at_ > actors::unreachable_for)
    unreachable_.clear();
  if (leave_by_ && now > *leave_by_ && !closing_) {
    finish();
    return;
  }
  if (credential_ && booked_ && !closing_) {
    look_at_access();
    if (closed_)
      return;
  }
  look_at_pace();
  const auto& limits = context_->limits;
  const std::chrono::milliseconds quiet = in_message_ ? limits.busy_keepalive : limits.keepalive;
  if (link_ != nullptr && !closing_ && now - last_sent_ >= quiet)
    send(proto::ping{0});
}

void gateway_session::send(const proto::message& message) {
  if (closed_ || closing_)
    return;
  std::string bytes;
  if (const auto encoded = proto::encode(message, bytes); !encoded) {
    log::error(log::gateway, "encoding_failed", about(encoded.error().detail),
               "gateway {}: cannot encode the message: {}", who(), encoded.error().detail);
    close();
    return;
  }
  if (outbox_.size() >= session_limits::outbox_max) {
    ends(farewell::unread,
         std::to_string(session_limits::outbox_max) + " messages unread by the gateway");
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

void gateway_session::refuse(refusal kind, reject_code code, std::string reason) {
  refuse(kind, proto::reject{code, std::move(reason), 0, 0});
}

void gateway_session::refuse(refusal kind, proto::reject why) {
  if (why.reason.size() > proto::text_bytes_max)
    why.reason.resize(proto::text_bytes_max);
  note_refused(kind, why.reason);
  ends(farewell::refused, to_string(kind));
  pace_due_ = false;
  if (auto ack = take_merged(); !ack.empty()) // the Reject is the last message
    outbox_.push_back(std::move(ack));
  send(std::move(why));
  finish();
}

std::string gateway_session::who() const {
  if (equipment_.empty())
    return peer_;
  return peer_ + " " + (farm_.empty() ? "" : farm_ + "/") + equipment_;
}

log::about gateway_session::about(std::string_view error) const {
  return {.farm = farm_, .equipment = equipment_, .peer = peer_, .error = error};
}

void gateway_session::note_refused(refusal kind, const std::string& why) {
  context_->book->refused(peer_, farm_, equipment_, kind, why, wall_clock_us());
  log::info(log::gateway, "gateway_rejected", about(why), "gateway {}: rejected ({}): {}", who(),
            to_string(kind), why);
}

void gateway_session::note_connected(const actors::greeting& from) {
  connected_at_ = clock::now();
  booked_ =
    context_->book->connected({peer_, farm_, equipment_, from.hello.software, wall_clock_us()});
  log::info(log::gateway, {"gateway_connected", log::many}, about(), "gateway {}: connected",
            who());
}

void gateway_session::note_ended() {
  if (!booked_)
    return;
  const auto last = ending_.value_or(ending{farewell::closed, "the gateway closed the connection"});
  context_->book->ended(*booked_, last.how);
  booked_.reset();
  const auto now = clock::now();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - connected_at_);
  log::info(log::gateway, {"gateway_disconnected", log::many}, about(last.why),
            "gateway {}: disconnected after {} s ({}): {}", who(), seconds.count(),
            to_string(last.how), last.why);
}

void gateway_session::ends(farewell how, std::string why) {
  if (!ending_)
    ending_ = ending{how, std::move(why)};
}

void gateway_session::read_failed(const boost::system::error_code& error) {
  log::debug(log::gateway, "gateway_lost", about(error.message()), "gateway {}: {}", who(),
             error.message());
  const bool closed = is_end(error);
  ends(closed ? farewell::closed : farewell::lost,
       closed ? "the gateway closed the connection" : error.message());
}

void gateway_session::write_on() {
  if (std::exchange(writing_, true))
    return;
  asio::co_spawn(
    executor_, [self = shared_from_this()] { return self->write_all(); }, asio::detached);
}

asio::awaitable<void> gateway_session::write_all() {
  try {
    while (!closed_) {
      if (outbox_.empty()) {
        auto merged = take_merged();
        if (merged.empty())
          break;
        outbox_.push_back(std::move(merged));
      }
      const auto bytes = std::move(outbox_.front());
      outbox_.pop_front();
      last_sent_ = clock::now();
      co_await stream_->write(bytes);
    }
  } catch (const boost::system::system_error& e) {
    read_failed(e.code());
    close();
  }
  writing_ = false;
  if (closing_ && reading_)
    stream_->end_writing();
  else if (closing_)
    close();
}

void gateway_session::goaway() {
  ends(farewell::draining, "this node ends");
  send(proto::goaway{});
  if (link_ != nullptr)
    link_->hurry();
  if (link_ == nullptr) // it has not greeted: nothing of it is on its way
    stop_reading();
}

void gateway_session::move_to(const std::string& node) {
  ends(farewell::draining, node.empty() ? "this node drains" : "it goes to " + node);
  send(proto::goaway{node});
  if (link_ != nullptr)
    link_->hurry();
  leave_by_ = clock::now() + context_->limits.goodbye;
}

void gateway_session::stop_reading() {
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
  note_ended();
  stream_->close();
  link_.reset();
  if (ended_)
    std::exchange(ended_, nullptr)();
}

} // namespace furrow::daemon
