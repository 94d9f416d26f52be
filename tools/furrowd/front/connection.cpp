#include "tools/furrowd/front/front.hpp"
#include "tools/furrowd/front/request_header.hpp"
#include "tools/furrowd/http/body_form.hpp"
#include "tools/furrowd/net/byte_stream.hpp"
#include "tools/furrowd/net/deadline.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>

namespace furrow::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

bool is_unknown(const std::variant<route_match, problem>& match) {
  const auto* wrong = std::get_if<problem>(&match);
  return wrong != nullptr && (wrong->code == unknown_token || wrong->code == expired_token);
}

/// Routes that a connection on a reserved place may ask for.
bool is_probe(const std::variant<route_match, problem>& match) {
  const auto* found = std::get_if<route_match>(&match);
  return found != nullptr
         && (found->found->pattern == "/health" || found->found->pattern == "/ready");
}

std::string text_of(wire::response<wire::empty_body>& message) {
  wire::response_serializer<wire::empty_body> serializer{message};
  std::string out;
  for (error_code error; !serializer.is_header_done() && !error;)
    serializer.next(error, [&](error_code&, const auto& buffers) {
      out += beast::buffers_to_string(buffers);
      serializer.consume(beast::buffer_bytes(buffers));
    });
  return out;
}

/// Else the system takes megabytes for a client that reads slowly: texts of the live stream that are old when they
/// arrive, each made on the thread that also answers /health.
void limit_unsent(tcp::socket& socket) {
  constexpr int unsent_bytes_max = 32 << 10;
  (void)::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes_max,
                     sizeof unsent_bytes_max); // without it a slow client is served all the same
}

/// Serves the requests of one client one after the other. Beast parses and writes HTTP text only. The bytes come from
/// byte_stream, so this code is compiled once and not for every kind of stream.
class connection {
public:
  connection(front& front,
             std::shared_ptr<daemon::byte_stream> stream,
             const asio::any_io_executor& executor,
             std::uint64_t id,
             std::string peer,
             bool secure)
    : front_{front}, shared_{std::move(stream)}, stream_{*shared_}, id_{id}, peer_{std::move(peer)},
      secure_{secure}, deadline_{
                         std::make_shared<daemon::deadline>(executor, [this] { expired(); })} {}
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection() { deadline_->stop(); }

  asio::awaitable<void> run(bool tls) {
    if (tls) {
      expires(front_.config().header_timeout);
      co_await stream_.handshake();
    }
    // g++ 12 miscompiles a coroutine that has co_await in a condition: hence the variables here and below.
    for (bool more = true; more; first_ = false)
      more = co_await serve_one();
    co_await hang_up();
  }

private:
  using clock = std::chrono::steady_clock;
  using request_parser = wire::request_parser<wire::string_body>;

  static constexpr std::size_t idle_bytes = 2U << 10U;
  static constexpr std::size_t read_bytes = 16U << 10U;
  static constexpr std::size_t piece_bytes = 64U << 10U; // that a client takes in write_timeout

  /// The step of a request that begins now has so much time, and never more than is left of the whole request.
  void expires(std::chrono::milliseconds after) {
    const auto left = request_ends_ - clock::now();
    deadline_->expires_after(
      std::max(std::chrono::milliseconds{0},
               std::min(after, std::chrono::duration_cast<std::chrono::milliseconds>(left))));
  }
  /// The step has a limit of its own.
  void expires_with_request() { expires(std::chrono::milliseconds::max()); }
  void begin_request() {
    request_ends_ = clock::now() + front_.config().request_timeout;
    late_ = false;
  }
  /// From here on the client must take the answer at a pace, and it lasts as long as it does.
  void end_request() { request_ends_ = clock::time_point::max(); }

  void expired() {
    constexpr std::chrono::seconds answer_time{2};
    if (!reads_request_ || std::exchange(late_, true))
      return stream_.close();
    stream_.interrupt(); // the client gets an answer
    deadline_->expires_after(answer_time);
  }

