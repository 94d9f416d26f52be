#include "tools/furrowd/http/front.hpp"

#include <array>
#include <string>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

namespace furrow::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
using tls_stream = asio::ssl::stream<beast::tcp_stream>;

std::string text(beast::string_view view) {
  return {view.data(), view.size()};
}

request to_request(const wire::request_header<>& header) {
  return {text(header.method_string()), text(header.target()),
          text(header[wire::field::authorization]), text(header[wire::field::host]),
          text(header[wire::field::origin])};
}

/// What the client did wrong, if it is still there to be told.
std::optional<problem> to_problem(const error_code& error, const http_config& config) {
  if (error == wire::error::header_limit)
    return problem{431, "header_too_large",
                   "the header has more than " + std::to_string(config.header_bytes_max) + " bytes",
                   "send fewer or shorter header fields"};
  if (error == wire::error::body_limit)
    return problem{413, "body_too_large",
                   "the body has more than " + std::to_string(config.body_bytes_max) + " bytes",
                   "send less at once"};
  const bool parse_error =
    error.category() == wire::make_error_code(wire::error::bad_method).category();
  if (!parse_error || error == wire::error::end_of_stream || error == wire::error::partial_message)
    return std::nullopt;
  return problem{400, "bad_request", "this is not HTTP/1.1: " + error.message(),
                 "send a request as RFC 9112 has it"};
}

/// Serves requests of one client one after the other, over TCP or TLS.
template <class Stream>
class connection {
public:
  connection(front& front, Stream& stream) : front_{front}, stream_{stream} {}

  asio::awaitable<void> run() {
    // g++ 12 spoils the frame of a coroutine that has co_await in a condition: hence the names here
    // and below.
    for (bool more = true; more; first_ = false)
      more = co_await serve_one();
    co_await hang_up();
  }

private:
  using clock = std::chrono::steady_clock;
  using request_parser = wire::request_parser<wire::string_body>;

  void expires(std::chrono::milliseconds after) {
    beast::get_lowest_layer(stream_).expires_after(after);
  }

  /// False when the connection is to be closed.
  asio::awaitable<bool> serve_one() {
    const auto& config = front_.config();
    if (!first_ && buffer_.size() == 0) {
      const bool more = co_await wait_for_bytes(config.idle_timeout);
      if (!more)
        co_return false;
    }
    request_parser parser;
    parser.header_limit(config.header_bytes_max);
    parser.body_limit(config.body_bytes_max);
    expires(config.header_timeout);
    auto [error, ignored] = co_await wire::async_read_header(stream_, buffer_, parser, as_result);
    const auto begun = clock::now();
    if (error)
      co_return co_await refuse(error, begun);
    version_ = parser.get().version();
    const bool head = parser.get().method() == wire::verb::head;
    auto match = front_.admit(to_request(parser.get()));
    if (auto* wrong = std::get_if<problem>(&match)) {
      // The body, if there is one, is not worth reading.
      const bool keep = parser.is_done() && parser.get().keep_alive();
      co_return co_await write(to_response(*wrong), keep, head, begun);
    }
    const auto failed = co_await read_body(parser);
    if (failed)
      co_return co_await refuse(failed, begun);
    const bool keep = parser.get().keep_alive();
    std::get<route_match>(match).made.body = std::move(parser.get().body());
    auto answer = co_await front_.answer(std::get<route_match>(std::move(match)));
    co_return co_await write(std::move(answer), keep, head, begun);
  }

