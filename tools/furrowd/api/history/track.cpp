#include "can/live/telemetry.hpp"
#include "storage/series/series.hpp"
#include "tools/furrowd/api/history/range.hpp"
#include "tools/furrowd/api/history/routes.hpp"
#include "tools/furrowd/api/history/simplify.hpp"
#include "tools/furrowd/http/ask_store.hpp"
#include "tools/json/rfc3339.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr std::chrono::seconds track_limit{30};
constexpr std::int64_t track_gap_us = 60'000'000;
constexpr std::int64_t track_second_us = 1'000'000;

constexpr std::size_t column_of(std::string_view name) {
  for (std::size_t i = 0; i < can::telemetry_columns.size(); ++i)
    if (can::telemetry_columns.at(i).name == name)
      return i;
  return can::telemetry_columns.size();
}
constexpr auto latitude_column = column_of("latitude");
constexpr auto longitude_column = column_of("longitude");
static_assert(latitude_column < can::telemetry_columns.size()
              && longitude_column < can::telemetry_columns.size());

struct track_wish {
  history_range range;
  std::optional<double> tolerance_m;
  std::size_t points = 0; // 0: as many as there are
};

std::variant<track_wish, problem> to_track_wish(const call& call) {
  auto range = read_range(call);
  if (const auto* wrong = std::get_if<problem>(&range))
    return *wrong;
  track_wish wish{std::get<history_range>(range), {}, 0};
  if (auto wrong = read_count(call, "points", 2, storage::telemetry_rows_max, wish.points))
    return *wrong;
  const auto* text = given(call, "tolerance_m");
  if (text == nullptr)
    return wish;
  if (wish.points != 0)
    return problem{400, "bad_parameter", "tolerance_m and points exclude each other",
                   "give one of them"};
  constexpr double tolerance_max_m = 100'000;
  double tolerance = 0;
  const auto* const end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, tolerance);
  if (error != std::errc{} || at != end || !(tolerance >= 0 && tolerance <= tolerance_max_m))
    return bad_parameter("tolerance_m", *text, "it is a number of metres, 0 to 100000");
  wish.tolerance_m = tolerance;
  return wish;
}

/// A long time is thinned where it is stored: so that no more positions are read than an answer may have.
storage::telemetry_wish positions_of(const history_range& range) {
  storage::telemetry_wish wish;
  wish.farm = range.farm;
  wish.equipment = range.equipment;
  wish.from_us = range.from_us;
  wish.to_us = range.to_us;
  wish.columns = {latitude_column, longitude_column};
  const auto seconds = (range.to_us - range.from_us) / track_second_us + 1;
  const auto every = (seconds - 1) / static_cast<std::int64_t>(wish.rows_max - 1) + 1;
  wish.every_us = every == 1 ? 0 : every * track_second_us;
  return wish;
}

using track_piece = std::vector<track_position>;

/// Pieces between gaps. A row without a position is a gap once it lasts.
std::vector<track_piece> pieces_of(const storage::telemetry_series& series, std::int64_t every_us) {
  const auto gap_us = std::max(track_gap_us, 3 * every_us);
  std::vector<track_piece> out;
  for (std::size_t i = 0; i < series.time_us.size(); ++i) {
    const track_position one{series.time_us[i], series.columns[0][i], series.columns[1][i]};
    if (!std::isfinite(one.latitude_deg) || !std::isfinite(one.longitude_deg))
      continue;
    if (out.empty() || one.time_us - out.back().back().time_us > gap_us)
      out.emplace_back();
    out.back().push_back(one);
  }
  return out;
}

/// The weight that a position must have to stay.
double weight_limit(const std::vector<std::vector<double>>& weights, const track_wish& wish) {
  if (wish.points == 0)
    return wish.tolerance_m.value_or(0);
  std::vector<double> all;
  for (const auto& piece : weights)
    all.insert(all.end(), piece.begin(), piece.end());
  if (all.size() <= wish.points)
    return 0;
  const auto last = all.begin() + static_cast<std::ptrdiff_t>(wish.points);
  std::nth_element(all.begin(), last, all.end(), std::greater<>{});
  return std::nextafter(*last, std::numeric_limits<double>::infinity());
}

void append_position(std::string& out, const track_position& at) {
  constexpr double decimals = 1e7; // a centimetre
  fmt::format_to(std::back_inserter(out), "[{},{}]",
                 std::round(at.longitude_deg * decimals) / decimals,
                 std::round(at.latitude_deg * decimals) / decimals);
}

void append_feature(std::string& out,
                    const std::string& equipment,
                    const track_piece& piece,
                    const std::vector<double>& weights,
                    double limit) {
  const bool line = piece.size() > 1;
  fmt::format_to(std::back_inserter(out),
                 R"({{"type":"Feature","properties":{{"equipment":{},"from":"{}","to":"{}",)"
                 R"("positions":{}}},"geometry":{{"type":"{}","coordinates":)",
                 equipment, json_rows::format_time(piece.front().time_us),
                 json_rows::format_time(piece.back().time_us), piece.size(),
                 line ? "LineString" : "Point");
  out += line ? "[" : "";
  for (std::size_t i = 0; i < piece.size(); ++i)
    if (weights[i] >= limit) {
      out += i == 0 ? "" : ",";
      append_position(out, piece[i]);
    }
  out += line ? "]}}" : "}}";
}

std::string text_of(const track_wish& wish, const std::vector<track_piece>& pieces) {
  const auto equipment =
    json(wish.range.equipment).dump(-1, ' ', false, json::error_handler_t::replace);
  std::vector<std::vector<double>> weights;
  weights.reserve(pieces.size());
  for (const auto& piece : pieces)
    weights.push_back(wish.points != 0 || wish.tolerance_m ? track_weights(piece)
                                                           : std::vector<double>(piece.size()));
  const auto limit = weight_limit(weights, wish);
  std::string out = R"({"type":"FeatureCollection","features":[)";
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    out += i == 0 ? "" : ",";
    append_feature(out, equipment, pieces[i], weights[i], limit);
  }
  out += "]}\n";
  return out;
}

answer track(api_context& of, call call) {
  const auto wish = to_track_wish(call);
  if (const auto* wrong = std::get_if<problem>(&wish))
    co_return to_response(*wrong);
  const auto& wanted = std::get<track_wish>(wish);
  const auto positions = positions_of(wanted.range);
  const auto start = [&](auto done) {
    storage::series_of(of.node.store)->read_telemetry_series(positions, std::move(done));
  };
  const auto read = co_await ask_store<storage::telemetry_series>(start, track_limit);
  if (const auto* wrong = std::get_if<problem>(&read))
    co_return to_response(*wrong);
  response made;
  made.content_type = "application/geo+json";
  made.body =
    text_of(wanted, pieces_of(std::get<storage::telemetry_series>(read), positions.every_us));
  co_return made;
}

} // namespace

void add_track_route(router& to, api_context& of) {
  const bool kept = storage::series_of(of.node.store) != nullptr;
  to.add({"GET",
          "/api/v1/equipment/{name}/track",
          daemon::permission::read,
          {"from", "to", "tolerance_m", "points"},
          on(of, kept ? track : not_kept)});
}

} // namespace furrow::http
