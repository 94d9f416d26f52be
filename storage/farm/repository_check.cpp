#include "storage/farm/repository_check.hpp"

#include "storage/farm/json_check.hpp"
#include "storage/farm/repository_rows.hpp"

#include <utf8.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

namespace furrow::storage {

namespace {

constexpr std::size_t shown_bytes_max = 60;

/// Valid UTF-8 without NUL, which PostgreSQL's text cannot hold.
bool is_utf8(std::string_view text) {
  return text.find('\0') == std::string_view::npos && utf8::is_valid(text.begin(), text.end());
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<std::uint8_t>(c) < 0x20 || c == 0x7F; });
}

/// In quotes, without control characters; a cut text has its length.
std::string shown(std::string_view text) {
  std::string out{"\""};
  for (const char c : text.substr(0, shown_bytes_max))
    out += static_cast<std::uint8_t>(c) < 0x20 || static_cast<std::uint8_t>(c) >= 0x7F ? '?' : c;
  out += '"';
  return text.size() > shown_bytes_max
           ? "begins with " + out + " and has " + std::to_string(text.size()) + " bytes"
           : "is " + out;
}

std::string one_of(std::span<const std::string_view> words) {
  std::string list{"it is one of"};
  for (const auto word : words)
    list.append(word == words.front() ? " " : ", ").append(word);
  return list;
}

/// Checks the fields one after the other and keeps the first fault.
class checker {
public:
  checker(const record& row, std::size_t place) {
    why_.entity = entity_of(row);
    why_.name = name_of(row).substr(0, name_bytes_max);
    if (!is_utf8(why_.name) || has_control(why_.name))
      why_.name = "?";
    why_.place = place;
  }

  void refuse(const char* field, std::string value, std::string limit) {
    if (found_)
      return;
    found_ = true;
    why_.field = field;
    why_.value = std::move(value);
    why_.limit = std::move(limit);
  }

  void text(const char* field, std::string_view value, std::size_t bytes_max = text_bytes_max) {
    if (value.size() > bytes_max)
      refuse(field, shown(value), "it has at most " + std::to_string(bytes_max) + " bytes");
    else if (!is_utf8(value) || has_control(value))
      refuse(field, shown(value), "it is UTF-8 without control characters");
  }

  void name(const char* field, std::string_view value) {
    if (value.empty() || value.find('/') != std::string_view::npos)
      refuse(field, shown(value), "it has 1 to 64 bytes and no slash");
    text(field, value, name_bytes_max);
  }

  void word(const char* field, std::string_view value, std::span<const std::string_view> words) {
    if (std::find(words.begin(), words.end(), value) == words.end())
      refuse(field, shown(value), one_of(words));
  }

  void attributes(std::string& value) {
    std::string fault;
    constexpr std::string_view limit = "it is a JSON object of at most 65536 bytes, 32 levels "
                                       "deep, without NUL, and with numbers of "
                                       "at most 500 digits";
    if (value.size() <= attributes_bytes_max && has_endless_number(value))
      return refuse("attributes", "holds a number of more than 500 digits", std::string{limit});
    const bool fits = value.size() <= attributes_bytes_max;
    const auto parsed = fits ? parse_json(shield_numbers(value), std::string::npos, fault)
                             : parse_json(value, attributes_bytes_max, fault);
    if (!parsed)
      return refuse("attributes", std::move(fault), std::string{limit});
    if (!parsed->is_object())
      return refuse("attributes", shown(value), "it is a JSON object");
    value = unshield_numbers(parsed->dump());
  }

  [[nodiscard]] std::optional<rejection> outcome() const {
    return found_ ? std::optional{why_} : std::nullopt;
  }

private:
  rejection why_;
  bool found_ = false;
};

void look_at(checker& check, farm_record& row) {
  check.text("title", row.title);
  check.text("time_zone", row.time_zone, name_bytes_max);
  check.attributes(row.attributes);
}

void look_at(checker& check, equipment_record& row) {
  check.word("kind", row.kind, equipment_kinds);
  check.word("status", row.status, equipment_statuses);
  if (row.address && (*row.address < 0 || *row.address > 253))
    check.refuse("address", "is " + std::to_string(*row.address), "it is from 0 to 253");
  for (const auto& [field, value] :
       {std::pair{"maker", &row.maker}, std::pair{"model", &row.model},
        std::pair{"serial", &row.serial}, std::pair{"firmware", &row.firmware}})
    check.text(field, *value);
  check.attributes(row.attributes);
}