  asio::awaitable<bool> wait_for_bytes(std::chrono::milliseconds limit) {
    expires(limit);
    auto [error, count] = co_await stream_.async_read_some(buffer_.prepare(4'096), as_result);
    buffer_.commit(count);
    co_return !error;
  }

  asio::awaitable<error_code> read_body(request_parser& parser) {
    if (parser.is_done())
      co_return error_code{};
    expires(front_.config().body_timeout);
    if (beast::iequals(parser.get()[wire::field::expect], "100-continue")) {
      wire::response<wire::empty_body> go_on{wire::status::continue_, parser.get().version()};
      auto [error, ignored] = co_await wire::async_write(stream_, go_on, as_result);
      if (error)
        co_return error;
    }
    auto [error, ignored] = co_await wire::async_read(stream_, buffer_, parser, as_result);
    co_return error;
  }

  asio::awaitable<bool> refuse(error_code error, clock::time_point begun) {
    if (const auto wrong = to_problem(error, front_.config()))
      co_await write(to_response(*wrong), false, false, begun);
    else
      silent_ = true;
    co_return false;
  }

  void dress(wire::fields& header, const response& answer) const {
    header.set(wire::field::server, "furrow");
    header.set(wire::field::content_type, answer.content_type);
    header.set(wire::field::cache_control, "no-store");
    header.set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : answer.headers)
      header.set(name, value);
  }

  asio::awaitable<bool> write(response answer, bool keep, bool head, clock::time_point begun) {
    const auto status = answer.status;
    bool sound = false;
    if (answer.stream)
      sound = co_await write_stream(std::move(answer), keep, head);
    else
      sound = co_await write_whole(std::move(answer), keep, head);
    front_.counters().count(status, clock::now() - begun);
    silent_ = !sound;
    co_return sound&& keep && (version_ >= 11 || !streamed_);
  }

  asio::awaitable<bool> write_whole(response answer, bool keep, bool head) {
    wire::response<wire::string_body> message{static_cast<wire::status>(answer.status), version_};
    dress(message, answer);
    message.keep_alive(keep);
    message.content_length(answer.body.size());
    if (!head)
      message.body() = std::move(answer.body);
    wire::response_serializer<wire::string_body> serializer{message};
    expires(front_.config().write_timeout);
    if (head) {
      auto [error, ignored] = co_await wire::async_write_header(stream_, serializer, as_result);
      co_return !error;
    }
    auto [error, ignored] = co_await wire::async_write(stream_, serializer, as_result);
    co_return !error;
  }

  /// Chunk by chunk; the next is made when the client has taken the last. HTTP/1.0 knows no chunks:
  /// there the end of the connection is the end of the body.
  asio::awaitable<bool> write_stream(response answer, bool keep, bool head) {
    const bool chunked = version_ >= 11;
    streamed_ = true;
    wire::response<wire::empty_body> message{static_cast<wire::status>(answer.status), version_};
    dress(message, answer);
    message.keep_alive(keep && chunked);
    message.chunked(chunked);
    wire::response_serializer<wire::empty_body> serializer{message};
    expires(front_.config().write_timeout);
    auto [error, ignored] = co_await wire::async_write_header(stream_, serializer, as_result);
    for (bool more = !head; more && !error;) {
      const auto piece = co_await answer.stream->next();
      if (piece.failed)
        co_return false;
      const asio::const_buffer bytes{piece.text.data(), piece.text.size()};
      expires(front_.config().write_timeout);
      if (!chunked && !piece.text.empty())
        std::tie(error, std::ignore) = co_await asio::async_write(stream_, bytes, as_result);
      else if (!piece.text.empty())
        std::tie(error, std::ignore) =
          co_await asio::async_write(stream_, wire::make_chunk(bytes), as_result);
      else if (chunked)
        std::tie(error, std::ignore) =
          co_await asio::async_write(stream_, wire::make_chunk_last(), as_result);
      more = !piece.text.empty();
    }
    co_return !error;
  }

  /// Closes so that the client gets to read the last answer: a socket that is closed with unread
  /// bytes in it takes the answer back.
  asio::awaitable<void> hang_up() {
    auto& socket = beast::get_lowest_layer(stream_);
    if (silent_) {
      socket.close();
      co_return;
    }
    expires(std::chrono::seconds{2});
    if constexpr (std::is_same_v<Stream, tls_stream>)
      co_await stream_.async_shutdown(as_result);
    error_code ignored;
    socket.socket().shutdown(tcp::socket::shutdown_send, ignored);
    std::array<char, 4'096> rest{};
    for (std::size_t left = 4U << 20U; left > 0;) {
      auto [error, count] = co_await socket.async_read_some(asio::buffer(rest), as_result);
      if (error)
        break;
      left -= std::min(left, count);
    }
    socket.close();
  }

  front& front_;
  Stream& stream_;
  beast::flat_buffer buffer_;
  unsigned version_ = 11;
  bool first_ = true;
  bool streamed_ = false;
  bool silent_ = false; // the client has gone, or must see that the answer was cut short
};

} // namespace

asio::awaitable<void> run_connection(std::shared_ptr<front> front, tcp::socket socket) {
  error_code ignored;
  socket.set_option(tcp::no_delay{true}, ignored); // an answer comes a little later without it
  const auto tls = front->config().tls;
  beast::tcp_stream plain{std::move(socket)};
  if (!tls) {
    connection served{*front, plain};
    co_await served.run();
    co_return;
  }
  tls_stream stream{std::move(plain), *tls};
  beast::get_lowest_layer(stream).expires_after(front->config().header_timeout);
  auto [error] = co_await stream.async_handshake(tls_stream::server, as_result);
  if (error)
    co_return;
  connection served{*front, stream};
  co_await served.run();
}

void turn_away(tcp::socket socket, bool tls) {
  error_code ignored; // the client sees a closed connection at worst
  socket.non_blocking(true, ignored);
  const auto answer = to_response(
    {503, "too_many_connections", "this node has no room for another connection", "try again"});
  const auto text = "HTTP/1.1 503 Service Unavailable\r\nServer: furrow\r\nConnection: close\r\n"
                    "Retry-After: 1\r\nContent-Type: application/json\r\nContent-Length: "
                    + std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
  if (!tls)
    socket.send(asio::buffer(text), 0, ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

} // namespace furrow::http
