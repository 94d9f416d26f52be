/// Any bytes as the header and body of an HTTP request: read as tools/furrowd/front/connection.cpp reads it, it is a
/// request, a problem, or not complete.
#include "tests/fuzz/fuzz_target.hpp"
#include "tools/furrowd/front/request_header.hpp"

#include <cstdint>
#include <cstdlib>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace furrow::http {

namespace {

constexpr std::uint32_t header_bytes_max = 16U << 10U;
constexpr std::uint64_t body_bytes_max = 1U << 16U;

} // namespace

FUZZ_TARGET(http_request) {
  namespace wire = boost::beast::http;
  wire::request_parser<wire::string_body> parser;
  parser.header_limit(header_bytes_max);
  parser.body_limit(body_bytes_max);
  boost::asio::const_buffer rest{data, size};
  boost::system::error_code error;
  for (const bool whole : {false, true}) {
    parser.eager(whole);
    while (!error && rest.size() > 0 && !(whole ? parser.is_done() : parser.is_header_done()))
      rest += parser.put(rest, error);
    if (!whole && parser.is_header_done()) {
      const auto read = to_request(parser.get());
      hold(!read.method.empty() && !read.target.empty());
      (void)takes_gzip(parser.get());
      (void)to_offer(parser.get(), "10.0.0.7");
      if (const auto wrong = ambiguity(parser.get()))
        hold((wrong->status == 400 || wrong->status == 501) && !wrong->message.empty());
      else
        hold(parser.get().count(wire::field::host) == 1 || parser.get().version() < 11);
    }
  }
  if (error && error != wire::error::need_more)
    if (const auto wrong = to_problem(error, header_bytes_max, body_bytes_max))
      hold(wrong->status == 400 || wrong->status == 413 || wrong->status == 431);
  if (parser.is_done())
    hold(parser.get().body().size() <= body_bytes_max);
  return 0;
}

} // namespace furrow::http
