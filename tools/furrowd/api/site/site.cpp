#include "actors/forward/forward_board.hpp"
#include "storage/forward/forward_store.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/ask_store.hpp"
#include "tools/json/rfc3339.hpp"

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

json forward_time_json(const std::optional<std::int64_t>& time_us) {
  return time_us ? json(json_rows::format_time(*time_us)) : json(nullptr);
}

json forward_stream_json(const storage::forward_row& row) {
  return {{"farm", row.farm},
          {"equipment", row.equipment},
          {"stream_id", can::to_string(row.id)},
          {"durable", row.last},
          {"acked", row.acked},
          {"waiting", row.last > row.acked ? row.last - row.acked : 0},
          {"acked_at", forward_time_json(row.acked_at_us)},
          {"oldest_waiting", forward_time_json(row.oldest_us)},
          {"newest", forward_time_json(row.newest_us)}};
}

/// Where this site forwards to, and of each stream how far head office has it.
answer site(api_context& of, call call) {
  const auto start = [&](auto done) {
    of.node.store.forward()->read_status(call.who.farm, std::move(done));
  };
  const auto said = co_await ask_store<storage::forward_status>(start, answer_limit);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  const auto& status = std::get<storage::forward_status>(said);
  json streams = json::array();
  for (const auto& row : status.rows)
    if (call.who.covers(row.equipment))
      streams.push_back(forward_stream_json(row));
  json body{{"target", status.target.empty() ? json(nullptr) : json(status.target)},
            {"forwarding", of.node.forwarding != nullptr},
            {"lines", 0},
            {"fault", nullptr},
            {"streams", std::move(streams)}};
  if (auto* const board = of.node.forwarding) {
    const auto figures = board->latest();
    body["lines"] = figures.lines_claimed;
    if (!figures.fault.empty() && call.who.every_farm)
      body["fault"] = figures.fault;
  }
  co_return ok(body);
}

} // namespace

void add_site_route(router& to, api_context& of) {
  const bool kept = of.node.store.forward() != nullptr;
  to.add({"GET", "/api/v1/site", daemon::permission::read, {}, on(of, kept ? site : not_kept)});
}

} // namespace furrow::http
