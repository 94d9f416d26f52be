#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/bodies/frames_body.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/json/rfc3339.hpp"

#include <memory>
#include <utility>

namespace furrow::http {

namespace {

/// A stream that gives its place among the others back when it has ended, or the client has gone.
class placed_body : public body_source {
public:
  placed_body(std::unique_ptr<body_source> inner, place taken)
    : inner_{std::move(inner)}, taken_{std::move(taken)} {}
  boost::asio::awaitable<body_piece> next() override { return inner_->next(); }

private:
  std::unique_ptr<body_source> inner_;
  place taken_;
};

std::variant<frames_request, problem> to_frames_request(const call& call) {
  frames_request wanted;
  const auto* equipment = given(call, "equipment");
  if (equipment == nullptr || equipment->empty())
    return problem{400, "missing_parameter", "which machine?", "add equipment=NAME"};
  wanted.query.farm = call.who.farm;
  wanted.query.equipment = *equipment;
  constexpr const char* time_hint =
    "write times as 2026-05-01T06:30:00Z, with microseconds if need be";
  for (const auto& [name, end] :
       {std::pair{"from", &wanted.query.from_us}, std::pair{"to", &wanted.query.to_us}})
    if (const auto* text = given(call, name)) {
      *end = json_rows::parse_time(*text);
      if (!*end)
        return bad_parameter(name, *text, time_hint);
    }
  if (const auto* text = given(call, "can_id")) {
    wanted.filter.can_id = parse_can_id(*text);
    if (!wanted.filter.can_id)
      return bad_parameter("can_id", *text,
                           "write the identifier in hex: 18FEF100 has 29 bits, 123 has 11");
  }
  if (const auto* text = given(call, "pgn")) {
    wanted.filter.pgn = parse_pgn(*text);
    if (!wanted.filter.pgn)
      return bad_parameter("pgn", *text, "write it as 65265 or 0xFEF1");
  }
  if (const auto* text = given(call, "format")) {
    const auto known = parse_frames_format(*text);
    if (!known)
      return bad_parameter("format", *text, frames_format_hint);
    wanted.format = *known;
  }
  return wanted;
}

answer frames(api_context& of, call call) {
  auto wanted = to_frames_request(call);
  if (const auto* wrong = std::get_if<problem>(&wanted))
    co_return to_response(*wrong);
  auto& request = std::get<frames_request>(wanted);
  if (!call.who.covers(request.query.equipment))
    co_return to_response(not_covered(request.query.equipment));
  request.names = {&of.node.dbc, request.query.farm, request.query.equipment};
  auto slot = co_await take_place(of.streams, request.query.farm, of.stream_wait);
  if (!slot)
    co_return to_response({429, "too_many_streams", "too many frame streams are open already",
                           "wait until another one has ended"});
  response made;
  set_form(made, request.format, request.query.equipment);
  auto opened = co_await open_frames(of.node.store, std::move(request));
  if (const auto* wrong = std::get_if<problem>(&opened))
    co_return to_response(*wrong);
  made.stream = std::make_unique<placed_body>(
    std::get<std::unique_ptr<body_source>>(std::move(opened)), std::move(slot));
  co_return made;
}

} // namespace

void add_frames_route(router& to, api_context& of) {
  to.add({"GET",
          "/api/v1/frames",
          daemon::permission::read,
          {"equipment", "from", "to", "can_id", "pgn", "format"},
          on_history(of, frames),
          false});
}

} // namespace furrow::http
