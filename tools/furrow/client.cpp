#include "tools/furrow/client.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::uint64_t body_bytes_max = 256U << 20U;

/// The error object of a node's answer in one line; other answers by their status.
failure refused(unsigned status, const std::string& body, const std::string& url) {
  const auto code = status == 404                    ? errc::not_found
                    : status == 408 || status == 504 ? errc::timed_out
                                                     : errc::failed;
  const auto parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("error") || !parsed["error"].is_object())
    return {code, fmt::format("{} answered with HTTP status {} (is this a node of Furrow?)", url,
                              status)};
  const auto message = parsed["error"].value("message", "no message");
  // A value of the command line that only the node knows to be none.
  const bool usage = parsed["error"].value("code", "") == "bad_parameter";
  const auto hint = parsed["error"].value("hint", "");
  return {usage ? errc::usage : code,
          hint.empty() ? message : fmt::format("{} ({})", message, hint)};
}

} // namespace

/// One request and its answer, on a connection of its own.
class exchange {
public:
  exchange(const node_client& client,
           const char* method,
           const std::string& target,
           const node_client::sink* sink,
           const std::string& sent = {})
    : client_{client}, sink_{sink}, context_{asio::ssl::context::tls_client} {
    request_.method_string(method);
    request_.target(client.address_.path + target);
    const bool v6 = client.address_.host.find(':') != std::string::npos;
    request_.set(wire::field::host, fmt::format("{}{}{}:{}", v6 ? "[" : "", client.address_.host,
                                                v6 ? "]" : "", client.address_.port));
    request_.set(wire::field::user_agent, "furrow");
    request_.set(wire::field::connection, "close");
    if (!client.token_.empty())
      request_.set(wire::field::authorization, "Bearer " + client.token_);
    request_.body() = sent;
    if (!sent.empty())
      request_.set(wire::field::content_type, "application/json");
    if (!sent.empty() || request_.method() == wire::verb::post)
      request_.content_length(sent.size());
  }

  result<done> run() {
    asio::co_spawn(io_, talk(), [this](const std::exception_ptr& thrown) {
      try {
        if (thrown)
          std::rethrow_exception(thrown);
      } catch (const std::exception& error) {
        fail(errc::failed, error.what());
      }
    });
    io_.run();
    return failure_ ? result<done>{*failure_} : result<done>{done{}};
  }

  unsigned status = 0;
  std::string body; // of an answer that the sink does not get

private:
  void fail(errc code, std::string detail) { failure_ = failure{code, std::move(detail)}; }

  /// After the connection was made.
  void broken(const error_code& why) {
    if (why == beast::error::timeout)
      fail(errc::timed_out,
           fmt::format("{} was silent for {} s (--timeout makes furrow wait longer)", client_.url_,
                       static_cast<double>(client_.timeout_.count()) / 1e3));
    else if (received_ > 0)
      fail(errc::failed,
           fmt::format("{} cut its answer short after {} bytes: {} (its log says why)",
                       client_.url_, received_, why.message()));
    else
      fail(errc::failed, fmt::format("{} did not answer: {} (is this a node of Furrow?)",
                                     client_.url_, why.message()));
  }
  void unreachable(const error_code& why, const char* hint) {
    fail(errc::cannot_connect,
         fmt::format("cannot connect to {}: {} ({})", client_.url_, why.message(), hint));
  }

  asio::awaitable<void> talk() {
    constexpr const char* hint = "is furrowd running there? --at URL or FURROW_AT names the node";
    tcp::resolver resolver{io_};
    auto [unknown, endpoints] =
      co_await resolver.async_resolve(client_.address_.host, client_.address_.port, as_result);
    if (unknown) {
      unreachable(unknown, hint);
      co_return;
    }
    beast::tcp_stream plain{io_};
    plain.expires_after(client_.timeout_);
    auto [refused, ignored] = co_await plain.async_connect(endpoints, as_result);
    if (refused) {
      unreachable(refused, hint);
      co_return;
    }
    if (!client_.address_.tls) {
      co_await converse(plain);
      co_return;
    }
    asio::ssl::stream<beast::tcp_stream> secure{std::move(plain), context_};
    if (!trust(secure))
      co_return;
    beast::get_lowest_layer(secure).expires_after(client_.timeout_);
    auto [distrusted] = co_await secure.async_handshake(asio::ssl::stream_base::client, as_result);
    if (distrusted) {
      unreachable(distrusted, "--ca FILE names the authority that signed the node's certificate");
      co_return;
    }
    co_await converse(secure);
  }

  template <class Stream>
  bool trust(Stream& secure) {
    error_code error;
    if (client_.authorities_.empty())
      context_.set_default_verify_paths(error);
    else
      context_.load_verify_file(client_.authorities_, error);
    if (error) {
      fail(errc::failed,
           fmt::format("{}: {} (--ca takes a PEM file)", client_.authorities_, error.message()));
      return false;
    }
    secure.set_verify_mode(asio::ssl::verify_peer);
    secure.set_verify_callback(asio::ssl::host_name_verification{client_.address_.host});
    auto host = client_.address_.host; // the macro of this call casts its const away
    SSL_ctrl(secure.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             host.data());
    return true;
  }

