#include "storage/farm/repository_audit.hpp"

#include "storage/farm/repository_rows.hpp"

#include <string_view>

#include <nlohmann/json.hpp>

namespace furrow::storage {

namespace {

/// "A00284000DE00001", as the API shows it; the row has the same 64 bits as a signed number.
std::string iso_name_text(const record& row) {
  auto number = std::get<equipment_record>(row).iso_name.value_or(0);
  std::string out(16, '0');
  for (auto digit = out.rbegin(); digit != out.rend(); ++digit, number /= 16)
    *digit = "0123456789ABCDEF"[number % 16];
  return out;
}

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// The columns as a JSON object. JSON and numbers are taken as they are stored: a parser would change large numbers.
std::string json_of(const record& row) {
  const auto values = to_row(row);
  const auto columns = shape_of(entity_of(row)).columns;
  std::string out = "{";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!values[i] || values[i]->empty())
      continue;
    const auto& value = *values[i];
    out += (out.size() > 1 ? "," : "") + quoted(columns[i].name) + ":";
    if (value.size() > noted_value_bytes_max)
      out += quoted("left out: " + std::to_string(value.size()) + " bytes");
    else if (columns[i].name == std::string_view{"iso_name"})
      out += quoted(iso_name_text(row));
    else
      out += columns[i].type == std::string_view{"text"} ? quoted(value) : value;
  }
  return out + "}";
}

const char* verb_of(const change& made, bool was_there) {
  if (made.action == action::remove)
    return " remove";
  return was_there ? " change" : " add";
}

} // namespace

bool notes_each_change(const checked_unit& unit) {
  return unit.by && unit.changes.size() <= unit_notes_max;
}

audit_row note_of(const author& by,
                  const std::string& farm,
                  const change& made,
                  const std::optional<record>& before) {
  audit_row row;
  row.who = by.who;
  row.origin = by.origin;
  row.farm = farm;
  row.action = to_string(entity_of(made.row));
  row.action += verb_of(made, before.has_value());
  row.object = farm + "/" + name_of(made.row);
  if (before)
    row.before = json_of(*before);
  if (made.action != action::remove)
    row.after = json_of(made.row);
  return row;
}

audit_row note_of(const checked_unit& unit, const std::string& farm) {
  audit_row row;
  row.who = unit.by->who;
  row.origin = unit.by->origin;
  row.farm = farm;
  row.action = to_string(entity_of(unit.changes.front().row));
  row.action += " import";
  row.object = farm;
  row.detail = std::to_string(unit.changes.size()) + " changes";
  return row;
}

} // namespace furrow::storage
