// The only source that uses Beast's WebSocket: its templates take long to compile.
#include "tools/furrowd/stream/websocket.hpp"

#include "actors/log/line_limit.hpp"
#include "tools/furrowd/net/byte_stream.hpp"
#include "tools/furrowd/net/deadline.hpp"
#include "tools/furrowd/stream/routes.hpp"
#include "tools/furrowd/stream/stream_guest.hpp"

#include <exception>
#include <span>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/stream.hpp>

namespace furrow::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace ws = boost::beast::websocket;
using boost::system::error_code;

/// What Beast wants of a connection, on byte_stream's coroutines.
class byte_layer {
public:
  using executor_type = asio::any_io_executor;
  byte_layer(std::shared_ptr<daemon::byte_stream> bytes, executor_type executor)
    : bytes_{std::move(bytes)}, executor_{std::move(executor)} {}

  [[nodiscard]] executor_type get_executor() const { return executor_; }
  [[nodiscard]] daemon::byte_stream& bytes() { return *bytes_; }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    asio::mutable_buffer into;
    for (auto at = asio::buffer_sequence_begin(buffers);
         into.size() == 0 && at != asio::buffer_sequence_end(buffers); ++at)
      into = *at;
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
      [this](auto handler, asio::mutable_buffer room) {
        asio::co_spawn(
          executor_, read(bytes_, room),
          [handler = std::move(handler)](const std::exception_ptr&, std::size_t count) mutable {
            handler(count == 0 ? error_code{asio::error::eof} : error_code{}, count);
          });
      },
      token, into);
  }
  /// Everything at once: a header alone would be a packet of its own.
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    std::string joined(asio::buffer_size(buffers), '\0');
    asio::buffer_copy(asio::buffer(joined), buffers);
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
      [this](auto handler, std::string text) {
        asio::co_spawn(executor_, write(bytes_, std::move(text)),
                       [handler = std::move(handler)](const std::exception_ptr& failed,
                                                      std::size_t count) mutable {
                         handler(failed ? error_code{asio::error::connection_reset} : error_code{},
                                 count);
                       });
      },
      token, std::move(joined));
  }

private:
  /// 0: the end, or an error.
  static asio::awaitable<std::size_t> read(std::shared_ptr<daemon::byte_stream> bytes,
                                           asio::mutable_buffer room) {
    const std::span into{static_cast<std::uint8_t*>(room.data()), room.size()};
    const auto count = co_await bytes->read_some(into);
    co_return count;
  }
  static asio::awaitable<std::size_t> write(std::shared_ptr<daemon::byte_stream> bytes,
                                            std::string text) {
    co_await bytes->write(text);
    co_return text.size();
  }

  std::shared_ptr<daemon::byte_stream> bytes_;
  executor_type executor_;
};

// Beast finds these by their argument. The HTTP connection closes the socket at its end.
void beast_close_socket(byte_layer& layer) {
  layer.bytes().close();
}
template <class Handler>
void async_teardown(beast::role_type, byte_layer& layer, Handler&& handler) {
  layer.bytes().end_writing();
  asio::post(layer.get_executor(),
             beast::bind_front_handler(std::forward<Handler>(handler), error_code{}));
}

class websocket_session : public std::enable_shared_from_this<websocket_session> {
public:
  websocket_session(std::shared_ptr<stream_guest> guest,
                    std::shared_ptr<daemon::byte_stream> bytes,
                    const asio::any_io_executor& executor)
    : guest_{std::move(guest)}, bytes_{std::move(bytes)}, socket_{byte_layer{bytes_, executor}},
      reader_gone_{executor}, deadline_{std::make_shared<daemon::deadline>(
                                executor, [bytes = bytes_] { bytes->close(); })} {
    reader_gone_.expires_at(asio::steady_timer::time_point::max());
    ws::stream_base::timeout limits{};
    limits.handshake_timeout = websocket_limits::write_limit;
    limits.idle_timeout = websocket_limits::silence;
    limits.keep_alive_pings = true;
    socket_.set_option(limits);
    socket_.read_message_max(subscription::message_bytes_max);
    socket_.auto_fragment(false);
    socket_.text(true);
  }

  asio::awaitable<void> run(stream_offer offer) {
    auto executor = co_await asio::this_coro::executor;
    beast::http::request<beast::http::empty_body> request{beast::http::verb::get, "/", 11};
    request.set(beast::http::field::host, offer.host);
    request.set(beast::http::field::connection, "upgrade");
    request.set(beast::http::field::upgrade, "websocket");
    request.set(beast::http::field::sec_websocket_key, offer.websocket_key);
    request.set(beast::http::field::sec_websocket_version, offer.websocket_version);
    const bool named = !offer.websocket_protocols.empty();
    socket_.set_option(ws::stream_base::decorator{[named](ws::response_type& answer) {
      answer.set(beast::http::field::server, "furrow");
      if (named)
        answer.set(beast::http::field::sec_websocket_protocol, stream_protocol);
    }});
    deadline_->expires_after(websocket_limits::write_limit);
    co_await socket_.async_accept(request, asio::use_awaitable);
    guest_->start(
      executor, [executor, bytes = bytes_] { asio::post(executor, [bytes] { bytes->close(); }); });
    reading_ = true;
    asio::co_spawn(executor, read_messages(shared_from_this()), asio::detached);
    co_await write_messages();
    co_await end_reader();
  }