  template <class Stream>
  asio::awaitable<void> converse(Stream& stream) {
    auto& base = beast::get_lowest_layer(stream);
    base.expires_after(client_.timeout_);
    // A refusal may come before the whole request was sent, so the answer is read in any case.
    [[maybe_unused]] const auto sent = co_await wire::async_write(stream, request_, as_result);
    beast::flat_buffer buffer;
    wire::response_parser<wire::buffer_body> parser;
    parser.body_limit(boost::none);
    auto [unread, ignored] = co_await wire::async_read_header(stream, buffer, parser, as_result);
    if (unread) {
      broken(unread);
      co_return;
    }
    status = parser.get().result_int();
    std::vector<char> piece(64U << 10U);
    while (!parser.is_done()) {
      parser.get().body().data = piece.data();
      parser.get().body().size = piece.size();
      base.expires_after(client_.timeout_);
      auto [error, count] = co_await wire::async_read_some(stream, buffer, parser, as_result);
      const std::string_view text{piece.data(), piece.size() - parser.get().body().size};
      received_ += text.size();
      if (!take(text))
        co_return;
      if (error && error != wire::error::need_buffer) {
        broken(error);
        co_return;
      }
    }
  }

  bool take(std::string_view text) {
    if (sink_ != nullptr && status == 200)
      return text.empty() || (*sink_)(text);
    if (body.size() + text.size() > body_bytes_max) {
      fail(errc::failed, fmt::format("{} answers with more than 256 MiB", client_.url_));
      return false;
    }
    body += text;
    return true;
  }

  const node_client& client_;
  const node_client::sink* sink_;
  asio::io_context io_;
  asio::ssl::context context_;
  wire::request<wire::string_body> request_;
  std::uint64_t received_ = 0;
  std::optional<failure> failure_;
};

std::string encoded(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                       || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain)
      safe += c;
    else
      safe += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return safe;
}

result<node_client::address> node_client::parse(const std::string& url) {
  const failure wrong{errc::usage,
                      fmt::format("--at \"{}\" is no address of a node (write http://HOST:PORT or "
                                  "https://HOST:PORT)",
                                  url)};
  address parsed;
  std::string_view rest = url;
  if (rest.starts_with("http://"))
    rest.remove_prefix(7);
  else if (rest.starts_with("https://"))
    rest.remove_prefix(8);
  else
    return wrong;
  parsed.tls = url.starts_with("https");
  const auto slash = rest.find('/');
  if (slash != std::string_view::npos)
    parsed.path = rest.substr(slash, rest.find_last_not_of('/') + 1 - slash);
  rest = rest.substr(0, slash);
  std::string_view port;
  if (rest.starts_with('[') && rest.find(']') != std::string_view::npos) {
    parsed.host = rest.substr(1, rest.find(']') - 1);
    port = rest.substr(rest.find(']') + 1);
  } else {
    parsed.host = rest.substr(0, rest.find(':'));
    port = rest.substr(parsed.host.size());
  }
  if (port.starts_with(':'))
    parsed.port = port.substr(1);
  else if (port.empty())
    parsed.port = parsed.tls ? "443" : "80";
  if (parsed.host.empty() || parsed.port.empty() || parsed.port.size() > 5
      || parsed.port.find_first_not_of("0123456789") != std::string::npos
      || url.find_first_of(" ?#@\r\n\t") != std::string::npos)
    return wrong;
  return parsed;
}

result<node_client> node_client::from(const globals& globals) {
  auto address = parse(globals.at);
  if (!address)
    return address.error();
  auto token = globals.bearer_token();
  if (!token)
    return token.error();
  if (token->find_first_of("\r\n") != std::string::npos)
    return failure{errc::usage, "the token holds a line break (it is one line of text)"};
  node_client client;
  client.url_ = globals.at;
  client.address_ = std::move(*address);
  client.token_ = std::move(*token);
  client.authorities_ = globals.authorities;
  client.timeout_ = globals.timeout();
  return client;
}

result<json> node_client::call(const char* method,
                               const std::string& target,
                               int also,
                               const std::string& body) const {
  exchange exchange{*this, method, target, nullptr, body};
  const auto ended = exchange.run();
  if (!ended)
    return ended.error();
  if (exchange.status / 100 != 2 && static_cast<int>(exchange.status) != also)
    return refused(exchange.status, exchange.body, url_);
  auto parsed = json::parse(exchange.body, nullptr, false);
  if (parsed.is_discarded())
    return failure{errc::failed,
                   fmt::format("{} did not answer in JSON (is this a node of Furrow?)", url_)};
  return parsed;
}

result<json> node_client::get(const std::string& target, int also) const {
  return call("GET", target, also);
}

result<json> node_client::post(const std::string& target) const {
  return call("POST", target, 0);
}

result<json>
node_client::send(const char* method, const std::string& target, const json& body) const {
  return call(method, target, 0, body.is_null() ? "" : body.dump());
}

result<done> node_client::stream(const std::string& target, const sink& taker) const {
  exchange exchange{*this, "GET", target, &taker};
  const auto ended = exchange.run();
  if (!ended)
    return ended.error();
  if (exchange.status != 200)
    return refused(exchange.status, exchange.body, url_);
  return done{};
}

} // namespace furrow::cli
