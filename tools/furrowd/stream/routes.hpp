/// The routes of the live stream: `GET /api/v1/stream` as a WebSocket or as `text/event-stream`, and tickets for browsers.
///
/// Errors: 400 for an invalid subscription, 403 for a page of another site, 426 for another version of WebSocket, 429 at
///   the limit of clients.
/// Threads: a call runs on the strand of its connection.
#pragma once

#include "tools/furrowd/http/router.hpp"
#include "tools/furrowd/stream/live_stream.hpp"

#include <memory>
#include <optional>

#include <boost/asio/awaitable.hpp>

namespace furrow::http {

/// The parameter of the query; only this route knows it.
inline constexpr const char* ticket_parameter = "ticket";

/// `stream` may be nullptr: then there are routes and no stream.
void add_stream_routes(router& to, const std::shared_ptr<live_stream>& stream);

/// Reads the boundary of the field that the subscription names.
[[nodiscard]] boost::asio::awaitable<std::optional<problem>> resolve_field(live_stream& stream,
                                                                           subscription& wanted);

} // namespace furrow::http
