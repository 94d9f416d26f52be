#include "can/text/put.hpp"
#include "storage/series/series.hpp"
#include "tools/furrowd/api/history/meaning.hpp"
#include "tools/furrowd/api/history/range.hpp"
#include "tools/furrowd/api/history/routes.hpp"
#include "tools/furrowd/http/ask_store.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

namespace furrow::http {

namespace {

constexpr std::chrono::seconds signal_limit{30};
constexpr std::size_t points_default = 1'000;
constexpr std::size_t signal_name_max = 256;

std::variant<storage::signal_wish, problem> to_signal_wish(const call& call) {
  auto range = read_range(call);
  if (const auto* wrong = std::get_if<problem>(&range))
    return *wrong;
  const auto& of = std::get<history_range>(range);
  storage::signal_wish wish{of.farm,    of.equipment, call.path.at("signal"),
                            of.from_us, of.to_us,     points_default};
  if (wish.signal.size() > signal_name_max)
    return problem{404, "not_found", "no signal has such a long name",
                   "`furrow signals EQUIPMENT` lists the signals of a machine"};
  auto wrong = read_every(call, wish.every_us);
  if (!wrong)
    wrong = read_count(call, "points", 2, storage::signal_points_max, wish.points);
  if (!wrong)
    wrong = read_zone(call, wish.every_us == storage::day_length_us, "every=1d", wish.zone);
  if (wrong)
    return *wrong;
  if (wish.every_us == 0)
    return wish;
  wish.points = 0;
  const auto first_us = storage::bucket_start(wish.from_us, wish.every_us);
  if ((wish.to_us - first_us) / wish.every_us
      >= static_cast<std::int64_t>(storage::signal_points_max))
    return bad_parameter("every", *given(call, "every"),
                         fmt::format("the time would have more than {} buckets; write a longer "
                                     "interval, or ask for a shorter time",
                                     storage::signal_points_max));
  return wish;
}

void append_column(std::string& out,
                   const char* name,
                   const std::vector<double>& values,
                   bool kept) {
  fmt::format_to(std::back_inserter(out), ",\"{}\":", name);
  if (kept)
    append_numbers(out, values, digits::of_double);
  else
    out += "null";
}

/// Numbers of JSON with all digits, also where a double has fewer.
void append_raw_values(std::string& out, const storage::signal_series& series) {
  if (series.whole.empty())
    return append_column(out, "value", series.last, true);
  out += R"(,"value":[)";
  auto whole = series.whole.begin();
  for (std::size_t i = 0; i < series.last.size(); ++i) {
    if (i != 0)
      out += ',';
    if (whole != series.whole.end() && whole->first == i)
      can::text::append_whole(out, (whole++)->second);
    else
      fmt::format_to(std::back_inserter(out), "{}", series.last[i]);
  }
  out += ']';
}

std::string text_of(const std::string& signal, const storage::signal_series& series) {
  const bool raw = series.bucket_us == 0;
  std::string out;
  out.reserve(series.time_us.size() * (raw ? 30 : 70) + 1'000);
  const auto at = std::back_inserter(out);
  const auto unit = unit_of(signal);
  fmt::format_to(at, R"({{"signal":{},"unit":{},"bucket_s":)", json(signal).dump(),
                 unit ? json(*unit).dump() : "null");
  constexpr double second_us = 1e6;
  raw ? fmt::format_to(at, "null")
      : fmt::format_to(at, "{}", static_cast<double>(series.bucket_us) / second_us);
  out += R"(,"time_us":)";
  append_integers(out, series.time_us);
  raw ? append_raw_values(out, series) : append_column(out, "value", series.last, false);
  out += R"(,"count":)";
  if (raw)
    out += "null";
  else
    append_integers(out, series.count);
  append_column(out, "min", series.min, !raw);
  append_column(out, "max", series.max, !raw);
  append_column(out, "mean", series.mean, !raw);
  append_column(out, "last", series.last, !raw);
  out += "}\n";
  return out;
}

answer signal_series(api_context& of, call call) {
  const auto wish = to_signal_wish(call);
  if (const auto* wrong = std::get_if<problem>(&wish))
    co_return to_response(*wrong);
  const auto& wanted = std::get<storage::signal_wish>(wish);
  const auto start = [&](auto done) {
    storage::series_of(of.node.store)->read_signal_series(wanted, std::move(done));
  };
  const auto read = co_await ask_store<storage::signal_series>(start, signal_limit);
  if (const auto* wrong = std::get_if<problem>(&read))
    co_return to_response(*wrong);
  response made;
  made.body = text_of(wanted.signal, std::get<storage::signal_series>(read));
  co_return made;
}

} // namespace

void add_signal_series_route(router& to, api_context& of) {
  const bool kept = storage::series_of(of.node.store) != nullptr;
  to.add({"GET",
          "/api/v1/equipment/{name}/signals/{signal}",
          daemon::permission::read,
          {"points", "every", "zone", "from", "to"},
          on(of, kept ? signal_series : not_kept)});
}

} // namespace furrow::http