  /// False when the connection must be closed.
  asio::awaitable<bool> serve_one() {
    const auto& config = front_.config();
    front_.waits(id_);
    if (!first_ && buffer_.size() == 0) {
      expires(config.idle_timeout);
      const auto closed = co_await read_more(true);
      if (closed)
        co_return false;
    }
    request_parser parser;
    parser.header_limit(config.header_bytes_max);
    body_bytes_max_ = front_.body_bytes_max(); // the route is not known yet
    parser.body_limit(body_bytes_max_);
    begin_request();
    expires(config.header_timeout);
    wish_ = {};
    const auto error = co_await read_into(parser, true);
    const auto begun = clock::now();
    late_ = late_ && parser.got_some(); // who has sent nothing waits for no answer
    if (error)
      co_return co_await refuse(error, begun);
    version_ = parser.get().version();
    const bool head = parser.get().method() == wire::verb::head;
    const auto entered = front_.works(id_);
    if (entered.got == connection_table::place::none)
      co_return false; // it gave way to another connection
    const bool ordinary = entered.got == connection_table::place::ordinary;
    if (const auto wrong = ambiguity(parser.get()))
      co_return co_await write(to_response(*wrong), false, head, begun);
    auto asked = to_request(parser.get());
    asked.offer = to_offer(parser.get(), peer_);
    asked.from = peer_;
    asked.secure = secure_;
    const auto tag = parser.get()[wire::field::if_none_match];
    asked.if_none_match.assign(tag.data(), tag.size());
    asked.takes_gzip = takes_gzip(parser.get());
    wish_ = {head || asked.method == "GET", asked.takes_gzip, asked.if_none_match};
    auto match = front_.admit(asked, id_);
    if (is_unknown(match)) {
      // It may have been made a moment ago, at another node.
      const bool learnt = co_await front_.learn();
      if (learnt)
        match = front_.admit(asked, id_);
    }
    if (!ordinary && !is_probe(match)) {
      front_.counters().refused(entered.address_full);
      co_return co_await write(to_response(too_many_connections(entered.address_full)), false, head,
                               begun);
    }
    if (auto* wrong = std::get_if<problem>(&match)) {
      if (wrong->code == unknown_token)
        co_await slow_down();
      // A body of a rejected request is not read.
      const bool keep = parser.is_done() && parser.get().keep_alive();
      co_return co_await write(to_response(*wrong), keep, head, begun);
    }
    http::place room; // of a large body
    const bool read = co_await take_body(parser, std::get<route_match>(match), room, begun);
    if (!read)
      co_return false;
    if (front_.works(id_).got == connection_table::place::none)
      co_return false;
    const bool keep = ordinary && parser.get().keep_alive();
    std::get<route_match>(match).made.body = std::move(parser.get().body());
    expires_with_request(); // each handler has its own time limit
    auto answer = co_await front_.answer(std::get<route_match>(std::move(match)));
    room.reset();
    if (answer.takeover)
      co_return co_await hand_over(std::move(answer), begun);
    co_return co_await write(std::move(answer), keep, head, begun);
  }

  /// Reads the body as far as the route takes one; false: it was refused. `room` is held while a large one is used.
  asio::awaitable<bool> take_body(request_parser& parser,
                                  const route_match& match,
                                  http::place& room,
                                  clock::time_point begun) {
    const auto size = limit_body(parser, *match.found);
    if (!size)
      co_return true;
    if (*size > body_bytes_max_)
      co_return co_await refuse(wire::error::body_limit, begun);
    if (*size > front_.config().body_bytes_max) {
      front_.waits(id_);
      expires_with_request();
      auto farm = match.made.who.farm;
      room = co_await front_.take_body_room(std::move(farm));
      if (!room)
        co_return co_await write(to_response(too_many_bodies()), false, match.made.head, begun);
    }
    const auto failed = co_await read_body(parser, *size);
    if (failed)
      co_return co_await refuse(failed, begun);
    co_return true;
  }

  /// From here on the connection speaks another protocol than HTTP.
  asio::awaitable<bool> hand_over(response answer, clock::time_point begun) {
    if (buffer_.size() > 0) {
      problem early{400, "bad_request", "data was sent before the answer to the upgrade",
                    "wait for the status 101"};
      co_return co_await write(to_response(early), false, false, begun);
    }
    end_request();
    deadline_->pause();
    front_.counters().count(101, clock::now() - begun);
    co_await answer.takeover(shared_);
    co_return false;
  }

  /// An idle connection holds little memory.
  asio::awaitable<error_code> read_more(bool idle) {
    if (late_)
      co_return asio::error::timed_out;
    try {
      if (idle)
        buffer_.shrink_to_fit();
      const auto room = buffer_.prepare(idle ? idle_bytes : read_bytes);
      const std::span into{static_cast<std::uint8_t*>(room.data()), room.size()};
      const auto count = co_await stream_.read_some(into);
      buffer_.commit(count);
    } catch (const boost::system::system_error& error) {
      co_return error.code();
    }
    co_return error_code{};
  }

