#include "storage/farm/repository_rows.hpp"

#include "storage/farm/json_check.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <unordered_set>

namespace furrow::storage {

namespace {

constexpr std::array<column, 4> farm_columns{
  {{"name", "text"}, {"title", "text"}, {"attributes", "jsonb"}, {"time_zone", "text"}}};
constexpr std::array<column, 10> equipment_columns{{{"name", "text", false, true},
                                                    {"iso_name", "bigint"},
                                                    {"address", "smallint"},
                                                    {"kind", "text", true, true},
                                                    {"status", "text", true, true},
                                                    {"maker", "text", true, true},
                                                    {"model", "text", true, true},
                                                    {"serial", "text", true, true},
                                                    {"firmware", "text", true, true},
                                                    {"attributes", "jsonb"}}};
constexpr std::array<column, 11> field_columns{{{"name", "text", false, true},
                                                {"crop", "text", true, true},
                                                {"soil", "text", true, true},
                                                {"season", "text", true, true},
                                                {"boundary", "jsonb"},
                                                {"area_m2", "double precision", false, true},
                                                {"west_deg", "double precision"},
                                                {"south_deg", "double precision"},
                                                {"east_deg", "double precision"},
                                                {"north_deg", "double precision"},
                                                {"attributes", "jsonb"}}};
const std::array<entity_shape, 3> shapes{{
  {"farm", "id", farm_columns, ""},
  {"equipment", "farm_id", equipment_columns,
   "exists (select 1 from @stream s where s.equipment_id = t.id)"},
  {"field", "farm_id", field_columns, ""},
}};

template <class Number>
std::string text_of(Number value) {
  std::array<char, 40> raw{};
  const auto end = std::to_chars(raw.data(), raw.data() + raw.size(), value).ptr;
  return {raw.data(), end};
}

template <class Number>
std::optional<Number> number_of(const std::optional<std::string>& text) {
  Number value{};
  if (!text)
    return std::nullopt;
  const auto* end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, value);
  return error == std::errc{} && at == end ? std::optional{value} : std::nullopt;
}

/// Unsigned 64 bits are stored as the same 64 bits signed.
std::optional<std::string> iso_text(const std::optional<std::uint64_t>& name) {
  return name ? std::optional{text_of(static_cast<std::int64_t>(*name))} : std::nullopt;
}

text_row row_of(const farm_record& r) {
  return {r.name, r.title, r.attributes, r.time_zone};
}
text_row row_of(const equipment_record& r) {
  return {r.name,
          iso_text(r.iso_name),
          r.address ? std::optional{text_of(*r.address)} : std::nullopt,
          r.kind,
          r.status,
          r.maker,
          r.model,
          r.serial,
          r.firmware,
          r.attributes};
}
text_row row_of(const field_record& r) {
  return {r.name,
          r.crop,
          r.soil,
          r.season,
          r.boundary,
          text_of(r.area_m2),
          text_of(r.box.west_deg),
          text_of(r.box.south_deg),
          text_of(r.box.east_deg),
          text_of(r.box.north_deg),
          r.attributes};
}

} // namespace

const char* to_string(entity what) {
  switch (what) {
  case entity::farm:
    return "farm";
  case entity::equipment:
    return "equipment";
  case entity::field:
    return "field";
  }
  return "record";
}

const std::string& name_of(const record& row) {
  return std::visit([](const auto& r) -> const std::string& { return r.name; }, row);
}

std::int64_t version_of(const record& row) {
  return std::visit([](const auto& r) { return r.version; }, row);
}

unit_of_work unit_of(action what, record row) {
  unit_of_work work;
  work.changes.push_back({what, std::move(row)});
  return work;
}

const entity_shape& shape_of(entity what) {
  return shapes[static_cast<std::size_t>(what)];
}

text_row to_row(const record& row) {
  return std::visit([](const auto& r) { return row_of(r); }, row);
}

std::string number_text(double value) {
  return text_of(value);
}

std::optional<double> number_in(std::string_view text) {
  const auto value = number_of<double>(std::string{text});
  return value && std::isfinite(*value) ? value : std::nullopt;
}

