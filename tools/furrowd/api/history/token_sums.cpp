#include "storage/series/series.hpp"
#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/history/range.hpp"
#include "tools/furrowd/api/history/routes.hpp"
#include "tools/furrowd/http/ask_store.hpp"
#include "tools/json/rfc3339.hpp"

#include <chrono>
#include <cmath>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr std::chrono::seconds sums_limit{30};

/// Opaque for clients: the last row of a page as a JSON array.
std::string sums_cursor_text(const storage::token_sums_cursor& at) {
  return json::array({at.start_us, at.agent, at.model})
    .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<storage::token_sums_cursor> parse_sums_cursor(const std::string& text) {
  const auto parts = json::parse(text, nullptr, false);
  if (!parts.is_array() || parts.size() != 3 || !parts[0].is_number_integer()
      || !parts[1].is_string() || !parts[2].is_string())
    return std::nullopt;
  return storage::token_sums_cursor{parts[0].get<std::int64_t>(), parts[1].get<std::string>(),
                                    parts[2].get<std::string>()};
}

std::variant<storage::token_sums_wish, problem> to_sums_wish(const call& call) {
  storage::token_sums_wish wish;
  wish.farm = call.who.farm;
  wish.machines = call.who.equipment;
  wish.limit = page_rows_default;
  for (const auto& [name, into] :
       {std::pair{"equipment", &wish.equipment}, std::pair{"agent", &wish.agent},
        std::pair{"model", &wish.model}})
    if (const auto* text = given(call, name)) {
      if (text->empty())
        return bad_parameter(name, *text, "give a name, or leave the parameter out");
      *into = *text;
    }
  if (!wish.equipment.empty() && !call.who.covers(wish.equipment))
    return not_covered(wish.equipment);
  for (const auto& [name, end] : {std::pair{"from", &wish.from_us}, std::pair{"to", &wish.to_us}})
    if (const auto* text = given(call, name)) {
      const auto time = json_rows::parse_time(*text);
      if (!time)
        return bad_parameter(name, *text,
                             "write times as 2026-05-01T06:30:00Z, at most with microseconds");
      *end = *time;
    }
  if (const auto* by = given(call, "by")) {
    if (*by != "day" && *by != "month" && *by != "whole")
      return bad_parameter("by", *by, "it is day, month or whole");
    wish.by = *by == "day"     ? storage::sum_period::day
              : *by == "month" ? storage::sum_period::month
                               : storage::sum_period::whole;
  }
  if (auto wrong =
        read_zone(call, wish.by != storage::sum_period::whole, "by=day or by=month", wish.zone))
    return *wrong;
  if (auto wrong = read_page_limit(call, wish.limit))
    return *wrong;
  if (const auto* text = given(call, "after")) {
    wish.after = parse_sums_cursor(*text);
    if (!wish.after)
      return bad_parameter("after", *text, "use `next` of the previous page");
  }
  return wish;
}

/// Without a point where nothing is behind it, as in records.
json tokens_json(double tokens) {
  constexpr double whole_max = 9'007'199'254'740'992; // 2^53
  if (tokens == std::floor(tokens) && std::abs(tokens) < whole_max)
    return static_cast<std::int64_t>(tokens);
  return tokens;
}

json sum_json(const storage::token_sum& row, storage::sum_period by) {
  const bool is_whole = by == storage::sum_period::whole;
  return {{"start", is_whole ? json(nullptr) : json(json_rows::format_time(row.start_us))},
          {"agent", row.agent},
          {"model", row.model},
          {"records", row.records},
          {"prompt_tokens", tokens_json(row.prompt_tokens)},
          {"completion_tokens", tokens_json(row.completion_tokens)},
          {"cost_usd", row.cost_usd ? json(*row.cost_usd) : json(nullptr)}};
}

answer token_sums(api_context& of, call call) {
  const auto made = to_sums_wish(call);
  if (const auto* wrong = std::get_if<problem>(&made))
    co_return to_response(*wrong);
  const auto& wish = std::get<storage::token_sums_wish>(made);
  const auto start = [&](auto done) {
    storage::series_of(of.node.store)->read_token_sums(wish, std::move(done));
  };
  const auto said = co_await ask_store<storage::token_sums>(start, sums_limit);
  if (const auto* wrong = std::get_if<problem>(&said))
    co_return to_response(*wrong);
  const auto& page = std::get<storage::token_sums>(said);
  json rows = json::array();
  for (const auto& row : page.rows)
    rows.push_back(sum_json(row, wish.by));
  json body{{"sums", std::move(rows)},
            {"next", page.next ? json(sums_cursor_text(*page.next)) : json(nullptr)}};
  co_return ok(body);
}

} // namespace

void add_token_sums_route(router& to, api_context& of) {
  const bool kept = storage::series_of(of.node.store) != nullptr;
  to.add({"GET",
          "/api/v1/token-usage/sums",
          daemon::permission::read,
          {"equipment", "agent", "model", "by", "zone", "from", "to", "limit", "after"},
          on(of, kept ? token_sums : not_kept)});
}

} // namespace furrow::http