  /// Reads to the end of the header, or of the whole message.
  asio::awaitable<error_code> read_into(request_parser& parser, bool header_only) {
    reads_request_ = true;
    const auto error = co_await read_part(parser, header_only);
    reads_request_ = false;
    co_return error;
  }

  asio::awaitable<error_code> read_part(request_parser& parser, bool header_only) {
    parser.eager(!header_only);
    for (error_code error;;) {
      if (buffer_.size() > 0) {
        buffer_.consume(parser.put(buffer_.data(), error));
        if (error && error != wire::error::need_more)
          co_return error;
      }
      if (header_only ? parser.is_header_done() : parser.is_done())
        co_return error_code{};
      if (buffer_.size() > 0 && !error)
        continue; // the header was parsed, and bytes of the body are buffered
      error = co_await read_more(!parser.got_some());
      if (error == asio::error::eof && parser.got_some())
        parser.put_eof(error);
      else if (error == asio::error::eof)
        error = wire::error::end_of_stream;
      if (error)
        co_return error;
    }
  }

  /// Sets the limit of the route for a body that is to be read. Returns its announced size, or the limit where the size
  /// is not announced; nothing: there is no body.
  std::optional<std::uint64_t> limit_body(request_parser& parser, const route& route) {
    if (parser.is_done())
      return std::nullopt;
    body_bytes_max_ = front_.body_bytes_max(route);
    parser.body_limit(body_bytes_max_);
    const auto announced = parser.content_length();
    return announced ? *announced : body_bytes_max_;
  }

  asio::awaitable<error_code> read_body(request_parser& parser, std::uint64_t size) {
    const auto& config = front_.config();
    const auto turns = 1 + (std::max<std::uint64_t>(size, 1) - 1) / config.body_bytes_max;
    request_ends_ += config.body_timeout * static_cast<std::int64_t>(turns - 1);
    expires(config.body_timeout * static_cast<std::int64_t>(turns));
    front_.waits(id_); // a client that sends its body slowly gives way like one that says nothing
    if (beast::iequals(parser.get()[wire::field::expect], "100-continue")) {
      wire::response<wire::empty_body> go_on{wire::status::continue_, parser.get().version()};
      const auto error = co_await send(text_of(go_on));
      if (error)
        co_return error;
    }
    co_return co_await read_into(parser, false);
  }

  /// A client that guesses tokens waits for each answer, and may give way meanwhile.
  asio::awaitable<void> slow_down() {
    const auto wait = front_.wrong_token(peer_);
    if (wait.count() == 0)
      co_return;
    front_.waits(id_);
    expires_with_request();
    asio::steady_timer timer{co_await asio::this_coro::executor, wait};
    co_await timer.async_wait(asio::use_awaitable);
  }

  asio::awaitable<bool> refuse(error_code error, clock::time_point begun) {
    const auto wrong = late_ ? std::optional{too_late()}
                             : to_problem(error, front_.config().header_bytes_max, body_bytes_max_);
    if (wrong)
      co_await write(to_response(*wrong), false, false, begun);
    else
      silent_ = true;
    co_return false;
  }

  asio::awaitable<error_code> send(std::string_view bytes) {
    try {
      co_await stream_.write(bytes);
    } catch (const boost::system::system_error& error) {
      co_return error.code();
    }
    co_return error_code{};
  }

  [[nodiscard]] wire::response<wire::empty_body> header_of(const response& answer) const {
    wire::response<wire::empty_body> header{static_cast<wire::status>(answer.status), version_};
    header.set(wire::field::server, "furrow");
    header.set(wire::field::content_type, answer.content_type);
    header.set(wire::field::cache_control, "no-store");
    header.set("X-Content-Type-Options", "nosniff");
    for (const auto& [name, value] : answer.headers)
      header.set(name, value);
    return header;
  }

  asio::awaitable<bool> write(response answer, bool keep, bool head, clock::time_point begun) {
    fit_body(answer, wish_);
    const auto status = answer.status;
    if (late_)
      end_request(); // to say that it is over takes a moment more
    bool sound = false;
    if (answer.stream)
      sound = co_await write_stream(std::move(answer), keep, head);
    else
      sound = co_await write_whole(answer, keep, head);
    front_.counters().count(status, clock::now() - begun);
    silent_ = !sound;
    late_ = false; // where the request came whole after all, another may follow
    co_return sound&& keep && (version_ >= 11 || !streamed_);
  }