record to_record(entity what, const text_row& row) {
  const auto text = [&row](std::size_t at) { return row[at].value_or(""); };
  const auto real = [&row](std::size_t at) { return number_of<double>(row[at]).value_or(0); };
  const auto version = number_of<std::int64_t>(row.back()).value_or(0);
  switch (what) {
  case entity::farm:
    return farm_record{text(0), text(1), text(2), version, text(3)};
  case entity::equipment: {
    equipment_record made{text(0), {},      number_of<std::int64_t>(row[2]),
                          text(3), text(4), text(5),
                          text(6), text(7), text(8),
                          text(9), version};
    if (const auto iso = number_of<std::int64_t>(row[1]))
      made.iso_name = static_cast<std::uint64_t>(*iso);
    return made;
  }
  case entity::field:
    return field_record{
      text(0),  text(1), text(2), text(3), text(4), real(5), {real(6), real(7), real(8), real(9)},
      text(10), version};
  }
  return farm_record{};
}

std::vector<change_run> runs_of(const std::vector<change>& changes, std::size_t place) {
  std::vector<change_run> runs;
  std::unordered_set<std::string_view> names;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto& next = changes[i];
    const auto what = entity_of(next.row);
    if (runs.empty() || runs.back().what != what || runs.back().how != next.action
        || names.contains(name_of(next.row))) {
      runs.push_back({what, next.action, {}, place + i});
      names.clear();
    }
    names.insert(name_of(next.row));
    runs.back().changes.push_back(&next);
  }
  return runs;
}

std::string
column_list(entity what, std::string_view prefix, std::string_view suffix, bool version) {
  std::string list;
  const auto add = [&](std::string_view name) {
    list.append(list.empty() ? "" : ", ").append(prefix).append(name).append(suffix);
  };
  for (const auto& each : shape_of(what).columns)
    add(each.name);
  if (version)
    add("version");
  return list;
}

const column* filter_of(entity what, std::string_view name) {
  const auto columns = shape_of(what).columns;
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const auto& one) { return one.filter && name == one.name; });
  return found == columns.end() ? nullptr : &*found;
}

const column* sort_of(entity what, std::string_view name) {
  const auto columns = shape_of(what).columns;
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const auto& one) { return one.sort && name == one.name; });
  return found == columns.end() ? nullptr : &*found;
}

page_clause page_clause_of(const record_query& query,
                           const std::string& key,
                           const std::string& value,
                           const std::string& name) {
  if (query.sort.empty())
    return {" and t.name > " + name, "t.name"};
  page_clause made;
  made.order = key + (query.is_descending ? " desc" : "") + ", t.name";
  if (query.after_value)
    made.after = " and (" + key + (query.is_descending ? " < " : " > ") + value + " or (" + key
                 + " = " + value + " and t.name > " + name + "))";
  return made;
}

record_page record_page_of(std::vector<record> rows,
                           std::size_t rows_max,
                           entity what,
                           const record_query& query) {
  record_page page;
  page.rows = std::move(rows);
  if (page.rows.size() <= rows_max)
    return page;
  page.rows.resize(rows_max);
  const auto& last = page.rows.back();
  page.next = name_of(last);
  if (const auto* by = sort_of(what, query.sort)) {
    const auto at = by - shape_of(what).columns.data();
    page.next_value = to_row(last)[static_cast<std::size_t>(at)];
  }
  return page;
}

std::vector<field_record> fields_with(std::vector<record> rows, const geo_position& at) {
  std::vector<field_record> found;
  for (auto& row : rows) {
    auto& field = std::get<field_record>(row);
    const auto polygon = read_boundary(field.boundary);
    if (polygon && contains(*polygon, at))
      found.push_back(std::move(field));
  }
  return found;
}

rejection
met_other(const change& wanted, std::size_t place, const std::optional<std::int64_t>& standing) {
  rejection why;
  why.entity = entity_of(wanted.row);
  why.name = name_of(wanted.row);
  why.place = place;
  why.version = standing.value_or(0);
  const auto given = version_of(wanted.row);
  if (wanted.action == action::create)
    why.kind = rejection_kind::exists;
  else if (!standing)
    why.kind = rejection_kind::missing;
  else if (given != 0 && given != *standing)
    why.kind = rejection_kind::conflict;
  else
    why.kind = rejection_kind::in_use;
  return why;
}

std::string to_string(const rejection& why) {
  auto who = std::string{to_string(why.entity)} + " \"" + why.name + "\"";
  switch (why.kind) {
  case rejection_kind::invalid:
    return who + ": " + why.field + " " + why.value + ", but " + why.limit;
  case rejection_kind::conflict:
    return who + " has version " + std::to_string(why.version) + " now: read it again";
  case rejection_kind::exists:
    return who + " exists already";
  case rejection_kind::missing:
    return "there is no " + who;
  case rejection_kind::in_use:
    return who + " has streams and cannot be removed; set its status instead";
  }
  return who;
}

} // namespace furrow::storage
