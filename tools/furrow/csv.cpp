#include "tools/furrow/csv.hpp"

#include "can/text/csv.hpp"
#include "storage/farm/json_check.hpp"

#include <algorithm>
#include <cctype>
#include <map>

#include <nlohmann/json.hpp>

namespace furrow::cli {

namespace {

constexpr int members_deep_max = 8;

std::string json_text(const json& value) {
  return storage::unshield_numbers(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string cell_text(const json& value) {
  if (value.is_null())
    return {};
  const bool plain =
    value.is_string() && !storage::is_shielded(value.get_ref<const std::string&>());
  return plain ? value.get<std::string>() : json_text(value);
}

void append_members(const json& value, const std::string& name, int depth, csv_members& out) {
  if (!value.is_object() || depth == members_deep_max) {
    out.emplace_back(name, cell_text(value));
    return;
  }
  if (depth > 0 && value.contains("value") && value.contains("unit")) {
    append_members(value.at("value"), name, depth + 1, out);
    return;
  }
  for (const auto& [key, member] : value.items()) {
    auto whole = name;
    if (!whole.empty())
      whole += '.';
    append_members(member, whole.append(key), depth + 1, out);
  }
}

bool holds_objects(const json& answer) {
  return std::any_of(answer.begin(), answer.end(), [](const json& member) {
    return member.is_array() && !member.empty() && member.front().is_object();
  });
}

/// FIRST SEEN: first_seen.
std::string column_name(const std::string& heading) {
  std::string name;
  for (const char c : heading)
    name += std::isalnum(static_cast<unsigned char>(c)) != 0
              ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
              : '_';
  return name;
}

std::string csv_of_table(const table& shown) {
  std::vector<std::string> cells;
  for (const auto& heading : shown.headings)
    cells.push_back(column_name(heading));
  auto text = csv_line(cells);
  for (const auto& row : shown.rows) {
    cells.clear();
    for (const auto& cell : row) // a faint dash stands for what is not there
      cells.push_back(cell.text == "-" && cell.colour == colour::faint ? "" : cell.text);
    text += csv_line(cells);
  }
  return text;
}

/// The columns of all rows, in the order in which they come up.
class csv_columns {
public:
  void take(const csv_members& row) {
    for (const auto& [name, text] : row) {
      const auto [at, is_new] = places_.try_emplace(name, names_.size());
      if (is_new) {
        names_.push_back(name);
        is_filled_.push_back(false);
      }
      if (!text.empty())
        is_filled_[at->second] = true;
    }
  }

  /// Where a member is null in one row and an object in another, only the columns of the object stay.
  void drop_empty_parents() {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const auto inner = places_.lower_bound(names_[i] + ".");
      const bool has_inner = inner != places_.end() && inner->first.starts_with(names_[i] + ".");
      if (is_filled_[i] || !has_inner)
        kept_.push_back(names_[i]);
    }
  }
  [[nodiscard]] const std::vector<std::string>& kept() const { return kept_; }

private:
  std::vector<std::string> names_;
  std::vector<bool> is_filled_;
  std::map<std::string, std::size_t> places_;
  std::vector<std::string> kept_;
};

} // namespace

std::string csv_cell(std::string_view text) {
  std::string cell;
  can::text::append_csv_cell(cell, text);
  return cell;
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i)
    line += (i == 0 ? "" : ",") + csv_cell(cells[i]);
  return line + "\r\n";
}

csv_members csv_members_of(const json& row) {
  csv_members out;
  append_members(row, row.is_object() ? "" : "value", 0, out);
  return out;
}

std::string csv_of(const json& rows, const table& shown) {
  if (!rows.is_array() && holds_objects(rows) && !shown.headings.empty())
    return csv_of_table(shown);
  std::vector<csv_members> lines;
  if (rows.is_array())
    for (const auto& row : rows)
      lines.push_back(csv_members_of(row));
  else
    lines.push_back(csv_members_of(rows));
  csv_columns columns;
  for (const auto& line : lines)
    columns.take(line);
  columns.drop_empty_parents();
  auto text = lines.empty() ? std::string{} : csv_line(columns.kept());
  for (const auto& line : lines) {
    const std::map<std::string, std::string> known{line.begin(), line.end()};
    std::vector<std::string> cells;
    for (const auto& name : columns.kept()) {
      const auto found = known.find(name);
      cells.push_back(found == known.end() ? std::string{} : found->second);
    }
    text += csv_line(cells);
  }
  return text;
}

} // namespace furrow::cli