std::string limit_of(boundary_errc code) {
  switch (code) {
  case boundary_errc::too_large:
    return "it has at most " + std::to_string(boundary_bytes_max) + " bytes, "
           + std::to_string(rings_max) + " rings, " + std::to_string(boundary_positions_max)
           + " positions, each within 180 and 90 degrees";
  case boundary_errc::unsound:
    return "rings are closed, holes lie inside, and nothing crosses or touches";
  case boundary_errc::none:
  case boundary_errc::malformed:
    break;
  }
  return "it is a GeoJSON Polygon or a Feature with one";
}

void look_at(checker& check, field_record& row) {
  check.text("crop", row.crop);
  check.text("soil", row.soil);
  check.text("season", row.season);
  check.attributes(row.attributes);
  const auto polygon = parse_boundary(row.boundary);
  if (!polygon)
    return check.refuse("boundary", polygon.error().detail, limit_of(polygon.code()));
  row.boundary = to_geojson(*polygon);
  row.area_m2 = area_m2(*polygon);
  row.box = box_of(*polygon);
  if (!(row.area_m2 > 0))
    check.refuse("boundary", "has no area", "a field has one");
}

std::size_t bytes_in(const unit_of_work& work) {
  std::size_t sum = 0;
  for (const auto& one : work.changes) {
    sum += sizeof one;
    if (const auto* field = std::get_if<field_record>(&one.row))
      sum += field->boundary.size() + field->attributes.size();
    else if (const auto* equipment = std::get_if<equipment_record>(&one.row))
      sum += equipment->attributes.size();
  }
  for (const auto& unit : work.units)
    sum += bytes_in(unit);
  return sum;
}

std::size_t depth_of(const unit_of_work& work, std::size_t above = 0) {
  if (above > unit_depth_max)
    return above;
  std::size_t most = above + 1;
  for (const auto& unit : work.units)
    most = std::max(most, depth_of(unit, above + 1));
  return most;
}

} // namespace

std::optional<rejection> prepare(change& wanted, const std::string& farm, std::size_t place) {
  checker check{wanted.row, place};
  check.name("name", name_of(wanted.row));
  if (version_of(wanted.row) < 0)
    check.refuse("version", "is " + std::to_string(version_of(wanted.row)), "it is not negative");
  if (const auto* row = std::get_if<farm_record>(&wanted.row)) {
    if (row->name != farm)
      check.refuse("name", shown(row->name), "a farm's people may change their own farm only");
    if (wanted.action == action::create || wanted.action == action::remove)
      check.refuse("name", shown(row->name), "a farm comes with its credential and stays");
  }
  if (wanted.action != action::remove)
    std::visit([&check](auto& row) { look_at(check, row); }, wanted.row);
  return check.outcome();
}

std::size_t changes_in(const unit_of_work& work) {
  std::size_t sum = work.changes.size();
  for (const auto& unit : work.units)
    sum += changes_in(unit);
  return sum;
}

std::optional<failure> unsound_text(std::string_view text) {
  if (text.size() > text_bytes_max || !is_utf8(text))
    return failure{errc::reject_row, "a text asked for " + shown(text) + ", but it has at most "
                                       + std::to_string(text_bytes_max) + " bytes of UTF-8"};
  return std::nullopt;
}

std::optional<failure> unsound_query(entity what, const record_query& query) {
  if (auto wrong = unsound_text(query.after))
    return wrong;
  if (auto wrong = unsound_text(query.name_prefix))
    return wrong;
  for (const auto& [name, value] : query.filters) {
    if (filter_of(what, name) == nullptr)
      return failure{errc::reject_row,
                     std::string{to_string(what)} + " cannot be listed by " + shown(name)};
    if (auto wrong = unsound_text(value))
      return wrong;
  }
  const auto* const by = sort_of(what, query.sort);
  if (by == nullptr && (!query.sort.empty() || query.after_value))
    return failure{errc::reject_row,
                   std::string{to_string(what)} + " cannot be sorted by " + shown(query.sort)};
  if (!query.after_value)
    return std::nullopt;
  if (std::string_view{by->type} != "text" && !number_in(*query.after_value))
    return failure{errc::reject_row, shown(*query.after_value) + " is not a number"};
  return unsound_text(*query.after_value);
}

std::optional<failure> beyond_limits(const unit_of_work& work) {
  if (depth_of(work) > unit_depth_max)
    return failure{errc::reject_row,
                   "units nest at most " + std::to_string(unit_depth_max) + " deep"};
  if (const auto changes = changes_in(work); changes > unit_changes_max)
    return failure{errc::reject_row, "a unit of work has at most "
                                       + std::to_string(unit_changes_max) + " changes, this one "
                                       + std::to_string(changes)};
  if (bytes_in(work) > unit_bytes_max)
    return failure{errc::reject_row,
                   "a unit of work has at most " + std::to_string(unit_bytes_max) + " bytes"};
  return std::nullopt;
}

} // namespace furrow::storage
