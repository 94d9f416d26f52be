#include "tools/furrowd/front/front.hpp"

#include <string>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/status.hpp>

namespace furrow::http {

namespace asio = boost::asio;
namespace wire = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

problem too_many_requests() {
  return {429, "too_many_requests", "this token has too many requests in progress",
          "wait for answers; --http-requests-per-token is the limit"};
}

problem too_many_connections(bool of_address) {
  if (of_address)
    return {429, "too_many_connections", "this address has its share of the HTTP connections",
            "close some, or try again; --http-connections-per-address is the limit"};
  return {503, "too_many_connections", "this node has reached its limit of HTTP connections",
          "try again; --http-connections is the limit"};
}

problem too_many_bodies() {
  return {503, "busy", "too many large bodies are being sent to this node", "try again"};
}

void turn_away(tcp::socket socket, bool tls, const problem& refused) {
  error_code ignored; // at worst the client sees a closed connection
  socket.non_blocking(true, ignored);
  const auto refusal = to_response(refused);
  const auto reason = wire::obsolete_reason(static_cast<wire::status>(refused.status));
  const auto text = "HTTP/1.1 " + std::to_string(refused.status) + " "
                    + std::string{reason.data(), reason.size()}
                    + "\r\nServer: furrow\r\nConnection: close\r\nRetry-After: 1\r\n"
                      "Content-Type: application/problem+json\r\nContent-Length: "
                    + std::to_string(refusal.body.size()) + "\r\n\r\n" + refusal.body;
  if (!tls)
    socket.send(asio::buffer(text), 0, ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

} // namespace furrow::http
