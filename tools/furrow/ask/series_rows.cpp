#include "tools/furrow/ask/series_rows.hpp"

#include "can/live/telemetry.hpp"
#include "can/text/time.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr int value_digits = 7;

cell general_cell(const json& value) {
  if (value.is_null())
    return {"-", colour::faint, true};
  return {exact_number(value, value_digits), colour::none, true};
}

/// SPEED km/h of speed_kmh.
std::string column_heading(const std::string& key) {
  const auto* const known =
    std::find_if(can::telemetry_columns.begin(), can::telemetry_columns.end(),
                 [&](const auto& one) { return one.key == key; });
  const bool found = known != can::telemetry_columns.end();
  std::string out{found ? known->name : key};
  for (auto& c : out)
    c = c == '_' ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return found && !known->unit.empty() ? fmt::format("{} {}", out, known->unit) : out;
}

/// One row for each time, with the member of each column at its place.
json rows_of(const json& times, const json& columns) {
  json rows = json::array();
  for (std::size_t i = 0; i < times.size(); ++i) {
    json row{{"time", can::text::format_time(times[i].get<std::int64_t>())}};
    for (const auto& [name, values] : columns.items())
      row[name] = values.at(i);
    rows.push_back(std::move(row));
  }
  return rows;
}

} // namespace

json signal_rows(const json& series) {
  json columns;
  for (const char* name : {"value", "count", "min", "max", "mean", "last"})
    if (const auto& values = series.at(name); values.is_array())
      columns[name] = values;
  return rows_of(series.at("time_us"), columns);
}

table signal_table(const json& rows) {
  table shown{{"TIME", "COUNT", "MIN", "MAX", "MEAN", "LAST"},
              {},
              "there are no values of this signal in this time"};
  const bool raw = !rows.empty() && rows.front().contains("value");
  if (raw)
    shown.headings = {"TIME", "VALUE"};
  for (const auto& row : rows) {
    auto& cells = shown.rows.emplace_back(std::vector{value_cell(row.at("time"))});
    if (raw) {
      cells.push_back(general_cell(row.at("value")));
      continue;
    }
    cells.push_back(number_cell(row.at("count")));
    for (const char* name : {"min", "max", "mean", "last"})
      cells.push_back(general_cell(row.at(name)));
  }
  return shown;
}

json telemetry_rows(const json& series) {
  return rows_of(series.at("time_us"), series.at("columns"));
}

table chosen_telemetry_table(const json& rows) {
  table shown{{}, {}, "there is no telemetry of this machine in this time"};
  for (const auto& row : rows) {
    auto& cells = shown.rows.emplace_back();
    for (const auto& [name, value] : row.items()) {
      if (shown.rows.size() == 1)
        shown.headings.push_back(column_heading(name));
      cells.push_back(value.is_string() || (value.is_null() && name == "mode")
                        ? value_cell(value)
                        : general_cell(value));
    }
  }
  return shown;
}

} // namespace furrow::cli