  asio::awaitable<bool> write_whole(const response& answer, bool keep, bool head) {
    constexpr std::size_t joined_max = 16U << 10U; // header and body in one packet
    auto message = header_of(answer);
    message.keep_alive(keep);
    if (answer.status != 304) // there it would be the length of what is not sent
      message.content_length(answer.body.size());
    auto text = text_of(message);
    const bool apart = answer.body.size() > joined_max;
    if (!head && !apart)
      text += answer.body;
    expires(front_.config().write_timeout);
    auto error = co_await send(text);
    end_request();
    std::string_view rest = head || !apart ? std::string_view{} : std::string_view{answer.body};
    for (; !error && !rest.empty(); rest.remove_prefix(std::min(rest.size(), piece_bytes))) {
      expires(front_.config().write_timeout);
      error = co_await send(rest.substr(0, piece_bytes));
    }
    co_return !error;
  }

  /// Writes chunk by chunk; the next one is made after the client took the last. HTTP/1.0 has no chunks: there the end
  /// of the connection ends the body.
  asio::awaitable<bool> write_stream(response answer, bool keep, bool head) {
    const bool chunked = version_ >= 11;
    streamed_ = true;
    auto message = header_of(answer);
    message.keep_alive(keep && chunked);
    message.chunked(chunked);
    expires(front_.config().write_timeout);
    auto error = co_await send(text_of(message));
    end_request();
    for (bool more = !head; more && !error;) {
      deadline_->pause();
      const auto piece = co_await answer.stream->next();
      if (piece.failed)
        co_return false;
      const asio::const_buffer bytes{piece.text.data(), piece.text.size()};
      expires(front_.config().write_timeout);
      if (!chunked && !piece.text.empty())
        error = co_await send(piece.text);
      else if (!piece.text.empty())
        error = co_await send(beast::buffers_to_string(wire::make_chunk(bytes)));
      else if (chunked)
        error = co_await send(beast::buffers_to_string(wire::make_chunk_last()));
      more = !piece.text.empty();
    }
    co_return !error;
  }

  /// Closes so that the client can read the last answer: a socket that closes with unread bytes discards the answer.
  asio::awaitable<void> hang_up() {
    front_.waits(id_); // it may give way
    if (!silent_) {
      expires(std::chrono::seconds{2});
      try {
        co_await stream_.end_tls();
        stream_.end_writing();
        std::array<std::uint8_t, 4'096> rest{};
        for (std::size_t left = 4U << 20U; left > 0;) {
          const auto count = co_await stream_.read_some(rest);
          left -= std::min(left, count);
        }
      } catch (const boost::system::system_error&) {
        // The client closed, or never closes: the socket closes in any case.
      }
    }
    stream_.close();
  }

  front& front_;
  const std::shared_ptr<daemon::byte_stream> shared_;
  daemon::byte_stream& stream_;
  const std::uint64_t id_;
  const std::string peer_; // its address, without the port
  const bool secure_;
  std::shared_ptr<daemon::deadline> deadline_;
  beast::flat_buffer buffer_;
  std::uint64_t body_bytes_max_ = 0; // of the request
  unsigned version_ = 11;
  body_wish wish_;                                            // of the request
  clock::time_point request_ends_ = clock::time_point::max(); // none is in progress, or its answer
  bool reads_request_ = false;
  bool late_ = false; // its deadline has passed while it came
  bool first_ = true;
  bool streamed_ = false;
  bool silent_ = false; // the client is gone, or must see that the answer was truncated
};

} // namespace

asio::awaitable<void>
run_connection(std::shared_ptr<front> front, tcp::socket socket, std::uint64_t id) {
  error_code ignored;
  socket.set_option(tcp::no_delay{true}, ignored); // without it an answer is a little slower
  limit_unsent(socket);
  const auto executor = socket.get_executor();
  const auto peer = socket.remote_endpoint(ignored).address().to_string();
  const auto tls = front->config().tls.newest();
  const std::shared_ptr<daemon::byte_stream> stream =
    daemon::make_byte_stream(std::move(socket), tls);
  connection served{*front, stream, executor, id, peer, tls != nullptr};
  co_await served.run(tls != nullptr);
}

} // namespace furrow::http
