#include "tests/support/certificate.hpp"
#include "tests/support/http_front.hpp"

#include <doctest/doctest.h>

#include <boost/asio/read.hpp>
#include <boost/asio/ssl.hpp>

using namespace furrow;
using namespace furrow::tests;

namespace {

/// Sends one request over TLS and reads until the server closes; empty when there was no handshake.
std::string ask(boost::asio::ip::tcp::endpoint at,
                const certificate& authority,
                const std::string& request,
                int version_max = TLS1_3_VERSION) {
  namespace ssl = boost::asio::ssl;
  boost::asio::io_context io;
  ssl::context context{ssl::context::tls_client};
  context.load_verify_file(authority.cert);
  context.set_verify_mode(ssl::verify_peer);
  SSL_CTX_set_max_proto_version(context.native_handle(), version_max);
  // So that the server rejects it, not the client.
  SSL_CTX_set_security_level(context.native_handle(), 0);
  ssl::stream<boost::asio::ip::tcp::socket> stream{io, context};
  stream.next_layer().connect(at);
  const timeval limit{20, 0};
  ::setsockopt(stream.next_layer().native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  boost::system::error_code error;
  stream.handshake(ssl::stream_base::client, error);
  if (error)
    return {};
  boost::asio::write(stream, boost::asio::buffer(request), error);
  std::string answer;
  boost::asio::read(stream, boost::asio::dynamic_buffer(answer), error);
  return answer;
}

} // namespace

TEST_CASE("http tls: TLS requests are served, TLS 1.1 and plain text are not") {
  const certificate made;
  fake_node node;
  furnish(node);
  http::http_config config;
  const auto tls = daemon::server_tls({made.cert, made.key, ""});
  REQUIRE(tls);
  config.tls = *tls;
  http_front front{node, config};
  const std::string request =
    "GET /api/v1/frames?equipment=T1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const auto answer = ask(front.at(), made, request);
  CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answer.find("can0 18FEF100#0102030405060703") != std::string::npos);
  CHECK(ask(front.at(), made, request, TLS1_2_VERSION).starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(ask(front.at(), made, request, TLS1_1_VERSION).empty());
  raw_client plain{front.at()};
  plain.send(request);
  CHECK(plain.read().status == 0);
  raw_client half{front.at()}; // a handshake that never comes does not hold the server up
  CHECK(ask(front.at(), made, request).starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(front.stop(std::chrono::seconds{5}));
}
