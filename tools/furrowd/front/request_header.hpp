/// What the front reads of the header of a request, and what is wrong with it.
///
/// Errors: values. A header that two programs would read as two different requests is a problem although Beast can
///   parse it: the connection must end.
/// Threads: plain functions.
/// Source: RFC 9110, RFC 9112.
#pragma once

#include "tools/furrowd/http/message.hpp"

#include <cstdint>
#include <optional>
#include <string>

#include <boost/beast/http/message.hpp>
#include <boost/system/error_code.hpp>

namespace furrow::http {

using request_header = boost::beast::http::request_header<>;

[[nodiscard]] request to_request(const request_header& header);
/// Whether the client reads gzip: "gzip, deflate;q=0.5", but not "gzip;q=0".
[[nodiscard]] bool takes_gzip(const request_header& header);
/// What the live stream reads of the header.
[[nodiscard]] stream_offer to_offer(const request_header& header, const std::string& peer);
/// The error of the client as a problem; nothing when the client is gone.
[[nodiscard]] std::optional<problem> to_problem(const boost::system::error_code& error,
                                                std::uint64_t header_bytes_max,
                                                std::uint64_t body_bytes_max);
/// The request did not come in time.
[[nodiscard]] problem too_late();
/// What is wrong with the header although it can be parsed.
[[nodiscard]] std::optional<problem> ambiguity(const request_header& header);

} // namespace furrow::http
