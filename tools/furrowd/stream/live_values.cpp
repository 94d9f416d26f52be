#include "tools/furrowd/stream/live_values.hpp"

#include "can/live/quantity_table.hpp"
#include "can/text/json.hpp"
#include "can/text/put.hpp"
#include "can/text/time.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>

namespace furrow::http {

namespace {

static_assert(can::live_quantities.size() < quantity_set{}.size()); // and the mode

constexpr double absent_part =
  std::numeric_limits<double>::infinity(); // equal to itself, unlike NaN

template <class T>
constexpr value_kind kind_of() {
  if constexpr (std::is_same_v<T, bool>)
    return value_kind::yes_no;
  else if constexpr (std::is_same_v<T, can::position>)
    return value_kind::position;
  else if constexpr (std::is_same_v<T, can::travel_direction>)
    return value_kind::direction;
  else if constexpr (std::is_same_v<T, can::gnss_fix>)
    return value_kind::gnss;
  else
    return value_kind::number;
}

std::array<double, 3> parts_of(double value) {
  return {value, 0, 0};
}
std::array<double, 3> parts_of(bool value) {
  return {value ? 1.0 : 0.0, 0, 0};
}
std::array<double, 3> parts_of(const can::position& value) {
  return {value.latitude_deg, value.longitude_deg, 0};
}
std::array<double, 3> parts_of(can::travel_direction value) {
  return {value == can::travel_direction::forward ? 1.0 : 0.0, 0, 0};
}
std::array<double, 3> parts_of(const can::gnss_fix& value) {
  return {static_cast<double>(value.method), value.satellites ? *value.satellites : absent_part,
          value.hdop.value_or(absent_part)};
}

std::vector<std::string> names_of(const can::live_quantity& of) {
  std::vector<std::string> names{std::string{of.key}};
  for (const auto& one : of.signals)
    if (!one.signal.empty())
      names.push_back(std::string{one.message} + "." + std::string{one.signal});
  return names;
}

std::vector<stream_quantity> make_quantities() {
  std::vector<stream_quantity> made;
  const can::live_state none;
  can::for_each_quantity(
    none, [&]<class T>(const char* key, const char* unit, const std::optional<can::observed<T>>&) {
      made.push_back({key, unit, kind_of<T>(), {key}});
    });
  for (auto& one : made)
    for (const auto& row : can::live_quantities) {
      const bool part = row.key.size() > one.key.size() && row.key.starts_with(one.key)
                        && row.key[one.key.size()] == '.';
      if (row.key == one.key || part)
        for (auto& name : names_of(row))
          one.names.push_back(std::move(name));
    }
  made.push_back({"mode", "", value_kind::mode, {"mode"}});
  return made;
}

void append_text_or_null(std::string& out, std::string_view text) {
  if (text.empty())
    out += "null";
  else
    can::text::append_json_text(out, text);
}

void append_parts(std::string& out, value_kind kind, const std::array<double, 3>& parts) {
  switch (kind) {
  case value_kind::number:
    append_number(out, parts[0]);
    break;
  case value_kind::yes_no:
    out += parts[0] != 0 ? "true" : "false";
    break;
  case value_kind::position:
    out += R"({"latitude_deg":)";
    append_number(out, parts[0]);
    out += R"(,"longitude_deg":)";
    append_number(out, parts[1]);
    out += '}';
    break;
  case value_kind::direction:
    out += parts[0] != 0 ? R"("forward")" : R"("reverse")";
    break;
  case value_kind::gnss:
    out += R"({"method":)";
    append_number(out, parts[0]);
    out += R"(,"satellites":)";
    append_number(out, parts[1]);
    out += R"(,"hdop":)";
    append_number(out, parts[2]);
    out += '}';
    break;
  case value_kind::mode:
    append_text_or_null(out, can::to_string(static_cast<can::operating_mode>(parts[0])));
    break;
  }
}

/// The value that the database keeps of a quantity, in the unit of the live view.
std::optional<double> kept_value(const storage::telemetry_point& kept,
                                 const can::live_quantity& of) {
  if (of.kept.at < 0)
    return std::nullopt;
  const auto& value = kept.values.at(static_cast<std::size_t>(of.kept.at));
  return value ? std::optional{*value / of.kept.factor} : std::nullopt;
}

/// For each quantity the row of the table that the database keeps; nullptr: it keeps none.
std::vector<const can::live_quantity*> make_kept() {
  std::vector<const can::live_quantity*> made;
  for (const auto& one : stream_quantities()) {
    const auto found = std::find_if(
      can::live_quantities.begin(), can::live_quantities.end(), [&one](const auto& row) {
        return row.key == one.key && row.kept.at >= 0 && one.kind == value_kind::number;
      });
    made.push_back(found == can::live_quantities.end() ? nullptr : &*found);
  }
  return made;
}

std::optional<can::operating_mode> mode_named(std::string_view text) {
  using enum can::operating_mode;
  for (const auto mode : {unknown, off, idle, moving, working})
    if (can::to_string(mode) == text)
      return mode;
  return std::nullopt;
}

} // namespace

std::size_t position_index() {
  static const auto at = [] {
    const auto& all = stream_quantities();
    const auto found = std::find_if(
      all.begin(), all.end(), [](const auto& one) { return one.kind == value_kind::position; });
    return static_cast<std::size_t>(found - all.begin());
  }();
  return at;
}

const std::vector<stream_quantity>& stream_quantities() {
  static const auto made = make_quantities();
  return made;
}

void read_cells(const can::live_state& state,
                std::vector<value_cell>& to,
                const quantity_set& wanted) {
  to.resize(stream_quantities().size());
  std::size_t at = 0;
  can::for_each_quantity(state, [&]<class T>(const char* /*key*/, const char* /*unit*/,
                                             const std::optional<can::observed<T>>& seen) {
    auto& cell = to[at];
    if (!wanted[at++])
      return;
    cell = {};
    if (seen)
      cell = {true, parts_of(seen->value), seen->time_us, seen->pgn, seen->source, seen->bus};
  });
  if (!wanted[at])
    return;
  to[at] = {};
  if (state.last_frame_us != 0)
    to[at] = {true,
              parts_of(static_cast<double>(state.mode_at(state.last_frame_us))),
              state.last_frame_us,
              0,
              0,
              0};
}

void read_cells(const storage::telemetry_point& kept,
                std::vector<value_cell>& to,
                const quantity_set& wanted) {
  static const auto rows = make_kept();
  to.resize(rows.size());
  const auto put = [&](std::size_t at, const std::array<double, 3>& parts) {
    to[at] = {true, parts, kept.time_us, 0, 0, 0};
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!wanted[i])
      continue;
    to[i] = {};
    if (rows[i] != nullptr)
      if (const auto value = kept_value(kept, *rows[i]))
        put(i, parts_of(*value));
  }
  if (wanted[position_index()]) {
    const auto latitude = kept_value(kept, can::quantity_named("position.latitude_deg"));
    const auto longitude = kept_value(kept, can::quantity_named("position.longitude_deg"));
    if (latitude && longitude)
      put(position_index(), {*latitude, *longitude, 0});
  }
  if (wanted[rows.size() - 1])
    if (const auto mode = mode_named(kept.mode))
      put(rows.size() - 1, parts_of(static_cast<double>(*mode)));
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out.append(text, end);
}

void append_time(std::string& out, std::int64_t time_us) {
  out += '"';
  can::text::append_time(out, time_us);
  out += '"';
}

void append_value(std::string& out,
                  const stream_quantity& of,
                  const value_cell& cell,
                  bool source) {
  if (!cell.present) {
    out += "null";
    return;
  }
  out += R"({"value":)";
  append_parts(out, of.kind, cell.parts);
  if (source) {
    out += R"(,"unit":)";
    append_text_or_null(out, of.unit);
  }
  out += R"(,"time":)";
  append_time(out, cell.time_us);
  if (source && of.kind != value_kind::mode) {
    out += R"(,"pgn":)";
    can::text::append_decimal(out, cell.pgn);
    out += R"(,"source":)";
    can::text::append_decimal(out, cell.source);
    out += R"(,"bus":)";
    can::text::append_decimal(out, cell.bus);
  }
  out += '}';
}

void append_bare_value(std::string& out, const stream_quantity& of, const value_cell& cell) {
  if (cell.present)
    append_parts(out, of.kind, cell.parts);
  else
    out += "null";
}

} // namespace furrow::http
