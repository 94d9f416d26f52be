#include "tools/furrowd/front/request_header.hpp"

#include <algorithm>

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>

namespace furrow::http {

namespace beast = boost::beast;
namespace wire = boost::beast::http;
using boost::system::error_code;

namespace {

std::string text(beast::string_view view) {
  return {view.data(), view.size()};
}

bool is_chunked(beast::string_view value) {
  return beast::iequals(value, "chunked");
}

} // namespace

request to_request(const request_header& header) {
  return {text(header.method_string()),
          text(header.target()),
          text(header[wire::field::authorization]),
          text(header[wire::field::host]),
          text(header[wire::field::origin]),
          text(header["Idempotency-Key"]),
          {},
          text(header[wire::field::cookie])};
}

bool takes_gzip(const request_header& header) {
  for (const auto& coding : wire::ext_list{header[wire::field::accept_encoding]})
    if (beast::iequals(coding.first, "gzip"))
      return std::none_of(coding.second.begin(), coding.second.end(), [](const auto& one) {
        return beast::iequals(one.first, "q")
               && one.second.find_first_not_of("0.") == beast::string_view::npos;
      });
  return false;
}

stream_offer to_offer(const request_header& header, const std::string& peer) {
  stream_offer made;
  made.peer = peer;
  made.host = text(header[wire::field::host]);
  made.origin = text(header[wire::field::origin]);
  made.last_event_id = text(header["Last-Event-ID"]);
  made.upgrade = beast::iequals(header[wire::field::upgrade], "websocket");
  made.websocket_key = text(header[wire::field::sec_websocket_key]);
  made.websocket_version = text(header[wire::field::sec_websocket_version]);
  made.websocket_protocols = text(header[wire::field::sec_websocket_protocol]);
  return made;
}

std::optional<problem>
to_problem(const error_code& error, std::uint64_t header_bytes_max, std::uint64_t body_bytes_max) {
  if (error == wire::error::header_limit)
    return problem{431, "header_too_large",
                   "the header has more than " + std::to_string(header_bytes_max) + " bytes",
                   "send fewer or shorter header fields"};
  if (error == wire::error::body_limit)
    return problem{413, "body_too_large",
                   "the body has more than " + std::to_string(body_bytes_max) + " bytes",
                   "send a smaller body"};
  const bool parse_error =
    error.category() == wire::make_error_code(wire::error::bad_method).category();
  if (!parse_error || error == wire::error::end_of_stream || error == wire::error::partial_message)
    return std::nullopt;
  return problem{400, "bad_request", "invalid HTTP/1.1 request: " + error.message(),
                 "send a request that follows RFC 9112"};
}

problem too_late() {
  return {408, "request_timeout", "the request did not come in time", "send it faster"};
}

std::optional<problem> ambiguity(const request_header& header) {
  const auto refused = [](const char* what) {
    return problem{400, "bad_request", what, "send a request that follows RFC 9112"};
  };
  const auto hosts = header.count(wire::field::host);
  if (hosts > 1 || (hosts == 0 && header.version() >= 11))
    return refused("a request of HTTP/1.1 has exactly one header field Host");
  if (header.count(wire::field::authorization) > 1)
    return refused("the header field Authorization is repeated");
  if (header.count(wire::field::cookie) > 1)
    return refused("the header field Cookie is repeated");
  if (header.count("Idempotency-Key") > 1)
    return refused("the header field Idempotency-Key is repeated");
  const auto codings = header.count(wire::field::transfer_encoding);
  if (codings == 0)
    return std::nullopt;
  if (header.version() < 11 || header.count(wire::field::content_length) != 0)
    return refused("the header field Transfer-Encoding is not allowed here");
  if (codings > 1 || !is_chunked(header[wire::field::transfer_encoding]))
    return problem{501, "unknown_transfer_encoding", "the only transfer coding is chunked",
                   "send Transfer-Encoding: chunked, or a Content-Length"};
  return std::nullopt;
}

} // namespace furrow::http
