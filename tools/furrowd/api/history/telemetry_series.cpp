#include "can/live/telemetry.hpp"
#include "storage/series/series.hpp"
#include "tools/furrowd/api/history/range.hpp"
#include "tools/furrowd/api/history/routes.hpp"
#include "tools/furrowd/http/ask_store.hpp"
#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr std::chrono::seconds telemetry_limit{30};
constexpr std::size_t telemetry_rows_default = 10'000;
constexpr std::int64_t telemetry_second_us = 1'000'000;

std::string column_names() {
  std::string out = "mode";
  for (const auto& one : can::telemetry_columns)
    (out += ", ") += one.key;
  return out;
}

/// "mode,latitude_deg"; without the parameter all columns.
std::optional<problem> read_columns(const call& call, storage::telemetry_wish& wish) {
  const auto* text = given(call, "columns");
  if (text == nullptr) {
    wish.mode = true;
    for (std::size_t i = 0; i < can::telemetry_columns.size(); ++i)
      wish.columns.push_back(i);
    return std::nullopt;
  }
  std::string_view rest = *text;
  while (true) {
    const auto comma = rest.find(',');
    const auto name = rest.substr(0, comma);
    const auto* found = std::find_if(can::telemetry_columns.begin(), can::telemetry_columns.end(),
                                     [&](const auto& one) { return one.key == name; });
    const auto at = static_cast<std::size_t>(found - can::telemetry_columns.begin());
    const bool known = name == "mode" || found != can::telemetry_columns.end();
    const bool again = name == "mode" ? wish.mode
                                      : std::find(wish.columns.begin(), wish.columns.end(), at)
                                          != wish.columns.end();
    if (!known || again)
      return bad_parameter("columns", name,
                           known ? "name each column once" : "the columns are: " + column_names());
    if (name == "mode")
      wish.mode = true;
    else
      wish.columns.push_back(at);
    if (comma == std::string_view::npos)
      return std::nullopt;
    rest.remove_prefix(comma + 1);
  }
}

/// `every`, or `points` as the length that gives so many rows.
std::optional<problem> read_thinning(const call& call, storage::telemetry_wish& wish) {
  if (auto wrong = read_every(call, wish.every_us); wrong || wish.every_us != 0)
    return wrong;
  std::size_t points = 0;
  if (auto wrong = read_count(call, "points", 2, storage::telemetry_rows_max, points))
    return wrong;
  if (points == 0)
    return std::nullopt;
  const auto length = (wish.to_us - wish.from_us) / static_cast<std::int64_t>(points) + 1;
  wish.every_us = (length + telemetry_second_us - 1) / telemetry_second_us * telemetry_second_us;
  wish.rows_max = points + 1; // the first and the last interval may be cut by the range
  return std::nullopt;
}

std::variant<storage::telemetry_wish, problem> to_telemetry_wish(const call& call) {
  auto range = read_range(call);
  if (const auto* wrong = std::get_if<problem>(&range))
    return *wrong;
  const auto& of = std::get<history_range>(range);
  storage::telemetry_wish wish;
  wish.farm = of.farm;
  wish.equipment = of.equipment;
  wish.from_us = of.from_us;
  wish.to_us = of.to_us;
  wish.after_us = of.after_us;
  wish.rows_max = telemetry_rows_default;
  auto wrong = read_columns(call, wish);
  if (!wrong)
    wrong = read_thinning(call, wish);
  if (!wrong)
    wrong =
      read_zone(call, wish.every_us == storage::day_length_us && given(call, "every") != nullptr,
                "every=1d", wish.zone);
  if (!wrong)
    wrong = read_count(call, "limit", 1, storage::telemetry_rows_max, wish.rows_max);
  if (wrong)
    return *wrong;
  // The table has a row a second at most.
  if (wish.every_us == telemetry_second_us)
    wish.every_us = 0;
  return wish;
}

std::string text_of(const storage::telemetry_wish& wish, const storage::telemetry_series& series) {
  std::string out;
  out.reserve(series.time_us.size() * (18 + 9 * wish.columns.size()) + 1'000);
  fmt::format_to(std::back_inserter(out), R"({{"every_s":{},"time_us":)",
                 std::max(wish.every_us, telemetry_second_us) / telemetry_second_us);
  append_integers(out, series.time_us);
  out += R"(,"columns":{)";
  if (wish.mode) {
    out += R"("mode":[)";
    for (std::size_t i = 0; i < series.modes.size(); ++i) {
      out += i == 0 ? "" : ",";
      out += series.modes[i].empty() ? "null" : '"' + series.modes[i] + '"'; // plain words
    }
    out += "],";
  }
  for (std::size_t i = 0; i < wish.columns.size(); ++i) {
    fmt::format_to(std::back_inserter(out), "\"{}\":", can::telemetry_columns[wish.columns[i]].key);
    append_numbers(out, series.columns.at(i), digits::of_float);
    out += ',';
  }
  out.back() = '}';
  out += R"(,"next":)";
  out += series.next_us ? '"' + json_rows::format_time(*series.next_us) + '"' : "null";
  out += "}\n";
  return out;
}

answer telemetry_series(api_context& of, call call) {
  const auto wish = to_telemetry_wish(call);
  if (const auto* wrong = std::get_if<problem>(&wish))
    co_return to_response(*wrong);
  const auto& wanted = std::get<storage::telemetry_wish>(wish);
  const auto start = [&](auto done) {
    storage::series_of(of.node.store)->read_telemetry_series(wanted, std::move(done));
  };
  const auto read = co_await ask_store<storage::telemetry_series>(start, telemetry_limit);
  if (const auto* wrong = std::get_if<problem>(&read))
    co_return to_response(*wrong);
  response made;
  made.body = text_of(wanted, std::get<storage::telemetry_series>(read));
  co_return made;
}

} // namespace

void add_telemetry_series_route(router& to, api_context& of) {
  const bool kept = storage::series_of(of.node.store) != nullptr;
  to.add({"GET",
          "/api/v1/equipment/{name}/telemetry/series",
          daemon::permission::read,
          {"columns", "every", "points", "zone", "from", "to", "after", "limit"},
          on(of, kept ? telemetry_series : not_kept)});
}

} // namespace furrow::http