  /// The connection ends, in whatever state; the reader ends by itself.
  void abandon() {
    deadline_->stop();
    if (reading_)
      bytes_->close();
  }

private:
  asio::awaitable<void> write_messages() {
    try {
      while (true) {
        auto message = co_await guest_->next();
        if (!reading_)
          co_return;
        if (message.ended) {
          deadline_->expires_after(websocket_limits::close_limit);
          const ws::close_reason why{static_cast<ws::close_code>(message.code), message.reason};
          co_await socket_.async_close(why, asio::use_awaitable);
          co_return;
        }
        deadline_->expires_after(websocket_limits::write_limit);
        const asio::const_buffer text{message.text->data(), message.text->size()};
        co_await socket_.async_write(text, asio::use_awaitable);
        deadline_->pause();
      }
    } catch (const boost::system::system_error& error) {
      if (error.code() == asio::error::operation_aborted && !bytes_->peer_left() && reading_)
        throw; // the node stops
    }
  }

  /// Nobody may read from the connection when this returns.
  asio::awaitable<void> end_reader() {
    deadline_->expires_after(websocket_limits::close_limit); // it closes the connection
    while (reading_) {
      auto ended = co_await reader_gone_.async_wait(asio::as_tuple(asio::use_awaitable));
      (void)ended;
    }
    deadline_->pause();
  }

  static asio::awaitable<void> read_messages(std::shared_ptr<websocket_session> self) {
    try {
      co_await self->read_all();
    } catch (const boost::system::system_error&) {
      // The client left, or broke the protocol: Beast has told it.
    } catch (const std::exception&) {
      self->guest_->stream().kick(self->guest_->seat(), 1011, "internal error of this node");
    }
    self->reading_ = false;
    self->guest_->stream().kick(self->guest_->seat(), 1000, "");
    self->reader_gone_.cancel();
  }

  asio::awaitable<void> read_all() {
    log::line_limit allowed{websocket_limits::messages_max, 1};
    beast::flat_buffer buffer{subscription::message_bytes_max};
    while (true) {
      buffer.clear();
      co_await socket_.async_read(buffer, asio::use_awaitable);
      if (!socket_.got_text()) {
        guest_->stream().kick(guest_->seat(), 1003, "messages are text");
        continue;
      }
      if (!allowed.admit(std::chrono::steady_clock::now())) {
        guest_->stream().kick(guest_->seat(), 1008, "too many messages");
        continue;
      }
      const auto data = buffer.data();
      const std::string text{static_cast<const char*>(data.data()), data.size()};
      co_await take(text);
    }
  }

  asio::awaitable<void> take(const std::string& text) {
    auto read = to_client_message(text, guest_->seat().who());
    if (const auto* mistake = std::get_if<client_mistake>(&read)) {
      guest_->stream().refuse(guest_->seat(), *mistake);
      co_return;
    }
    auto& message = std::get<client_message>(read);
    const auto unknown = co_await resolve_field(guest_->stream(), message.wanted);
    if (unknown)
      guest_->stream().refuse(guest_->seat(), {message.id, *unknown});
    else
      guest_->stream().subscribe(guest_->seat(), std::move(message.wanted), message.id);
  }

  std::shared_ptr<stream_guest> guest_;
  std::shared_ptr<daemon::byte_stream> bytes_;
  ws::stream<byte_layer, false> socket_; // no compression
  bool reading_ = false;
  asio::steady_timer reader_gone_;
  std::shared_ptr<daemon::deadline> deadline_;
};

/// Ends a session also when its coroutine is cancelled.
struct session_end {
  std::shared_ptr<websocket_session> session;
  ~session_end() { session->abandon(); }
};

} // namespace

std::optional<problem> websocket_fault(const stream_offer& offer) {
  if (offer.websocket_version != "13")
    return problem{426, "websocket_version", "only version 13 of WebSocket is spoken here",
                   "send Sec-WebSocket-Version: 13"};
  constexpr std::size_t key_length = 24; // 16 bytes in base64
  if (offer.websocket_key.size() != key_length)
    return problem{400, "bad_request", "the header field Sec-WebSocket-Key is missing or invalid",
                   "send 16 random bytes in base64"};
  if (!offer.websocket_protocols.empty()
      && !beast::http::token_list{offer.websocket_protocols}.exists(stream_protocol))
    return problem{400, "websocket_protocol", "this subprotocol is not spoken here",
                   std::string{"leave out Sec-WebSocket-Protocol, or name "} + stream_protocol};
  return std::nullopt;
}

asio::awaitable<void> serve_websocket(std::shared_ptr<stream_guest> guest,
                                      stream_offer offer,
                                      std::shared_ptr<daemon::byte_stream> bytes) {
  auto executor = co_await asio::this_coro::executor;
  auto session = std::make_shared<websocket_session>(std::move(guest), std::move(bytes), executor);
  const session_end end{session};
  co_await session->run(std::move(offer));
}

} // namespace furrow::http
