#include "tools/furrowd/stream/routes.hpp"

#include "storage/farm/repositories.hpp"
#include "storage/store.hpp"
#include "tools/furrowd/http/ask_store.hpp"
#include "tools/furrowd/stream/stream_guest.hpp"
#include "tools/furrowd/stream/websocket.hpp"
#include "tools/json/rows_json.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include <boost/asio/this_coro.hpp>
#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr std::chrono::seconds field_limit{10};

/// The events of one client.
class events_body : public body_source {
public:
  explicit events_body(std::shared_ptr<stream_guest> guest) : guest_{std::move(guest)} {}

  boost::asio::awaitable<body_piece> next() override {
    if (ended_)
      co_return body_piece{};
    if (!std::exchange(started_, true)) {
      auto executor = co_await boost::asio::this_coro::executor;
      guest_->start(executor, {});
    }
    auto message = co_await guest_->next();
    text_ = std::move(message.text);
    if (message.ended) {
      ended_ = true;
      nlohmann::ordered_json said{{"type", "end"}, {"reason", message.reason}};
      text_ = std::make_shared<const std::string>(
        stream_text(stream_form::events, "end", {}, said.dump()));
    }
    co_return body_piece{*text_};
  }

private:
  std::shared_ptr<stream_guest> guest_;
  shared_text text_;
  bool started_ = false;
  bool ended_ = false;
};

/// A browser says which page a request comes from.
std::optional<problem> foreign_page(const stream_offer& offer) {
  if (offer.origin.empty())
    return std::nullopt;
  const auto at = offer.origin.find("://");
  if (at != std::string::npos && offer.origin.substr(at + 3) == offer.host)
    return std::nullopt;
  return problem{403, "foreign_origin", "this request comes from a page of another site",
                 "open the stream from a page of this node"};
}

boost::asio::awaitable<response> live(std::shared_ptr<live_stream> stream, call call) {
  if (stream == nullptr)
    co_return to_response({503, "no_stream", "this node has no live stream", ""});
  if (const auto wrong = foreign_page(call.offer))
    co_return to_response(*wrong);
  if (call.offer.upgrade)
    if (const auto wrong = websocket_fault(call.offer)) {
      auto refused = to_response(*wrong);
      refused.headers.emplace_back("Sec-WebSocket-Version", "13");
      co_return refused;
    }
  if (!call.offer.last_event_id.empty())
    call.query.try_emplace("resume", call.offer.last_event_id);
  auto read = to_subscription(call.query, call.who);
  if (const auto* wrong = std::get_if<problem>(&read))
    co_return to_response(*wrong);
  auto& wanted = std::get<subscription>(read);
  const auto unknown = co_await resolve_field(*stream, wanted);
  if (unknown)
    co_return to_response(*unknown);
  response made;
  made.content_type = "text/event-stream";
  made.headers.emplace_back("X-Accel-Buffering", "no"); // a proxy must pass each event on at once
  if (call.head)
    co_return made;
  const auto form = call.offer.upgrade ? stream_form::websocket : stream_form::events;
  auto joined =
    stream->join(std::move(wanted), {call.who, call.offer.token}, call.offer.peer, form);
  if (const auto* wrong = std::get_if<problem>(&joined))
    co_return to_response(*wrong);
  auto guest = std::make_shared<stream_guest>(
    stream, std::get<std::shared_ptr<stream_seat>>(std::move(joined)));
  if (!call.offer.upgrade) {
    made.stream = std::make_unique<events_body>(std::move(guest));
    co_return made;
  }
  made.takeover = [guest = std::move(guest),
                   offer = call.offer](std::shared_ptr<daemon::byte_stream> bytes) {
    return serve_websocket(guest, offer, std::move(bytes));
  };
  co_return made;
}

boost::asio::awaitable<response> make_ticket(std::shared_ptr<live_stream> stream, call call) {
  if (stream == nullptr)
    co_return to_response({503, "no_stream", "this node has no live stream", ""});
  const auto ticket = stream->issue_ticket({call.who, call.offer.token});
  if (!ticket)
    co_return to_response({429, "too_many_tickets", "too many tickets are unused",
                           fmt::format("use one, or wait {} s", stream_tickets::valid.count())});
  response made;
  made.status = 201;
  made.body = json_rows::to_text({{"ticket", *ticket}, {"valid_s", stream_tickets::valid.count()}});
  co_return made;
}

} // namespace

boost::asio::awaitable<std::optional<problem>> resolve_field(live_stream& stream,
                                                             subscription& wanted) {
  if (wanted.field.empty())
    co_return std::nullopt;
  auto* const rows = stream.store().farm();
  if (rows == nullptr)
    co_return problem{501, "not_kept", "the store of this node has no fields",
                      "give an area of four numbers"};
  const auto start = [&](auto done) {
    rows->get(wanted.farm, storage::entity::field, wanted.field, std::move(done));
  };
  auto found = co_await ask_store<storage::record>(start, field_limit);
  if (auto* wrong = std::get_if<problem>(&found)) {
    constexpr unsigned missing = 404;
    if (wrong->status != missing)
      co_return std::move(*wrong);
    co_return problem{missing, "no_such_field",
                      fmt::format("there is no field \"{}\"", wanted.field),
                      "`furrow field list` names the fields"};
  }
  const auto* field = std::get_if<storage::field_record>(&std::get<storage::record>(found));
  auto boundary = storage::read_boundary(field == nullptr ? "" : field->boundary);
  if (!boundary)
    co_return problem{400, "no_boundary",
                      fmt::format("the field \"{}\" has no boundary", wanted.field),
                      "give an area of four numbers"};
  wanted.boundary = std::make_shared<const storage::boundary>(std::move(*boundary));
  co_return std::nullopt;
}

void add_stream_routes(router& to, const std::shared_ptr<live_stream>& stream) {
  auto parameters = subscription_parameters();
  parameters.emplace_back(ticket_parameter);
  route live_route{"GET", "/api/v1/stream", daemon::permission::read, std::move(parameters),
                   [stream](call call) { return live(stream, std::move(call)); }};
  live_route.takes_turn = false;
  live_route.lasts = true;
  to.add(std::move(live_route));
  to.add({"POST",
          "/api/v1/stream/tickets",
          daemon::permission::read,
          {},
          [stream](call call) { return make_ticket(stream, std::move(call)); },
          false});
}

} // namespace furrow::http
