#include "storage/history.hpp"

#include "tools/furrowd/api/answers.hpp"
#include "tools/furrowd/api/history/meaning.hpp"
#include "tools/furrowd/api/history/range.hpp"
#include "tools/furrowd/api/resources.hpp"
#include "tools/furrowd/http/ask_store.hpp"
#include "tools/json/rfc3339.hpp"
#include "tools/json/rows_json.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds history_limit = 30s;

/// The machine, times and page of a call, in the caller's farm.
std::variant<storage::history_query, problem> to_query(const call& call) {
  storage::history_query query;
  query.farm = call.who.farm;
  query.equipment = call.path.at("name");
  if (!call.who.covers(query.equipment))
    return not_covered(query.equipment);
  for (const auto& [name, end] : {std::pair{"from", &query.from_us}, std::pair{"to", &query.to_us},
                                  std::pair{"after", &query.after_us}})
    if (const auto* text = given(call, name)) {
      *end = json_rows::parse_time(*text);
      if (!*end)
        return bad_parameter(name, *text,
                             "write times as 2026-05-01T06:30:00Z, at most with microseconds");
    }
  return query;
}

json optional_time(const std::optional<std::int64_t>& time_us) {
  return time_us ? json(json_rows::format_time(*time_us)) : json(nullptr);
}

json point_json(const storage::telemetry_point& row) {
  json out{{"time", json_rows::format_time(row.time_us)},
           {"mode", row.mode.empty() ? json(nullptr) : json(row.mode)}};
  for (std::size_t i = 0; i < row.values.size(); ++i)
    out[std::string{can::telemetry_columns[i].key}] =
      row.values[i] ? json(*row.values[i]) : json(nullptr);
  return out;
}

json point_json(const storage::rollup_point& row) {
  return {{"time", json_rows::format_time(row.time_us)},
          {"count", row.count},
          {"min", row.min},
          {"max", row.max},
          {"mean", row.mean},
          {"last", row.last}};
}

template <class Page>
response page_response(const char* name, const Page& page) {
  json rows = json::array();
  for (const auto& row : page.rows)
    rows.push_back(point_json(row));
  return ok({{name, std::move(rows)}, {"next", optional_time(page.next_us)}});
}

answer telemetry(api_context& of, call call) {
  const auto query = to_query(call);
  if (const auto* wrong = std::get_if<problem>(&query))
    co_return to_response(*wrong);
  const auto start = [&](auto done) {
    of.node.store.history()->read_telemetry(std::get<storage::history_query>(query),
                                            std::move(done));
  };
  const auto page = co_await ask_store<storage::telemetry_page>(start, history_limit);
  if (const auto* wrong = std::get_if<problem>(&page))
    co_return to_response(*wrong);
  co_return page_response("telemetry", std::get<storage::telemetry_page>(page));
}

answer rollup(api_context& of, call call) {
  auto query = to_query(call);
  if (const auto* wrong = std::get_if<problem>(&query))
    co_return to_response(*wrong);
  const auto* signal = given(call, "signal");
  if (signal == nullptr || signal->empty())
    co_return to_response({400, "missing_parameter", "the parameter signal is missing",
                           "add signal=EEC1.engine_speed; .../signals lists them"});
  auto bucket = storage::rollup_bucket::minute;
  if (const auto* text = given(call, "bucket")) {
    if (*text == "hour")
      bucket = storage::rollup_bucket::hour;
    else if (*text == "day")
      bucket = storage::rollup_bucket::day;
    else if (*text != "minute")
      co_return to_response(bad_parameter("bucket", *text, "use minute, hour or day"));
  }
  if (const auto wrong = read_zone(call, bucket == storage::rollup_bucket::day, "bucket=day",
                                   std::get<storage::history_query>(query).zone))
    co_return to_response(*wrong);
  const auto start = [&](auto done) {
    of.node.store.history()->read_rollup(std::get<storage::history_query>(query), *signal, bucket,
                                         std::move(done));
  };
  const auto page = co_await ask_store<storage::rollup_page>(start, history_limit);
  if (const auto* wrong = std::get_if<problem>(&page))
    co_return to_response(*wrong);
  co_return page_response("rollup", std::get<storage::rollup_page>(page));
}

answer signals(api_context& of, call call) {
  const auto query = to_query(call);
  if (const auto* wrong = std::get_if<problem>(&query))
    co_return to_response(*wrong);
  const auto& wanted = std::get<storage::history_query>(query);
  const auto start = [&](auto done) {
    of.node.store.history()->list_signals(wanted.farm, wanted.equipment, std::move(done));
  };
  const auto known = co_await ask_store<std::vector<storage::known_signal>>(start, history_limit);
  if (const auto* wrong = std::get_if<problem>(&known))
    co_return to_response(*wrong);
  json rows = json::array();
  for (const auto& one : std::get<std::vector<storage::known_signal>>(known)) {
    rows.push_back({{"name", one.name},
                    {"last", one.last},
                    {"last_time", json_rows::format_time(one.last_time_us)}});
    const auto unit = unit_of(one.name);
    const auto title = title_of(one.name);
    rows.back()["unit"] = unit ? json(*unit) : json(nullptr);
    rows.back()["title"] = title ? json(*title) : json(nullptr);
  }
  co_return ok({{"signals", std::move(rows)}});
}

} // namespace

void add_history_routes(router& to, api_context& of) {
  using enum daemon::permission;
  const bool kept = of.node.store.history() != nullptr;
  const auto with = [&](answer (*run)(api_context&, call)) {
    return on_history(of, kept ? run : not_kept);
  };
  to.add(
    {"GET", "/api/v1/equipment/{name}/telemetry", read, {"from", "to", "after"}, with(telemetry)});
  to.add({"GET", "/api/v1/equipment/{name}/signals", read, {}, with(signals)});
  to.add({"GET",
          "/api/v1/equipment/{name}/rollup",
          read,
          {"signal", "bucket", "zone", "from", "to", "after"},
          with(rollup)});
}

} // namespace furrow::http
